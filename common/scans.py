"""Which user's day is due, taken, done or put back.

The ``users`` table is the queue. A claim takes users who are due under ``FOR UPDATE SKIP LOCKED``
and gives each a lease; a scan ends with ``finish`` (the day is settled) or ``put_back`` (due again
later). Whoever dies in between leaves a lease that ends. Attempts are counted at the claim, and
where a message comes again whose task was killed, so that even a user whose scan kills its worker
is set aside in the end. A message that was lost before anybody began counts as none.

A task that begins a scan holds the user by its own id: another message for the same user finds it
taken.
"""

from collections.abc import Mapping, Sequence
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
    size: int | None = None
    """How many repositories GitHub counted, of one who may share a request; None goes alone."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A scan that is to be made: who, and for which day.

    :param expected: how many repositories GitHub listed today; None where that is not known yet
    :param attempts: how often it was begun today, this time included
    :param failures: attempts since the user's last scan that came to an end, this one included
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
    is_repeated: bool
    """The same task had begun it before, and was killed or stopped."""
    holder: str
    """The task that began it."""


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
                SELECT u.id, u.scanned_on IS NULL AS is_first, clock.*,
                       -- Claimed before, and its lease ran out with nobody having begun: the
                       -- message was lost, which is no fault of the user's.
                       u.attempts + CASE WHEN u.attempts > 0 AND u.held_by IS NULL
                                              AND isfinite(u.lease_until)
                                         THEN 0 ELSE 1 END AS attempts
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
                    attempts = due.attempts,
                    -- Said at the claim: a scan that kills its worker never gets to say it.
                    not_before = CASE
                        WHEN due.attempts > :max_attempts
                        THEN (due.today + 1 + CAST(:scan_at AS time)) AT TIME ZONE 'UTC'
                        ELSE u.not_before END
                FROM due WHERE u.id = due.id
                RETURNING u.id, due.today, due.is_first, u.attempts - old.attempts AS counted,
                          -- One that failed is tried alone.
                          CASE WHEN u.attempts = 1 AND NOT due.is_first AND u.node_id IS NOT NULL
                                    AND u.missing_since IS NULL
                               THEN u.repositories END AS size
            ), recorded AS (
                INSERT INTO scans AS s (user_id, day, attempts)
                SELECT id, today, 1 FROM claimed ORDER BY id
                ON CONFLICT (user_id, day) DO UPDATE
                SET attempts = s.attempts + (SELECT counted FROM claimed WHERE id = s.user_id)
                RETURNING user_id, day
            )
            SELECT id, day, is_first, size FROM claimed JOIN recorded ON user_id = id
            """
        ),
        {"limit": limit, "lease": lease, "max_attempts": max_attempts, "scan_at": scan_at},
    )
    return sorted(
        (Claim(*row) for row in rows), key=lambda claim: (not claim.is_first, claim.user_id)
    )


_BEGUN_COLUMNS = """
users.id, users.login, users.node_id, day, users.attempts AS failures, users.repositories,
old.held_by IS NOT DISTINCT FROM users.held_by AS is_repeated, users.held_by
"""

_BEGUN_RECORDS = """
record AS (
    -- A load comes without a claim, which would have made the record.
    INSERT INTO scans AS s (user_id, day, attempts) SELECT id, day, 1 FROM begun ORDER BY id
    ON CONFLICT (user_id, day) DO UPDATE
    SET state = CASE WHEN s.state = 'done' THEN s.state ELSE 'claimed' END, attempts = s.attempts
        + (SELECT is_repeated::int FROM begun WHERE id = s.user_id)
    RETURNING s.user_id, s.expected, s.attempts
)
SELECT begun.id, login, node_id, day, repopulse_now(), expected, attempts, failures, repositories,
       is_repeated, held_by
FROM begun JOIN record ON record.user_id = begun.id
"""


