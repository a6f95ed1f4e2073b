"""The reading of each repository's star history: the rows of ``backfills`` are queue and truth.

A reading goes through the pages of GitHub's history, the newest weeks first, and each page is one
transaction; after a stop it continues with ``next_page``. Pages move while time passes: a week that
was on page 2 may be on page 3 a week later. So a week can appear twice, and none is missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from common.credentials import choose_credential
from common.db import array_literal
from common.settings import BackfillMode, Settings
from common.states import BackfillState

_LAST_ID = 2**63 - 1

AGAIN_AFTER = timedelta(days=7)
"""After which GitHub is asked again about a history that it refused or did not have."""


@dataclass(frozen=True, slots=True)
class Backfill:
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


def why_off(settings: Settings) -> str | None:
    """Return why no histories are read, in words; None if they are."""
    if settings.backfill is BackfillMode.OFF:
        return "BACKFILL is off"
    if choose_credential(settings) is None:
        return "it needs a GITHUB_TOKEN: without one GitHub allows 60 requests an hour"
    return None


def add(connection: Connection, repo_ids: Iterable[int]) -> int:
    """Have the history of repositories read that were never read; return how many are new."""
    return connection.execute(
        text(
            """
            INSERT INTO backfills (repo_id)
            SELECT id FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
            -- One that is being deleted would break the foreign key.
            ORDER BY id FOR KEY SHARE SKIP LOCKED
            ON CONFLICT (repo_id) DO NOTHING
            """
        ),
        {"ids": array_literal(repo_ids)},
    ).rowcount


_LISTED_TODAY = """
    r.state = 'listed' AND r.listed_on = (repopulse_now() AT TIME ZONE 'UTC')::date
"""
"""GitHub showed it among the public repositories of its owner today."""

_ADD_NEW = text(f"""
    INSERT INTO backfills (repo_id)
    SELECT r.id FROM repositories r
    JOIN daily_stats d ON d.repo_id = r.id AND d.date = r.listed_on
    WHERE r.id > :after AND r.id <= :upto AND {_LISTED_TODAY} AND d.stargazers > 0
      AND NOT EXISTS (SELECT FROM backfills b WHERE b.repo_id = r.id)
    ORDER BY r.id FOR KEY SHARE OF r SKIP LOCKED
    ON CONFLICT (repo_id) DO NOTHING
""")  # noqa: S608 - a condition of this module

_READ_AGAIN = text(f"""
    WITH due AS (
        SELECT b.repo_id FROM backfills b
        JOIN repositories r ON r.id = b.repo_id
        JOIN daily_stats d ON d.repo_id = r.id AND d.date = r.listed_on
        WHERE r.id > :after AND r.id <= :upto AND {_LISTED_TODAY}
          AND CASE WHEN b.state = 'done' THEN
                  (b.read_through IS NULL OR b.read_through < :last_day)
                  AND (d.stargazers IS DISTINCT FROM b.stargazers OR (
                      SELECT count(*) FROM daily_stats past
                      WHERE past.repo_id = r.id AND past.date < d.date AND past.date >= d.date - 7
                        AND past.date > b.read_through
                  ) < d.date - 1 - greatest(d.date - 8, b.read_through, r.first_seen_on - 1))
              -- A time further ahead than any rule sets is void, as in ``common.scans``.
              ELSE b.state IN ('none', 'failed')
                  AND NOT (b.not_before > repopulse_now()
                           AND b.not_before <= repopulse_now() + interval '8 days') END
        FOR NO KEY UPDATE OF b SKIP LOCKED
    )
    UPDATE backfills b
    SET state = 'pending', is_whole = (b.state <> 'done'),
        next_page = CASE WHEN b.state = 'done' THEN 1 ELSE b.next_page END,
        requested_at = repopulse_now(), not_before = '-infinity', lease_until = '-infinity',
        attempts = 0
    FROM due WHERE due.repo_id = b.repo_id
""")  # noqa: S608 - a condition of this module


@dataclass(frozen=True, slots=True)
class Due:
    """What was found among some repositories.

    :param new: histories that were never read
    :param again: histories that are to be read again
    :param upto: the last repository that was looked at; None if there are no more
    """

    new: int
    again: int
    upto: int | None


def add_due(connection: Connection, last_day: date, *, after: int, limit: int) -> Due:
    """Have histories read that are new, and those again of which something new is to be expected.

    Read again are: a repository whose count is another than at its last reading, or of which we
    missed a day since; both if another day has ended since. And what GitHub refused a week ago.

    :param last_day: the last day that has ended in Los Angeles
    :param after: look at repositories with a greater id
    :param limit: look at so many: 10,000 take some tenths of a second
    """
    upto: int | None = connection.execute(
        text("SELECT id FROM repositories WHERE id > :after ORDER BY id OFFSET :skip LIMIT 1"),
        {"after": after, "skip": limit - 1},
    ).scalar_one_or_none()
    span = {"after": after, "upto": _LAST_ID if upto is None else upto}
    new = connection.execute(_ADD_NEW, span).rowcount
    again = connection.execute(_READ_AGAIN, {"last_day": last_day, **span}).rowcount
    return Due(new, again, upto)


_REQUEST = """
    SET state = 'pending', is_whole = true, next_page = 1, reading_from = NULL,
        reading_through = NULL, reason = NULL, requested_at = repopulse_now(),
        lease_until = '-infinity', not_before = '-infinity', attempts = 0
    -- One that is being read whole already goes on, and GitHub's waits hold for it.
    WHERE NOT (b.state = 'pending' AND b.is_whole)
