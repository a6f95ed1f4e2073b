"""Writing what GitHub showed of one user: repositories, daily rows, and how the day ends.

All of it happens in the caller's transaction, under the lock on the user.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from common import repositories, scans, stats, users
from common.scans import Begun
from common.states import ScanState
from common.users import TrackedUser
from worker.github.observation import Observation, Target
from worker.outcome import Outcome, time_of_day

_MAX_INCOMPLETE_ATTEMPTS = 2
"""Attempts a day at an incomplete scan before the day is settled as incomplete."""

_INCOMPLETE_RETRY = timedelta(minutes=15)

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
    connection: Connection, begun: Begun, target: Target, observation: Observation, now: datetime
) -> Recorded:
    """Write what was observed of a user, and settle or reschedule the day."""
    known = {each.id for each in target.known}
    repositories.lock(connection, known.union(seen.id for seen in observation.seen))
    login = begun.login
    if (account := observation.account) is not None:
        login = account.login
        user = TrackedUser(account.id, account.login, account.name)
        users.update_profile(connection, user, node_id=account.node_id)
    counts = {seen.id: seen.counts for seen in observation.seen if seen.counts is not None}
    new = repositories.save(connection, begun.user_id, begun.day, observation.seen)
    rows = stats.write(connection, begun.user_id, begun.day, counts)
    vanished = _note_missing(connection, begun, target, observation)
    earlier = {each.id for each in target.known if each.is_recorded_today}
    recorded = len(earlier.difference(observation.gone) | counts.keys())
    state, summary = _end_day(connection, begun, observation, recorded, now)
    outcome = Outcome(state, rows, summary)
    return Recorded(outcome, login, target.is_load, recorded, new, vanished)


def _note_missing(
    connection: Connection, begun: Begun, target: Target, observation: Observation
) -> tuple[str, ...]:
    """Note which known repositories were not there; return the names of those that are gone."""
    gone = repositories.mark_missing(
        connection, begun.user_id, begun.day, observation.gone, confirmed=True
    )
    if observation.account is None or observation.expected is None:
        # The list is not complete: what it does not show may still be there.
        return gone
    shown = {seen.id for seen in observation.seen} | set(observation.gone)
    missing = [each.id for each in target.known if each.id not in shown]
    return gone + repositories.mark_missing(
        connection, begun.user_id, begun.day, missing, confirmed=False
    )


def _end_day(
    connection: Connection,
    begun: Begun,
    observation: Observation,
    recorded: int,
    now: datetime,
) -> tuple[ScanState, str]:
    """Settle the day if it is complete or was tried often enough, else reschedule it.

    :return: the state, and one line for Flower
    """
    expected = observation.expected
    is_complete = expected is not None and recorded >= expected
    reason = None if is_complete else _shortfall(recorded, expected, observation.shortfalls)
    if observation.wait is not None:
        state, not_before = ScanState.WAITING, now + timedelta(seconds=observation.wait)
    elif not is_complete and begun.attempts < _MAX_INCOMPLETE_ATTEMPTS:
        state, not_before = ScanState.INCOMPLETE, now + _INCOMPLETE_RETRY
    else:
        state = ScanState.DONE if is_complete else ScanState.INCOMPLETE
        scans.finish(
            connection,
            begun.user_id,
            begun.day,
            state=state,
            expected=expected,
            recorded=recorded,
            reason=reason,
        )
        return state, f"{state}: {reason or _repositories(recorded)}"
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


def _repositories(number: int) -> str:
    return "1 repository" if number == 1 else f"{number} repositories"


def _shortfall(recorded: int, expected: int | None, shortfalls: tuple[str, ...]) -> str:
    """Return in one line how much is missing and why."""
    reasons = "; ".join(shortfalls[:_MAX_SHORTFALLS])
    if len(shortfalls) > _MAX_SHORTFALLS:
        reasons += f"; and {len(shortfalls) - _MAX_SHORTFALLS} more"
    counted = f"{recorded} of {'?' if expected is None else expected} repositories recorded"
    return f"{counted}: {reasons}" if reasons else counted
