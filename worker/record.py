"""Writing what GitHub showed of one user: repositories, daily rows, and how the day ends.

All of it happens in the caller's transaction, under the lock on the user.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from common import names, repositories, scan_records, scans, stats, users
from common.plural import count_of_repositories
from common.scans import Begun
from common.states import ScanState
from common.users import TrackedUser
from worker import retry
from worker.github.observation import Observation, Shortfall, Target
from worker.outcome import Outcome, time_of_day

_MIN_REFUSED_ATTEMPTS = 2
"""Attempts a day at what GitHub refuses for good, before the day is settled as incomplete."""

_REFUSED_RETRY = timedelta(minutes=15)

_MAX_SHORTFALLS = 5
"""Reasons that the summary of an incomplete scan spells out."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written of a user.

    :param login: as GitHub shows it now
    :param repositories: how many have a row for the day
    :param new: names of repositories that were not known before
    :param vanished: names of repositories that are gone
    """

    outcome: Outcome
    login: str
    is_load: bool
    repositories: int
    new: tuple[str, ...]
    vanished: tuple[str, ...]


def record(
    connection: Connection,
    begun: Begun,
    target: Target,
    observation: Observation,
    now: datetime,
    *,
    max_attempts: int,
    note: str | None = None,
) -> Recorded:
    """Write what was observed of a user, and settle or reschedule the day.

    :param max_attempts: see ``Settings.max_attempts``
    :param note: what the record has to say of this scan besides
    """
    known = {each.id for each in target.known}
    owners = repositories.lock(connection, known.union(seen.id for seen in observation.seen))
    account = observation.account
    login = None if account is None else account.login
    names.save(connection, begun.user_id, begun.day, login, observation.seen)
    if account is not None:
        user = TrackedUser(account.id, account.login, account.name)
        users.update_profile(connection, user, node_id=account.node_id)
    counts = {seen.id: seen.counts for seen in observation.seen if seen.counts is not None}
    new = repositories.save(connection, begun.user_id, begun.day, observation.seen)
    rows = stats.write(connection, begun.user_id, begun.day, counts)
    vanished = _note_missing(connection, begun, target, observation)
    earlier = {each.id for each in target.known if each.is_recorded_today}
    recorded = len(earlier.difference(observation.gone) | counts.keys())
    state, summary = _end_day(
        connection, begun, observation, recorded, now, max_attempts=max_attempts, note=note
    )
    # Those from whom a repository was taken over may have had its row of this day.
    for user_id in sorted(owners | {begun.user_id}):
        scan_records.keep_totals(connection, user_id, begun.day)
    outcome = Outcome(state, rows, summary)
    return Recorded(outcome, login or begun.login, target.is_load, recorded, new, vanished)


def _note_missing(
    connection: Connection, begun: Begun, target: Target, observation: Observation
) -> tuple[str, ...]:
    """Note which known repositories were not there; return the names of those that are gone.

    Only a list that this attempt read to its end may make a repository missing.
    """
    if observation.account is None or observation.expected is None:
        # The list is not complete: what it does not show may still be there.
        return ()
    shown = {seen.id for seen in observation.seen}
    absent = [each.id for each in target.known if each.id not in shown]
    unreadable = max(0, observation.expected - len(shown))
    if len(absent) <= unreadable:
        # They may be the entries that GitHub listed and did not show.
        return ()
    gone = repositories.mark_missing(
        connection, begun.user_id, begun.day, observation.gone, confirmed=True
    )
    if unreadable:
        return gone
    missing = [repository_id for repository_id in absent if repository_id not in observation.gone]
    return gone + repositories.mark_missing(
        connection, begun.user_id, begun.day, missing, confirmed=False
    )


def _end_day(
    connection: Connection,
    begun: Begun,
    observation: Observation,
    recorded: int,
    now: datetime,
    *,
    max_attempts: int,
    note: str | None,
) -> tuple[ScanState, str]:
    """Settle the day if it is complete or was tried often enough, else reschedule it.

    A day that is settled without all rows has another look later, as long as it lasts.

    :return: the state, and one line for Flower
    """
    expected = observation.expected
    is_complete = expected is not None and recorded >= expected
    reason = None if is_complete else _shortfall(recorded, expected, observation.shortfalls)
    reason = "; ".join(filter(None, (reason, note))) or None
    can_pass = _can_pass(observation.shortfalls)
    if observation.wait is not None:
        state, not_before = ScanState.WAITING, now + timedelta(seconds=observation.wait)
    elif not is_complete and can_pass and begun.attempts < max_attempts:
        state, not_before = ScanState.INCOMPLETE, now + retry.pause_after(begun.attempts)
    elif not is_complete and not can_pass and begun.attempts < _MIN_REFUSED_ATTEMPTS:
        state, not_before = ScanState.INCOMPLETE, now + _REFUSED_RETRY
    else:
        look_at = None
        if not is_complete:
            look_at = (
                retry.next_look(begun.attempts, begun.day, now)
                if can_pass
                else retry.evening_look(begun.user_id, begun.day, now)
            )
        state = ScanState.DONE if is_complete else ScanState.INCOMPLETE
        scans.finish(
            connection,
            begun.user_id,
            begun.day,
            state=state,
            expected=expected,
            recorded=recorded,
            reason=reason,
            look_at=look_at,
        )
        return state, f"{state}: {reason or count_of_repositories(recorded)}"
    reason = reason or "GitHub asked to wait"
    scans.reschedule(
        connection,
        begun.user_id,
        begun.day,
        state=state,
        reason=reason,
        not_before=not_before,
        expected=expected,
        recorded=recorded,
        counts_as_attempt=state is not ScanState.WAITING,
    )
    until = time_of_day(not_before, begun.day)
    words = "waiting until" if state is ScanState.WAITING else "incomplete, next attempt at"
    return state, f"{words} {until}: {reason}"


def _can_pass(shortfalls: tuple[Shortfall, ...]) -> bool:
    """Return whether another attempt may find more: not if GitHub refused all that is missing."""
    return not shortfalls or any(each.can_pass for each in shortfalls)


def _shortfall(recorded: int, expected: int | None, shortfalls: tuple[Shortfall, ...]) -> str:
    """Return in one line how much is missing and why."""
    reasons = "; ".join(each.reason for each in shortfalls[:_MAX_SHORTFALLS])
    if len(shortfalls) > _MAX_SHORTFALLS:
        reasons += f"; and {len(shortfalls) - _MAX_SHORTFALLS} more"
    wanted = "? repositories" if expected is None else count_of_repositories(expected)
    counted = f"{recorded} of {wanted} recorded"
    return f"{counted}: {reasons}" if reasons else counted
