"""Which user's day is due, taken, done or put back.

The ``users`` table is the queue. A claim takes users who are due under ``FOR UPDATE SKIP LOCKED``
and gives each a lease; a scan ends with ``finish`` (the day is settled) or ``put_back`` (due again
later). Whoever dies in between leaves a lease that ends. Attempts are counted at the claim, so that
even a user whose scan kills its worker is set aside in the end.

A task that begins a scan holds the user by its own id: another message for the same user finds it
taken, and so does the own message of a user whom another task took along in its request.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection, text

from common.states import ScanState


@dataclass(frozen=True, slots=True)
class Claim:
    """A user who was due and is now leased to whoever gets the message."""

    user_id: int
    day: date
    is_first: bool
    """Never scanned: a person may be waiting."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A scan that is to be made: who, and for which day.

    :param expected: how many repositories GitHub listed today; None where that is not known yet
    :param attempts: how often it was begun today, this time included
    :param failures: claims since the user's last scan that came to an end
    """

    user_id: int
    login: str
    node_id: str | None
    day: date
    started_at: datetime
    expected: int | None
    attempts: int
    failures: int
    repositories: int | None
    """How many GitHub counted at the last scan that came to an end."""


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """What became of one user's day."""

    day: date
    state: ScanState
    reason: str | None
    expected: int | None
    recorded: int
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None


def claim(
    connection: Connection, *, limit: int, lease: float, max_attempts: int, scan_at: time
) -> list[Claim]:
    """Take users who are due today, those never scanned first.

    A user is due who was not scanned today, whom nobody holds and who need not wait; before
    ``scan_at`` (UTC) only those who were never scanned. Users beyond ``max_attempts`` are claimed
    once a day.

    :param lease: seconds until the claim is void
    """
    rows = connection.execute(
        text(
            """
            WITH clock AS (
                SELECT repopulse_now() AS now, (repopulse_now() AT TIME ZONE 'UTC')::date AS today
            ), due AS (
                SELECT u.id, u.scanned_on IS NULL AS is_first, clock.*
                FROM users u, clock
                WHERE (u.scanned_on IS NULL
                       OR u.scanned_on < today
                          AND now >= (today + CAST(:scan_at AS time)) AT TIME ZONE 'UTC')
                  AND u.lease_until <= now AND u.not_before <= now
                ORDER BY u.scanned_on NULLS FIRST, u.id
                LIMIT :limit
                FOR UPDATE OF u SKIP LOCKED
            ), claimed AS (
                UPDATE users u
                SET lease_until = due.now + make_interval(secs => :lease),
                    held_by = NULL,
                    attempts = u.attempts + 1,
                    -- Said at the claim: a scan that kills its worker never gets to say it.
                    not_before = CASE
                        WHEN u.attempts + 1 > :max_attempts
                        THEN (due.today + 1 + CAST(:scan_at AS time)) AT TIME ZONE 'UTC'
                        ELSE u.not_before END
                FROM due WHERE u.id = due.id
                RETURNING u.id, due.today, due.is_first
            )
            INSERT INTO scans AS s (user_id, day, attempts)
            SELECT id, today, 1 FROM claimed ORDER BY id
            ON CONFLICT (user_id, day) DO UPDATE SET attempts = s.attempts + 1
            RETURNING user_id, day, (SELECT is_first FROM claimed WHERE id = user_id)
            """
        ),
        {"limit": limit, "lease": lease, "max_attempts": max_attempts, "scan_at": scan_at},
    )
    return sorted(
        (Claim(*row) for row in rows), key=lambda claim: (not claim.is_first, claim.user_id)
    )


_BEGUN_COLUMNS = "users.id, login, node_id, day, attempts AS failures, repositories"

