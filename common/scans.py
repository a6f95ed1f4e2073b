"""Which user's day is due, claimed, settled or rescheduled.

The ``users`` table is the queue. ``claim`` takes due users under ``FOR UPDATE SKIP LOCKED`` and
gives each a lease. A scan then ends with ``finish``, which settles the day, or with ``reschedule``,
which makes the user due again at a later time. A day that was settled without all rows may have
another look later. If a process dies in between, the lease expires and the user is due again. A
person may be waiting for a load, so its lease is short, and the task renews it while it works, see
``common.leases``.

Attempts are counted at the claim, and again when the message of a killed task is delivered again; a
message that was lost before any task began counts as no attempt. Kills are scans in a row that
began and reported nothing: a user whose scan kills its worker is set aside in the end.

A task that begins a scan holds the user under its own id. Other messages for the same user find
the user taken.

A clock that was wrong leaves values that no rule sets: a day after today, a lease or a
``not_before`` further ahead than any. They are void: the user is due as if they were not there, and
the next scan replaces them. They are not repaired before, because it may be the clock of this
moment that is wrong, and behind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import Connection, text

from common import scan_records
from common.db import array_literal
from common.states import ScanState

_FURTHEST = "interval '2 days'"
"""Further ahead than any wait or lease that a rule sets; GitHub's waits end within a day."""

_FURTHEST_LEASE = "greatest(make_interval(secs => 2 * :lease), interval '1 hour')"
"""The same for leases, where their length is known: longer by far than any."""

_IS_UNSETTLED = """
    (scanned_on IS NULL OR scanned_on < :day
     OR scanned_on > (repopulse_now() AT TIME ZONE 'UTC')::date)
"""
"""Whether a user's day is not settled yet; a day after today settles nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A user who was due and is now leased to the task that is sent for the user."""

    user_id: int
    login: str
    day: date
    is_load: bool
    """Never scanned, or requested today and not scanned since: a person may be waiting."""


_KILLED = "killed"
"""In ``held_by``: the task that held the user died, and no task has begun since."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A scan that has begun: of which user, and for which day.

    :param expected: how many repositories GitHub listed today; None if not known yet
    :param attempts: how often the scan was begun today, including this time
    :param failures: attempts since the user's last completed scan, including this one
    :param kills: scans of the user in a row that began and never ended, before this one
    :param is_repeated: this task or another had begun this scan before, and was killed or stopped
    :param holder: the task that began it
    """

    user_id: int
    login: str
    node_id: str | None
    day: date
    started_at: datetime
    expected: int | None
    attempts: int
    failures: int
    kills: int
    is_repeated: bool
    holder: str


class NotBegun(StrEnum):
    """Why a scan was not begun."""

    UNTRACKED = "user is not tracked"
    SETTLED = "already scanned"
    TAKEN = "another task is scanning this user"


