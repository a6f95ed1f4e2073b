"""How far today's scans are, and how many users are overdue."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from common import collection
from common.collection import CompletedDay


@dataclass(frozen=True, slots=True)
class Progress:
    """How far today's scans are; the counts are users.

    Each user is recorded, not found, or due.

    :param now: the database's time
    :param today: its UTC day
    :param vanished: not found on two days at least
    :param not_found: GitHub showed no such account when it was last asked
    :param recorded: scanned today, with rows of all repositories or of some
    :param incomplete: of the recorded, those without rows of all repositories
    :param due: not scanned today yet, those who wait or fail included
    :param waiting: due, and not to be tried before a set time
    :param failing: due, and an attempt failed since the last scan that ended
    :param histories: star histories that are to be read, whenever there is nothing else to do
    :param complete: the newest day on which every user was scanned; None before the first
    :param newest: the newest day on which any user's scan was settled
    """

    now: datetime
    today: date
    followed: int
    vanished: int
    not_found: int
    recorded: int
    incomplete: int
    due: int
    waiting: int
    failing: int
    histories: int
    complete: CompletedDay | None
    newest: date | None

    @property
    def summary(self) -> str:
        """One sentence without its full stop: what became of today's scans so far."""
        parts = [
            collection.summarize(
                self.recorded, self.followed, self.not_found, incomplete=self.incomplete
            )
        ]
        if self.due:
            parts.append(f"{self.due:,} due")
        if self.waiting:
            parts.append(f"{self.waiting:,} of them waiting for GitHub or a retry")
        return ", ".join(parts)


def get_progress(connection: Connection) -> Progress:
    """Count the users by the state of today's scan."""
    row = connection.execute(
        text(
            """
            SELECT now, today, count(id) AS followed,
                   count(*) FILTER (WHERE state = 'vanished') AS vanished,
                   count(*) FILTER (WHERE is_missing) AS not_found,
                   count(*) FILTER (WHERE scanned_on = today AND NOT is_missing) AS recorded,
                   (SELECT count(*) FROM scans s JOIN users u ON u.id = s.user_id
                    WHERE s.day = today AND s.state = 'incomplete'
                      AND u.scanned_on = today AND u.missing_since IS NULL) AS incomplete,
                   count(*) FILTER (WHERE is_due) AS due,
                   count(*) FILTER (WHERE is_due AND is_waiting) AS waiting,
                   count(*) FILTER (WHERE is_due AND has_failed) AS failing,
                   (SELECT count(*) FROM backfills WHERE state = 'pending') AS histories,
                   max(scanned_on) FILTER (WHERE scanned_on <= today) AS newest
            FROM (
                SELECT repopulse_now() AS now,
                       (repopulse_now() AT TIME ZONE 'UTC')::date AS today
            ) AS clock
            LEFT JOIN LATERAL (
                SELECT id, state, scanned_on,
                       -- An attempt is counted when it is claimed: the first may be under way.
                       attempts > 1 OR attempts = 1 AND lease_until = '-infinity' AS has_failed,
                       missing_since IS NOT NULL AS is_missing,
                       -- Days to come, and waits of more than two days, are a wrong clock's.
                       missing_since IS NULL AND scanned_on IS DISTINCT FROM today AS is_due,
                       not_before > now AND not_before <= now + interval '2 days' AS is_waiting
                FROM users
            ) AS users ON true
            GROUP BY now, today
            """
        )
    ).one()
    return Progress(**row._mapping, complete=collection.last_completed_day(connection))  # noqa: SLF001 - SQLAlchemy's public name for it


def count_overdue(connection: Connection, *, hours: int) -> int:
    """Count the users without a settled scan in the last hours.

    Users whom GitHub does not show do not count.

    Users who were never scanned count from when they were added.

    :param hours: from 24 to 48
    """
    count: int = connection.execute(
        text(
            """
            WITH line AS (
                SELECT moment, (moment AT TIME ZONE 'UTC')::date AS day,
                       now, (now AT TIME ZONE 'UTC')::date AS today
                FROM (
                    SELECT repopulse_now() - make_interval(hours => :hours) AS moment,
                           repopulse_now() AS now
                ) AS before
            )
            SELECT count(*) FROM users u, line
            WHERE u.missing_since IS NULL
              AND CASE
                  WHEN u.scanned_on IS NULL THEN u.added_at < moment
                  WHEN u.scanned_on > day AND u.scanned_on <= today THEN false
                  -- A scan ends some minutes after its day at the latest.
                  WHEN u.scanned_on < day - 1 THEN true
                  -- Looked up one by one, by primary key: no index has the end of a scan.
                  ELSE NOT EXISTS (
                      SELECT FROM scans s
                      -- A day to come is a wrong clock's, and says nothing of the last scan.
                      WHERE s.user_id = u.id AND s.day >= least(u.scanned_on, day)
                        AND s.day <= today AND s.finished_at BETWEEN moment AND now
                  )
              END
            """
        ),
        {"hours": hours},
    ).scalar_one()
    return count
