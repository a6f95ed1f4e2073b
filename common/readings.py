"""One reading of a repository's star history, as the task that makes it stores it.

A reading goes through the pages of GitHub's history, the newest weeks first, and each page is one
transaction; after a stop it continues with ``next_page``. Pages move while time passes: a week that
was on page 2 may be on page 3 a week later. So a week can appear twice, and none is missed.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from common.states import BackfillState

AGAIN_AFTER = timedelta(days=7)
"""After which GitHub is asked again about a history that it refused or did not have."""

LISTED_TODAY = """
    r.state = 'listed' AND r.listed_on = (repopulse_now() AT TIME ZONE 'UTC')::date
"""
"""GitHub showed it among the public repositories of its owner today."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading that is to be continued with ``next_page``.

    :param is_whole: it goes to the last page, or else to what is known already
    :param read_through: the last day of what is known; None before the first reading has ended
    :param reading_from: with the next, the days that this reading has so far
    :param etag: of page 1, as in ``tables.backfills``
    :param read_at: when the last reading ended
    :param stargazers: the newest observed count; None if there is none
    :param node_id: the repository's; None if it is not known
    """

    repo_id: int
    next_page: int
    is_whole: bool
    read_through: date | None
    reading_from: date | None
    reading_through: date | None
    etag: str | None
    read_at: datetime | None
    attempts: int
    stargazers: int | None
    node_id: str | None

    def was_read(self, day: date) -> bool:
        """Return whether a page of this reading or of an earlier one had a day."""
        if self.read_through is not None and day <= self.read_through:
            return True
        if self.reading_from is None or self.reading_through is None:
            return False
        return self.reading_from <= day <= self.reading_through


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading has come with one page.

    :param next_page: 1 if the reading has ended
    :param reading_from: the first day of the oldest week that was read
    :param is_last: the history has no older week
    :param is_done: the reading has ended
    """

    next_page: int
    reading_from: date | None
    reading_through: date
    etag: str | None
    is_last: bool
    is_done: bool


_COLUMNS = """
    repo_id, next_page, is_whole, read_through, reading_from, reading_through, etag, read_at,
    attempts,
    (SELECT stargazers FROM daily_stats d
     WHERE d.repo_id = b.repo_id AND d.date <= (repopulse_now() AT TIME ZONE 'UTC')::date
     ORDER BY d.date DESC LIMIT 1) AS stargazers,
    (SELECT node_id FROM repositories r WHERE r.id = b.repo_id) AS node_id
"""


def _reading(row: Row[Any] | None) -> Reading | None:
    return None if row is None else Reading(*tuple(row))


def get_pending(connection: Connection, repo_id: int) -> Reading | None:
    """Return a reading if it is pending and GitHub listed the repository today."""
    return _reading(
        connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM backfills b
                WHERE repo_id = :id AND state = 'pending' AND EXISTS (
                    SELECT FROM repositories r WHERE r.id = b.repo_id AND {LISTED_TODAY}
                )
                """  # noqa: S608 - columns and a condition of this module
            ),
            {"id": repo_id},
        ).one_or_none()
    )


def lock_pending(connection: Connection, read: Reading) -> Reading | None:
    """Lock a reading against other writers and deletion until the transaction ends.

    :param read: the reading as it was before its next page was requested
    :return: the reading; None if it is no longer pending, was requested anew or has reached
        another page, or if the repository was deleted or is no longer public
    """
    # In the order in which a deletion locks them, so that the two cannot deadlock.
    is_public = connection.execute(
        text("SELECT state = 'listed' FROM repositories WHERE id = :id FOR KEY SHARE"),
        {"id": read.repo_id},
    ).scalar_one_or_none()
    if not is_public:
        return None
    return _reading(
        connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM backfills b
                WHERE repo_id = :id AND state = 'pending' AND next_page = :page
                  AND is_whole = :whole
                FOR NO KEY UPDATE
                """  # noqa: S608 - columns of this module
            ),
            {"id": read.repo_id, "page": read.next_page, "whole": read.is_whole},
        ).one_or_none()
    )


