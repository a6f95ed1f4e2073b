"""What this database is: the id of its installation, and the GitHub whose ids it holds.

The id of an account or a repository is one of one GitHub only. The worker that stores the first row
also stores the name of its GitHub; from then on workers refuse to store rows from any other.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select, update

from common.tables import installation


@dataclass(frozen=True, slots=True)
class Installation:
    """The one row of the table.

    :param github: the name of the GitHub that the database records; None if nothing is recorded yet
    """

    id: UUID
    github: str | None


def read(connection: Connection) -> Installation:
    """Return what this database is."""
    row = connection.execute(select(installation.c.id, installation.c.github)).one()
    return Installation(row.id, row.github)


def claim_github(connection: Connection, name: str) -> str | None:
    """Make the database remember a GitHub, unless it does another; return the one that it does.

    The claim holds once the caller's transaction is committed; another's waits for that.
    """
    connection.execute(
        update(installation).where(installation.c.github.is_(None)).values(github=name)
    )
    return read(connection).github


def describe_other(recorded: str | None, name: str) -> str | None:
    """Return in words that the database records another GitHub than the settings name; or None."""
    if recorded in (None, name):
        return None
    return f"this database records {recorded}, and GITHUB_API_URL is an address of {name}"