def claim(
    connection: Connection,
    *,
    limit: int,
    lease: float,
    load_lease: float,
    max_attempts: int,
    scan_at: time,
    queued: Iterable[int] = (),
) -> list[Claim]:
    """Take users who are due today, those never scanned first.

    A user is due who was not scanned today, or is to have another look, who has no living lease and
    whose ``not_before`` has passed; before ``scan_at`` (UTC) only users who were never scanned are
    due. Users whose scans killed ``max_attempts`` workers in a row are claimed once a day.

    :param lease: seconds until the claim of a daily scan expires
    :param load_lease: seconds until the claim of a load expires
    :param queued: users whose load waits in the queue, who are passed over
    """
    _reopen(connection)
    rows = connection.execute(
        text(
            f"""
            WITH clock AS (
                SELECT repopulse_now() AS now, (repopulse_now() AT TIME ZONE 'UTC')::date AS today
            ), due AS (
                SELECT u.id, u.attempts AS earlier, clock.*,
                       u.scanned_on IS NULL
                           OR u.scanned_on <> today AND u.asked_at <= now
                              AND u.asked_at >= today::timestamp AT TIME ZONE 'UTC'
                           AS is_load,
                       -- Claimed before, and the lease expired before any task began: the message
                       -- was lost, which is not the user's fault.
                       u.attempts + CASE WHEN u.attempts > 0 AND isfinite(u.lease_until)
                                              AND coalesce(u.held_by, :killed) = :killed
                                         THEN 0 ELSE 1 END AS attempts,
                       -- A task began, and its lease expired.
                       u.kills + coalesce(u.held_by <> :killed, false)::int AS kills
                FROM users u, clock
                WHERE (u.scanned_on IS NULL
                       OR (u.scanned_on < today OR u.scanned_on > today)
                          AND now >= (today + CAST(:scan_at AS time)) AT TIME ZONE 'UTC')
                  AND (u.lease_until <= now OR u.lease_until > now + {_FURTHEST_LEASE})
                  AND (u.not_before <= now OR u.not_before > now + {_FURTHEST}
                       -- A wait ends with its day, except after kills: a clock that was ahead set
                       -- this one.
                       OR u.not_before > (today + 1)::timestamp AT TIME ZONE 'UTC'
                          AND u.kills < :max_attempts)
                  AND u.id <> ALL(CAST(:queued AS bigint[]))
                ORDER BY u.scanned_on NULLS FIRST, u.id
                LIMIT :limit
                FOR UPDATE OF u SKIP LOCKED
            ), claimed AS (
                UPDATE users u
                SET lease_until = due.now
                        + make_interval(secs => CASE WHEN is_load THEN :load_lease ELSE :lease END),
                    -- A task that held the user until the lease expired has died.
                    held_by = CASE WHEN u.held_by IS NOT NULL THEN :killed END,
                    attempts = due.attempts,
                    kills = due.kills,
                    -- Set at the claim, because a scan that kills its worker cannot set it later.
                    not_before = CASE
                        WHEN due.kills >= :max_attempts
                        THEN (due.today + 1 + CAST(:scan_at AS time)) AT TIME ZONE 'UTC'
                        ELSE u.not_before END
                FROM due WHERE u.id = due.id
                RETURNING u.id, u.login, due.today, coalesce(due.is_load, false) AS is_load,
                          u.attempts - due.earlier AS counted
            ), recorded AS (
                INSERT INTO scans AS s (user_id, day, attempts)
                SELECT id, today, 1 FROM claimed ORDER BY id
                ON CONFLICT (user_id, day) DO UPDATE
                SET attempts = s.attempts + (SELECT counted FROM claimed WHERE id = s.user_id)
                RETURNING user_id, day
            )
            SELECT id, login, day, is_load FROM claimed JOIN recorded ON user_id = id
            """  # noqa: S608 - a constant
        ),
        {
            "limit": limit,
            "lease": lease,
            "load_lease": load_lease,
            "max_attempts": max_attempts,
            "scan_at": scan_at,
            "queued": array_literal(queued),
            "killed": _KILLED,
        },
    )
    return sorted(
        (Claim(*row) for row in rows), key=lambda claim: (not claim.is_load, claim.user_id)
    )


def _reopen(connection: Connection) -> None:
    """Make users due whose day is settled and who are to have another look now."""
    connection.execute(
        text(
            """
            UPDATE users SET scanned_on = scanned_on - 1
            WHERE id IN (
                SELECT id FROM users
                WHERE isfinite(not_before) AND not_before <= repopulse_now()
                  AND scanned_on = (repopulse_now() AT TIME ZONE 'UTC')::date
                FOR UPDATE SKIP LOCKED
            )
            """
        )
    )


def begin(
    connection: Connection, user_id: int, *, holder: str, lease: float, day: date | None = None
) -> Begun | NotBegun:
    """Begin the scan of a user for a day, by default for today.

    :param holder: the task that begins it; if the same task begins it again, that is one more
        attempt
    """
    row = connection.execute(
        text(
            f"""
            WITH wanted AS (
                SELECT coalesce(
                    CAST(:day AS date), (repopulse_now() AT TIME ZONE 'UTC')::date
                ) AS day
            ), held AS (
                -- Locked, so that it is what the update changes, even after a wait for another.
                SELECT id, held_by FROM users WHERE id = :id FOR NO KEY UPDATE
            ), begun AS (
                UPDATE users
                SET lease_until = repopulse_now() + make_interval(secs => :lease),
                    held_by = :holder,
                    attempts = attempts + (held.held_by IS NOT DISTINCT FROM :holder)::int,
                    kills = kills + (held.held_by IS NOT DISTINCT FROM :holder)::int
                FROM wanted, held
                WHERE users.id = held.id
                  AND (scanned_on IS NULL OR scanned_on < day
                       OR scanned_on > (repopulse_now() AT TIME ZONE 'UTC')::date)
                  AND (held.held_by IS NULL OR held.held_by IN (:holder, :killed)
                       OR lease_until <= repopulse_now()
                       OR lease_until > repopulse_now() + {_FURTHEST_LEASE})
                RETURNING users.id, users.login, users.node_id, day, users.attempts AS failures,
                          users.kills,
                          coalesce(held.held_by IN (:holder, :killed), false) AS is_repeated,
                          held.held_by IS NOT DISTINCT FROM users.held_by AS is_redelivered,
                          users.held_by
            ), record AS (
                -- A load comes without a claim, which would have made the record.
                INSERT INTO scans AS s (user_id, day, attempts) SELECT id, day, 1 FROM begun
                ON CONFLICT (user_id, day) DO UPDATE
                -- The record of a settled day stays until there is news.
                SET state = CASE WHEN s.finished_at IS NULL THEN 'claimed' ELSE s.state END,
                    attempts = greatest(1, s.attempts + (SELECT is_redelivered::int FROM begun))
                RETURNING s.expected, s.attempts
            )
            SELECT id, login, node_id, day, repopulse_now(), expected, attempts, failures,
                   kills, is_repeated, held_by
            FROM begun, record
            """  # noqa: S608 - a constant
        ),
        {"id": user_id, "lease": lease, "holder": holder, "killed": _KILLED, "day": day},
    ).one_or_none()
    if row is not None:
        return Begun(*row)
    is_settled = connection.execute(
        text(
            """
            WITH clock AS (SELECT (repopulse_now() AT TIME ZONE 'UTC')::date AS today)
            SELECT coalesce(
                scanned_on BETWEEN coalesce(CAST(:day AS date), today) AND today, false
            )
            FROM users, clock WHERE id = :id
            """
        ),
        {"id": user_id, "day": day},
    ).scalar_one_or_none()
    if is_settled is None:
        return NotBegun.UNTRACKED
    return NotBegun.SETTLED if is_settled else NotBegun.TAKEN


