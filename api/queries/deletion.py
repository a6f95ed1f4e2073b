"""What goes with a user who is deleted, counted before it is."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Deletion:
    """What the deletion of a user deletes, and what it leaves.

    :param repositories: those with days of this user
    :param shared: those of them that have days of another followed user too, which stay
    :param days: on which anything was recorded of them
    :param first_day: the first of these days; None if there are none
    :param last_day: the last of these days; None if there are none
    :param histories: repositories whose star history at GitHub was read
    :param imported: repositories with imported counts
    :param notes: written about days of the repositories
    """

    repositories: int
    shared: int
    days: int
    first_day: date | None
    last_day: date | None
    histories: int
    imported: int
    notes: int


def preview(connection: Connection, user_id: int) -> Deletion:
    """Return what the deletion of a user would delete, without reading the daily rows."""
    row = connection.execute(text(_PREVIEW), {"user_id": user_id}).one()
    return Deletion(*row)


# ``users.delete`` gives a repository that another user had to that user, with its history and its
# imported counts.
_PREVIEW = """
WITH owned AS (
    SELECT o.repo_id, EXISTS (
        SELECT FROM ownerships other WHERE other.repo_id = o.repo_id AND other.user_id <> o.user_id
    ) AS is_shared
    FROM ownerships o WHERE o.user_id = :user_id
), recorded AS (
    SELECT count(*) AS days, min(day) AS first_day, max(day) AS last_day
    FROM scans WHERE user_id = :user_id AND recorded > 0
)
SELECT (SELECT count(*) FROM owned),
       (SELECT count(*) FROM owned WHERE is_shared),
       recorded.days, recorded.first_day, recorded.last_day,
       (SELECT count(*) FROM owned JOIN backfills b ON b.repo_id = owned.repo_id
        WHERE NOT is_shared AND b.read_through IS NOT NULL),
       (SELECT count(*) FROM owned
        WHERE NOT is_shared AND EXISTS (
            SELECT FROM imported_stats i JOIN imports ON imports.id = i.import_id
            WHERE i.repo_id = owned.repo_id AND imports.state = 'applied')),
       (SELECT count(*) FROM owned JOIN notes n ON n.repo_id = owned.repo_id WHERE NOT is_shared)
FROM recorded
"""
