"""What a response with a history depends on, so that it can have an ETag.

The revision of a repository changes with each scan, but neither with a reading of GitHub's history
nor with an import.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Revision:
    """A repository, today, and a text that changes with anything that its history depends on."""

    repo_id: int
    user_id: int
    login: str
    name: str
    today: date
    text: str


@dataclass(frozen=True, slots=True)
class TotalRevision:
    """The same for the totals of a user."""

    today: date
    text: str


_TODAY = "(repopulse_now() AT TIME ZONE 'UTC')::date"

# Each page of a reading changes the row of the backfill, in one transaction with the gains. An
# import's rows count from the moment at which it is applied, and not after it is undone. Owners,
# because a user's rows may be deleted.
_PARTS = """
    r.id, r.revision, r.xmin, r.user_id, b.xmin, b.read_through, b.read_at,
    (SELECT string_agg(o.user_id::text, ',' ORDER BY o.user_id) FROM ownerships o
     WHERE o.repo_id = r.id)
"""

_IMPORTS = "(SELECT string_agg(id::text, ',' ORDER BY id) FROM imports WHERE state = 'applied')"


def of_repository(connection: Connection, repo_id: int) -> Revision | None:
    """Return the revision of a repository's history; None if no tracked user has or had it."""
    row = connection.execute(
        text(
            f"""
            SELECT r.id, r.user_id, u.login, r.name, {_TODAY}, concat_ws(' ', {_PARTS}, {_IMPORTS})
            FROM repositories r JOIN users u ON u.id = r.user_id
            LEFT JOIN backfills b ON b.repo_id = r.id
            WHERE r.id = :id
            """  # noqa: S608 - constants
        ),
        {"id": repo_id},
    ).one_or_none()
    return None if row is None else Revision(*row)


def of_user(connection: Connection, user_id: int) -> TotalRevision:
    """Return the revision of the totals of a user's repositories."""
    row = connection.execute(
        text(
            f"""
            SELECT {_TODAY}, concat({_IMPORTS}, encode(sha256(convert_to(coalesce(
                string_agg(concat_ws(' ', {_PARTS}), ' ' ORDER BY r.id), ''), 'UTF8')), 'hex'))
            FROM ownerships owned JOIN repositories r ON r.id = owned.repo_id
            LEFT JOIN backfills b ON b.repo_id = r.id
            WHERE owned.user_id = :id
            """  # noqa: S608 - constants
        ),
        {"id": user_id},
    ).one()
    return TotalRevision(*row)