_BEGUN_RECORDS = """
record AS (
    -- A load comes without a claim, which would have made the record.
    INSERT INTO scans AS s (user_id, day, attempts) SELECT id, day, 1 FROM begun ORDER BY id
    ON CONFLICT (user_id, day) DO UPDATE SET state = 'claimed'
    RETURNING s.user_id, s.expected, s.attempts
)
SELECT begun.id, login, node_id, day, repopulse_now(), expected, attempts, failures, repositories
FROM begun JOIN record ON record.user_id = begun.id
"""


def begin(
    connection: Connection, user_id: int, *, holder: str, lease: float, day: date | None = None
) -> Begun | None:
    """Begin the scan of a user for a day, by default the day that it is now.

    :param holder: the task that begins it; the same task may begin it again
    :return: None where there is nothing to do: the user is followed no more, that day or a later
        one is settled, or another task is at work on it
    """
    row = connection.execute(
        text(
            f"""
            WITH wanted AS (
                SELECT coalesce(
                    CAST(:day AS date), (repopulse_now() AT TIME ZONE 'UTC')::date
                ) AS day
            ), begun AS (
                UPDATE users
                SET lease_until = repopulse_now() + make_interval(secs => :lease),
                    held_by = :holder
                FROM wanted
                WHERE id = :id AND (scanned_on IS NULL OR scanned_on < day)
                  AND (held_by IS NULL OR held_by = :holder OR lease_until <= repopulse_now())
                RETURNING {_BEGUN_COLUMNS}
            ), {_BEGUN_RECORDS}
            """  # noqa: S608 - constants
        ),
        {"id": user_id, "lease": lease, "holder": holder, "day": day},
    ).one_or_none()
    return None if row is None else Begun(*row)


def take_along(
    connection: Connection, day: date, *, holder: str, lease: float, largest: int, limit: int
) -> list[Begun]:
    """Begin the scans of other users who are due and small enough to share a request.

    Only users whose message is on its way and who fail at nothing: one that failed is tried alone.

    :param largest: how many repositories they may have; those that come near to it go first
    """
    rows = connection.execute(
        text(
            f"""
            WITH small AS (
                SELECT id FROM users
                WHERE held_by IS NULL AND attempts = 1 AND repositories <= :largest
                  AND scanned_on < :day AND lease_until > repopulse_now()
                  AND node_id IS NOT NULL AND missing_since IS NULL
                ORDER BY repositories DESC, id DESC
                LIMIT :limit
                FOR UPDATE SKIP LOCKED
            ), begun AS (
                UPDATE users
                SET lease_until = repopulse_now() + make_interval(secs => :lease),
                    held_by = :holder
                FROM small, (SELECT CAST(:day AS date) AS day) AS wanted
                WHERE users.id = small.id
                RETURNING {_BEGUN_COLUMNS}
            ), {_BEGUN_RECORDS}
            """  # noqa: S608 - constants
        ),
        {"day": day, "holder": holder, "lease": lease, "largest": largest, "limit": limit},
    )
    return [Begun(*row) for row in rows]


def finish(
    connection: Connection,
    user_id: int,
    day: date,
    *,
    state: ScanState,
    expected: int | None = None,
    recorded: int = 0,
    reason: str | None = None,
    next_day: date | None = None,
) -> bool:
    """Settle a user's day, unless somebody else has.

    :param next_day: the day before which the user is not due again, where that is not the next one
    :return: False where the day was settled already; the caller then rolls back what it wrote
    """
    settled = connection.execute(
        text(
            """
            UPDATE users
            SET scanned_on = :day, lease_until = '-infinity', held_by = NULL, attempts = 0,
                repositories = coalesce(:expected, repositories),
                not_before = coalesce(
                    CAST(:next_day AS date)::timestamp AT TIME ZONE 'UTC', '-infinity'
                )
            WHERE id = :id AND (scanned_on IS NULL OR scanned_on < :day)
            """
        ),
        {"id": user_id, "day": day, "next_day": next_day, "expected": expected},
    )
    if settled.rowcount == 0:
        return False
    _describe(
        connection,
        user_id,
        day,
        state=state,
        reason=reason,
        expected=expected,
        recorded=recorded,
        is_finished=True,
    )
    return True


