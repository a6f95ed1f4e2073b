"""What this database is: the GitHub whose ids it holds.

An id names an account or a repository at one GitHub only. The worker that stores the first row also
stores the name of its GitHub; from then on workers refuse to store rows from any other.
"""

from sqlalchemy import Connection, select, update

from common.tables import installation


def recorded_github(connection: Connection) -> str | None:
    """Return the name of the GitHub that this database records; None if nothing is recorded yet."""
    return connection.execute(select(installation.c.github)).scalar_one_or_none()


def claim_github(connection: Connection, name: str) -> str | None:
    """Make the database remember a GitHub, unless it does another; return the one that it does.

    The claim holds once the caller's transaction is committed; another's waits for that.
    """
    connection.execute(
        update(installation).where(installation.c.github.is_(None)).values(github=name)
    )
    return recorded_github(connection)


def describe_other(recorded: str | None, name: str) -> str | None:
    """Return in words that the database records another GitHub than the settings name; or None."""
    if recorded in (None, name):
        return None
    return f"this database records {recorded}, and GITHUB_API_URL is an address of {name}"