def renew(connection: Connection, repo_id: int, *, lease: float) -> None:
    """Renew the lease of a reading, unless it was given back meanwhile."""
    connection.execute(
        text(
            """
            UPDATE backfills SET lease_until = repopulse_now() + make_interval(secs => :lease)
            WHERE repo_id IN (
                SELECT repo_id FROM backfills
                WHERE repo_id = :id AND state = 'pending' AND isfinite(lease_until)
                FOR NO KEY UPDATE SKIP LOCKED
            )
            """
        ),
        {"id": repo_id, "lease": lease},
    )


def advance(connection: Connection, repo_id: int, progress: Progress) -> None:
    """Store how far a locked reading has come; the last page ends it."""
    connection.execute(
        text(
            """
            UPDATE backfills
            SET next_page = :next_page, reading_from = :reading_from,
                reading_through = :reading_through, etag = :etag, reason = NULL
            WHERE repo_id = :id
            """
        ),
        {
            "id": repo_id,
            "next_page": progress.next_page,
            "reading_from": progress.reading_from,
            "reading_through": progress.reading_through,
            "etag": progress.etag,
        },
    )
    if progress.is_done:
        _finish(connection, repo_id, is_last=progress.is_last)


def _finish(connection: Connection, repo_id: int, *, is_last: bool) -> None:
    connection.execute(
        text(
            """
            UPDATE backfills b
            SET state = 'done', read_through = greatest(read_through, reading_through),
                read_from = CASE WHEN :is_last THEN reading_from ELSE read_from END,
                reading_from = NULL, reading_through = NULL, next_page = 1, attempts = 0,
                lease_until = '-infinity', not_before = '-infinity', read_at = repopulse_now(),
                stargazers = (
                    SELECT stargazers FROM daily_stats d
                    WHERE d.repo_id = b.repo_id
                      AND d.date <= (repopulse_now() AT TIME ZONE 'UTC')::date
                    ORDER BY d.date DESC LIMIT 1
                )
            WHERE repo_id = :id
            """
        ),
        {"id": repo_id, "is_last": is_last},
    )


def reschedule(
    connection: Connection,
    repo_id: int,
    *,
    reason: str | None,
    not_before: datetime | None = None,
    counts_as_attempt: bool = False,
    from_page_1: bool = False,
) -> None:
    """Give a pending reading back, to be claimed from ``not_before`` on, or by the next sweep.

    :param from_page_1: what this reading has so far does not count
    """
    connection.execute(
        text(
            """
            UPDATE backfills
            SET reason = :reason, lease_until = '-infinity',
                not_before = coalesce(CAST(:not_before AS timestamptz), not_before),
                attempts = CASE WHEN :counts THEN attempts ELSE greatest(0, attempts - 1) END,
                next_page = CASE WHEN :again THEN 1 ELSE next_page END,
                reading_from = CASE WHEN :again THEN NULL ELSE reading_from END,
                reading_through = CASE WHEN :again THEN NULL ELSE reading_through END
            WHERE repo_id = :id AND state = 'pending'
            """
        ),
        {
            "id": repo_id,
            "reason": reason,
            "not_before": not_before,
            "counts": counts_as_attempt,
            "again": from_page_1,
        },
    )


def give_up(
    connection: Connection, repo_id: int, state: BackfillState, *, reason: str, now: datetime
) -> None:
    """End a pending reading that GitHub refuses; it is tried again after ``AGAIN_AFTER``.

    :param state: ``NONE`` or ``FAILED``
    """
    connection.execute(
        text(
            """
            UPDATE backfills
            SET state = :state, reason = :reason, lease_until = '-infinity', attempts = 0,
                not_before = :again_at
            WHERE repo_id = :id AND state = 'pending'
            """
        ),
        {"id": repo_id, "state": state, "reason": reason, "again_at": now + AGAIN_AFTER},
    )


def give_up_all(connection: Connection, *, reason: str, now: datetime) -> None:
    """End all pending readings, because this GitHub has no histories."""
    connection.execute(
        text(
            """
            UPDATE backfills
            SET state = 'none', reason = :reason, lease_until = '-infinity', attempts = 0,
                not_before = :again_at
            WHERE repo_id IN (
                SELECT repo_id FROM backfills WHERE state = 'pending'
                ORDER BY repo_id FOR NO KEY UPDATE SKIP LOCKED
            )
            """
        ),
        {"reason": reason, "again_at": now + AGAIN_AFTER},
    )