def put_back(
    connection: Connection,
    user_id: int,
    day: date,
    *,
    state: ScanState,
    reason: str,
    not_before: datetime,
    expected: int | None = None,
    recorded: int = 0,
    counts_as_attempt: bool = True,
) -> bool:
    """Give a user's day back, to be taken up again at ``not_before`` or when the day after begins.

    :param counts_as_attempt: False for a wait that GitHub asked for: a limit is no failure
    :return: False where the day was settled already
    """
    row = connection.execute(
        text(
            """
            UPDATE users
            SET lease_until = '-infinity', held_by = NULL,
                -- A wait gives back the one try a day that the claim took from who is set aside.
                not_before = CASE WHEN :counts THEN greatest(not_before, :not_before)
                                  ELSE CAST(:not_before AS timestamptz) END,
                attempts = greatest(0, attempts - CASE WHEN :counts THEN 0 ELSE 1 END)
            WHERE id = :id AND (scanned_on IS NULL OR scanned_on < :day)
            """
        ),
        {"id": user_id, "day": day, "not_before": not_before, "counts": counts_as_attempt},
    )
    if row.rowcount == 0:
        return False
    if not counts_as_attempt:
        connection.execute(
            text(
                "UPDATE scans SET attempts = greatest(0, attempts - 1)"
                " WHERE user_id = :id AND day = :day"
            ),
            {"id": user_id, "day": day},
        )
    _describe(
        connection,
        user_id,
        day,
        state=state,
        reason=reason,
        expected=expected,
        recorded=recorded,
        is_finished=False,
    )
    return True


def _describe(
    connection: Connection,
    user_id: int,
    day: date,
    *,
    state: ScanState,
    reason: str | None,
    expected: int | None,
    recorded: int,
    is_finished: bool,
) -> None:
    connection.execute(
        text(
            """
            UPDATE scans
            SET state = :state, reason = :reason, expected = coalesce(:expected, expected),
                recorded = :recorded, finished_at = CASE WHEN :finished THEN repopulse_now() END
            WHERE user_id = :id AND day = :day
            """
        ),
        {
            "id": user_id,
            "day": day,
            "state": state,
            "reason": reason,
            "expected": expected,
            "recorded": recorded,
            "finished": is_finished,
        },
    )


def close_past(connection: Connection) -> int:
    """Say what became of scans that a past day left unfinished: a gap can be seen.

    :return: how many there were
    """
    return connection.execute(
        text(
            """
            UPDATE scans
            SET state = CASE WHEN recorded > 0 THEN 'incomplete' ELSE 'failed' END,
                reason = coalesce(reason, 'the day ended before the scan did'),
                finished_at = repopulse_now()
            WHERE day < (repopulse_now() AT TIME ZONE 'UTC')::date
              AND state IN ('claimed', 'waiting')
            """
        )
    ).rowcount


def read(connection: Connection, user_id: int, date_from: date, date_to: date) -> list[ScanRecord]:
    """Return what became of a user's days between two, both included, newest first."""
    rows = connection.execute(
        text(
            """
            SELECT s.day, s.state, s.reason, s.expected, s.recorded, s.attempts,
                   s.started_at, s.finished_at,
                   CASE WHEN s.finished_at IS NULL
                             AND s.day = (repopulse_now() AT TIME ZONE 'UTC')::date
                             AND isfinite(greatest(u.not_before, u.lease_until))
                        THEN greatest(u.not_before, u.lease_until) END
            FROM scans s JOIN users u ON u.id = s.user_id
            WHERE s.user_id = :id AND s.day BETWEEN :date_from AND :date_to
            ORDER BY s.day DESC
            """
        ),
        {"id": user_id, "date_from": date_from, "date_to": date_to},
    )
    return [ScanRecord(row[0], ScanState(row[1]), *row[2:]) for row in rows]