def lock(connection: Connection, user_id: int, day: date) -> bool:
    """Lock a user against deletion and other writers until the transaction ends.

    :return: whether the user is still tracked and the day is not settled yet
    """
    row = connection.execute(
        # Transactions that only refer to the user, by giving it a repository, need not wait: they
        # may hold what this one needs next.
        text(f"SELECT {_IS_UNSETTLED} FROM users WHERE id = :id FOR NO KEY UPDATE"),  # noqa: S608 - a constant
        {"id": user_id, "day": day},
    ).one_or_none()
    return row is not None and bool(row[0])


def finish(
    connection: Connection,
    user_id: int,
    day: date,
    *,
    state: ScanState,
    expected: int | None = None,
    recorded: int = 0,
    reason: str | None = None,
    look_at: datetime | None = None,
) -> bool:
    """Settle a user's day; write nothing if it is settled already.

    A worker calls ``lock`` first, in the same transaction.

    :param look_at: when the user is due again on the same day, if at all
    :return: False if the day was settled already
    """
    settled = connection.execute(
        text(
            f"""
            UPDATE users
            SET scanned_on = :day, lease_until = '-infinity', held_by = NULL, attempts = 0,
                kills = 0, repositories = coalesce(:expected, repositories),
                not_before = coalesce(CAST(:look_at AS timestamptz), '-infinity')
            WHERE id = :id AND {_IS_UNSETTLED}
            """  # noqa: S608 - a constant
        ),
        {"id": user_id, "day": day, "look_at": look_at, "expected": expected},
    )
    if settled.rowcount == 0:
        return False
    scan_records.update(
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


def reschedule(
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
    was_killed: bool = False,
) -> bool:
    """Give a user back with a reason, to be due again at ``not_before`` or on the next day.

    :param recorded: repositories that have a row for this day; None keeps the known number
    :param counts_as_attempt: False for a wait that GitHub asked for: a limit is no failure
    :param was_killed: the scan did not end by itself: its worker was killed
    :return: False if the day was settled already
    """
    row = connection.execute(
        text(
            f"""
            UPDATE users
            SET lease_until = '-infinity', held_by = NULL,
                -- Also replaces what the claim set after many kills.
                not_before = CASE
                    WHEN :was_killed THEN CAST(:not_before AS timestamptz)
                    -- The next day is scanned at its own time; GitHub's waits are in Redis too.
                    ELSE least(:not_before, (CAST(:day AS date) + 1)::timestamp AT TIME ZONE 'UTC')
                END,
                kills = CASE WHEN :was_killed THEN kills ELSE 0 END,
                attempts = greatest(0, attempts - CASE WHEN :counts THEN 0 ELSE 1 END)
            WHERE id = :id AND {_IS_UNSETTLED}
            """  # noqa: S608 - a constant
        ),
        {
            "id": user_id,
            "day": day,
            "not_before": not_before,
            "counts": counts_as_attempt,
            "was_killed": was_killed,
        },
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
    scan_records.update(
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