def begin(
    connection: Connection, user_id: int, *, holder: str, lease: float, day: date | None = None
) -> Begun | None:
    """Begin the scan of a user for a day, by default the day that it is now.

    :param holder: the task that begins it; the same task may begin it again, as another attempt
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
                    held_by = :holder,
                    attempts = attempts + (held_by IS NOT DISTINCT FROM :holder)::int
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


def let_go(connection: Connection, user_ids: Sequence[int], *, holder: str) -> set[int]:
    """Give back users whom a task began with and does not go on with; each is due again now.

    :param user_ids: those whom others have taken meanwhile stay with them
    :return: who was given back
    """
    rows = connection.execute(
        text(
            # The claim may have put off until tomorrow who kills workers: this task lives.
            """
            UPDATE users SET lease_until = '-infinity', held_by = NULL, not_before = '-infinity'
            WHERE id = ANY(:ids) AND held_by = :holder
            RETURNING id
            """
        ),
        {"holder": holder, "ids": list(user_ids)},
    )
    return set(rows.scalars())


def lock(connection: Connection, days: Mapping[int, date]) -> set[int]:
    """Hold users against deletion and other writers until the transaction ends.

    :param days: by user, the day that is to be settled
    :return: those who are still followed and whose day nobody has settled
    """
    rows = connection.execute(
        # Whoever only refers to the user, by giving it a repository, need not wait: it may hold
        # what we need next.
        text("SELECT id, scanned_on FROM users WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"),
        {"ids": list(days)},
    )
    return {id_ for id_, scanned_on in rows if scanned_on is None or scanned_on < days[id_]}


@dataclass(frozen=True, slots=True)
class Asked:
    """What becomes of a scan that somebody asked for.

    :param is_sent: a message is due now; the user is leased to it
    :param wait: seconds until one may be asked for again, where this one came too soon
    """

    is_sent: bool
    wait: float = 0.0


def ask(connection: Connection, user_id: int, *, pause: float, lease: float) -> Asked | None:
    """Let a user be scanned once more today, and at once, whatever the user waits for.

    The numbers of this scan replace those of today; where it fails, those stay. Nobody is asked for
    twice in ``pause`` seconds, nor so soon after a scan; one who is at work is left to that.

    :param lease: seconds during which the sweep leaves the user to the caller's own message
    :return: None where nobody with this id is followed
    """
    row = connection.execute(
        text(
            """
            SELECT lease_until > repopulse_now(),
                   extract(epoch FROM greatest(
                       asked_at,
                       (SELECT max(finished_at) FROM scans
                        WHERE user_id = :id AND day >= (repopulse_now() AT TIME ZONE 'UTC')::date)
                   ) - repopulse_now()) + :pause
            FROM users WHERE id = :id FOR NO KEY UPDATE
            """
        ),
        {"id": user_id, "pause": pause},
    ).one_or_none()
    if row is None:
        return None
    is_at_work, wait = row
    if is_at_work:
        return Asked(is_sent=False)
    if wait is not None and wait > 0:
        return Asked(is_sent=False, wait=float(wait))
    connection.execute(
        text(
            """
            UPDATE users
            SET asked_at = repopulse_now(), held_by = NULL, not_before = '-infinity',
                lease_until = repopulse_now() + make_interval(secs => :lease),
                -- Due again, and to the sweep too if the message is lost.
                scanned_on = CASE WHEN scanned_on IS NOT NULL THEN
                    least(scanned_on, (repopulse_now() AT TIME ZONE 'UTC')::date - 1) END
            WHERE id = :id
            """
        ),
        {"id": user_id, "lease": lease},
    )
    return Asked(is_sent=True)


def take_along(
    connection: Connection, user_ids: Sequence[int], day: date, *, holder: str, lease: float
) -> list[Begun]:
    """Begin the scans of users who share a request with another.

    Left out is who need not be scanned for that day, who is at others' hands, and who failed today:
    one that failed is tried alone.
    """
    rows = connection.execute(
        text(
            f"""
            WITH small AS (
                SELECT id FROM users
                WHERE id = ANY(:ids) AND held_by IS NULL AND attempts = 1
                  AND scanned_on < :day AND node_id IS NOT NULL AND missing_since IS NULL
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
        {"day": day, "holder": holder, "lease": lease, "ids": list(user_ids)},
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
    recorded: int | None = None,
    counts_as_attempt: bool = True,
) -> bool:
    """Give a user's day back, to be taken up again at ``not_before`` or when the day after begins.

    :param recorded: repositories that have a row for this day; None leaves what is known of it
    :param counts_as_attempt: False for a wait that GitHub asked for: a limit is no failure
    :return: False where the day was settled already
    """
    row = connection.execute(
        text(
            """
            UPDATE users
            SET lease_until = '-infinity', held_by = NULL,
                -- Whoever comes back to say so did not die of it: what the claim said of users
                -- beyond their attempts is void.
                not_before = :not_before,
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
                " WHERE user_id = :id AND day = :day AND state <> 'done'"
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
    recorded: int | None,
    is_finished: bool,
) -> None:
    connection.execute(
        text(
            """
            UPDATE scans
            SET state = :state, reason = :reason, expected = coalesce(:expected, expected),
                recorded = coalesce(:recorded, recorded),
                finished_at = CASE WHEN :finished THEN repopulse_now() END
            -- A day that was recorded whole stays so, whatever becomes of another scan.
            WHERE user_id = :id AND day = :day AND (state <> 'done' OR :state = 'done')
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