"""

_REQUEST_USER = text(f"""
    INSERT INTO backfills AS b (repo_id)
    SELECT id FROM repositories WHERE user_id = :id AND state <> 'gone'
      AND EXISTS (SELECT FROM daily_stats d
                  WHERE d.repo_id = repositories.id AND d.date = repositories.listed_on
                    AND d.stargazers > 0)
    ORDER BY id FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (repo_id) DO UPDATE {_REQUEST}
""")  # noqa: S608 - a clause of this module

_REQUEST_REPOSITORY = text(f"""
    INSERT INTO backfills AS b (repo_id)
    SELECT id FROM repositories WHERE id = :id FOR KEY SHARE SKIP LOCKED
    ON CONFLICT (repo_id) DO UPDATE {_REQUEST}
""")  # noqa: S608 - a clause of this module


def request_user(connection: Connection, user_id: int) -> None:
    """Have the whole history of each repository of a user read again, if it has stars."""
    connection.execute(_REQUEST_USER, {"id": user_id})


def request_repository(connection: Connection, repo_id: int) -> None:
    """Have the whole history of a repository read again."""
    connection.execute(_REQUEST_REPOSITORY, {"id": repo_id})


_COUNT_LEASES = text("""
    SELECT count(*) FROM backfills
    WHERE state = 'pending' AND lease_until > repopulse_now()
      AND lease_until <= repopulse_now()
          + greatest(make_interval(secs => 2 * :lease), interval '1 hour')
""")

_CLAIM = text(f"""
    WITH due AS (
        SELECT b.repo_id AS due_id FROM backfills b JOIN repositories r ON r.id = b.repo_id
        WHERE b.state = 'pending' AND {_LISTED_TODAY}
          AND NOT (b.lease_until > repopulse_now()
                   AND b.lease_until <= repopulse_now()
                       + greatest(make_interval(secs => 2 * :lease), interval '1 hour'))
          AND NOT (b.not_before > repopulse_now()
                   AND b.not_before <= repopulse_now() + interval '2 days')
        -- What failed goes last: it may kill its worker each time.
        ORDER BY b.is_whole, b.attempts, b.requested_at, b.repo_id
        LIMIT :limit
        FOR NO KEY UPDATE OF b SKIP LOCKED
    )
    UPDATE backfills
    SET lease_until = repopulse_now() + make_interval(secs => :lease), attempts = attempts + 1
    FROM due WHERE repo_id = due_id
    RETURNING repo_id, (
        SELECT u.login || '/' || r.name FROM repositories r JOIN users u ON u.id = r.user_id
        WHERE r.id = repo_id
    ) AS full_name
""")  # noqa: S608 - a condition of this module


@dataclass(frozen=True, slots=True)
class Claim:
    """A reading that was leased."""

    repo_id: int
    full_name: str


def claim(connection: Connection, *, most: int, lease: float) -> list[Claim]:
    """Lease readings that are due, as many as are missing to ``most`` leases.

    New readings of the newest weeks come first, since a day's first reading counts; then the whole
    histories in the order in which they were requested. None if another transaction claims now.

    :param lease: seconds after which a reading that is still pending is due again
    """
    is_alone = connection.execute(
        text("SELECT pg_try_advisory_xact_lock(hashtext('repopulse backfills'))")
    ).scalar_one()
    if not is_alone:
        return []
    leased = connection.execute(_COUNT_LEASES, {"lease": lease}).scalar_one()
    if leased >= most:
        return []
    # A number, by which Postgres knows that it need not sort all that wait.
    values = {"limit": most - leased, "lease": lease}
    return [Claim(*tuple(row)) for row in connection.execute(_CLAIM, values)]


_COLUMNS = """
    repo_id, next_page, is_whole, read_through, reading_from, reading_through, etag, read_at,
    attempts,
    (SELECT stargazers FROM daily_stats d
     WHERE d.repo_id = b.repo_id AND d.date <= (repopulse_now() AT TIME ZONE 'UTC')::date
     ORDER BY d.date DESC LIMIT 1) AS stargazers,
    (SELECT node_id FROM repositories r WHERE r.id = b.repo_id) AS node_id
"""


def _backfill(row: Row[Any] | None) -> Backfill | None:
    return None if row is None else Backfill(*tuple(row))


def get_pending(connection: Connection, repo_id: int) -> Backfill | None:
    """Return a reading if it is pending and GitHub listed the repository today."""
    return _backfill(
        connection.execute(
            text(
                f"""
                SELECT {_COLUMNS} FROM backfills b
                WHERE repo_id = :id AND state = 'pending' AND EXISTS (
                    SELECT FROM repositories r WHERE r.id = b.repo_id AND {_LISTED_TODAY}
                )
                """  # noqa: S608 - columns and a condition of this module
            ),
            {"id": repo_id},
        ).one_or_none()
    )


def lock_pending(connection: Connection, read: Backfill) -> Backfill | None:
    """Lock a reading against other writers and deletion until the transaction ends.

    :param read: the reading as it was before its next page was requested
    :return: the reading; None if it is not pending any more, is another one or further by now, or
        if the repository was deleted or is not public any more
    """
    # In the order in which a deletion locks them, so that the two cannot deadlock.
    is_public = connection.execute(
        text("SELECT state = 'listed' FROM repositories WHERE id = :id FOR KEY SHARE"),
        {"id": read.repo_id},
    ).scalar_one_or_none()
    if not is_public:
        return None
    return _backfill(
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
