"""The collection: one scan reads one user's repositories and writes the day's rows.

Fetch first, with no transaction open; then one transaction writes the rows and settles the day. The
day is the UTC day on which the fetch began, by the database's clock, and GitHub's answers have to
be of that day. A scan that cannot finish reschedules the user with a reason and a time, see
``worker.retry``. A limit is no failure, and no worker waits for GitHub. A worker waits some seconds
for the database, so that fetched counts are not lost.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from common import backfills, clock, leases, repositories, scans
from common.db import outage_reason
from common.errors import SetupError
from common.github_clock import ClockError
from common.scans import Begun, NotBegun
from common.settings import Settings
from common.states import ScanState
from worker import metrics, retry
from worker.absence import Absence, record_absence
from worker.claim import GitHubClaim
from worker.github.client import GitHub
from worker.github.dates import AnswerDates
from worker.github.errors import (
    CredentialsRefused,
    GitHubError,
    Gone,
    Limited,
    OtherDay,
    RedisUnavailable,
)
from worker.github.observation import Observation, Target
from worker.outcome import Outcome, time_of_day
from worker.record import Recorded, record
from worker.renewal import renewed
from worker.transactions import Transactions

log = logging.getLogger(__name__)

Reason = str | GitHubError
"""Why a scan is rescheduled; an error also has a trace for the log."""

_DATABASE_RETRY = timedelta(minutes=1)
_MAX_RUNS = 2
"""Times that one message may begin a scan; then the scan waits, because it may kill its worker."""
_KILLED = "the worker that scanned this user was killed or stopped, and so was the next one"
_UNDATED = "GitHub's answers had no Date header, so the day is the database's"
_TOO_LATE = Outcome(None, summary="too late: another attempt follows", is_failure=True)
_SETTLED = Outcome(None, summary="nothing written: settled, deleted or taken meanwhile")


class Collector:
    """Scans users, with the resources of one process.

    :param sleep: waits the given seconds
    """

    def __init__(
        self,
        engine: Engine,
        github: GitHub,
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._transactions = Transactions(engine, lease=settings.lease, sleep=sleep)
        self._github = github
        self._claim = GitHubClaim(settings.github.name)
        self._settings = settings

    def scan(
        self,
        user_id: int,
        *,
        is_load: bool = False,
        holder: str | None = None,
        day: date | None = None,
    ) -> Outcome:
        """Record the counts of a user's repositories as of now, unless that was done today.

        :param holder: the task that scans; the same task may begin again after it was killed
        :param day: the day to record, if GitHub is simulated and shows another day than today
        """
        started = self._begin(user_id, holder or uuid.uuid4().hex, is_load=is_load, day=day)
        if isinstance(started, NotBegun):
            return Outcome(None, summary=f"nothing to do: {started}")
        begun, target = started
        if begun.is_repeated and begun.kills >= _MAX_RUNS:
            return _count(self._retry_later(begun, _KILLED, is_killer=True))
        dates = AnswerDates(begun.day)
        try:
            with self._renewed(begun) if is_load else nullcontext():
                return _count(self._scan(begun, target, dates, is_simulated=day is not None))
        except Exception as error:
            # It did not kill the worker, so it must not count as a kill.
            with suppress(SQLAlchemyError):
                self._retry_later(begun, _describe(error))
            raise

    def _renewed(self, begun: Begun) -> AbstractContextManager[None]:
        lease = self._settings.load_lease

        def renew(connection: Connection) -> None:
            leases.renew(connection, begun.user_id, holder=begun.holder, lease=lease)

        return renewed(self._engine, renew, lease=lease)

    def _scan(
        self, begun: Begun, target: Target, dates: AnswerDates, *, is_simulated: bool
    ) -> Outcome:
        try:
            observation = self._github.observe(target, dates)
        except GitHubError as error:
            outcome = self._put_off(begun, error)
            if not is_simulated:
                self._check_clock(begun, dates, self._transactions.run(clock.now))
            return outcome
        try:
            outcome, now = self._write(begun, target, observation, dates)
            if not is_simulated:
                self._check_clock(begun, dates, now)
            return outcome
        except SQLAlchemyError as error:
            outage = outage_reason(error)
            if outage is None:
                raise
            # If not even this can be stored, the lease expires.
            return self._wait(begun, outage, _DATABASE_RETRY, is_failure=True)

    def _begin(
        self, user_id: int, holder: str, *, is_load: bool, day: date | None
    ) -> tuple[Begun, Target] | NotBegun:
        # A load renews its lease, so that a killed worker costs a waiting person a minute only.
        lease = self._settings.load_lease if is_load else self._settings.lease

        def begin(connection: Connection) -> tuple[Begun, Target] | NotBegun:
            begun = scans.begin(connection, user_id, holder=holder, lease=lease, day=day)
            if isinstance(begun, NotBegun):
                return begun
            return begun, Target(
                user_id=begun.user_id,
                login=begun.login,
                node_id=begun.node_id,
                known=repositories.list_known(connection, begun.user_id, begun.day),
                expected=begun.expected,
                is_load=is_load,
            )

        return self._transactions.run(begin)

    def _put_off(self, begun: Begun, error: GitHubError) -> Outcome:
        """Reschedule a scan for which GitHub showed nothing; settle the day of a missing user."""
        match error:
            case Gone():
                return self._note_absence(begun, error)
            case OtherDay():
                # By the clock that is behind: the other one's time may never come.
                return self._reschedule(
                    begun,
                    ScanState.WAITING,
                    error,
                    lambda now: min(now, error.at_github) + timedelta(seconds=error.wait),
                )
            case Limited() | CredentialsRefused():
                return self._wait(
                    begun,
                    error,
                    timedelta(seconds=error.wait),
                    is_failure=isinstance(error, RedisUnavailable | CredentialsRefused),
                )
            case _:
                return self._retry_later(begun, error)

    def _write(
        self, begun: Begun, target: Target, observation: Observation, dates: AnswerDates
    ) -> tuple[Outcome, datetime]:
        """Write what was observed, unless the day is settled or the user deleted meanwhile.

        :return: the outcome, and the database's time
        """

        def write(connection: Connection) -> tuple[Recorded | Outcome, datetime]:
            # A deletion takes this lock too: nothing is written for a deleted user.
            is_due = scans.lock(connection, begun.user_id, begun.day)
            now = clock.now(connection)
            is_late = begun.started_at < now - timedelta(seconds=self._settings.lease)
            if is_late or begun.day > now.date():
                # The process was frozen, or the clock was ahead and has been set back: the counts
                # may be another day's.
                if leases.release(connection, begun.user_id, holder=begun.holder):
                    return _TOO_LATE, now
                return _SETTLED, now
            if not is_due:
                return _SETTLED, now
            self._claim.hold(connection)
            recorded = record(
                connection,
                begun,
                target,
                observation,
                now,
                max_attempts=self._settings.max_attempts,
                note=_UNDATED if dates.is_undated else None,
            )
            if target.is_load and backfills.why_off(self._settings) is None:
                # The sweep looks for all others, once in a while.
                backfills.add(connection, _starred(observation))
            return recorded, now

        written, now = self._transactions.run(write)
        if isinstance(written, Recorded):
            _log(written)
            return written.outcome, now
        if written is _TOO_LATE:
            log.warning("scan came too late, another attempt follows: %s", begun.login)
        return written, now

    def _check_clock(self, begun: Begun, dates: AnswerDates, now: datetime) -> None:
        """Record how far the database's clock is from GitHub's, and log changes."""
        ahead = dates.clock_error(begun.started_at, now)
        if ahead is None:
            return
        found = ClockError(ahead, is_other_day=False)
        # Around midnight the days differ for a moment although both clocks are right.
        found = replace(found, is_other_day=dates.is_other_day and found.is_large)
        before = self._github.record_clock_error(found)
        was_large = before is not None and before.is_large
        if found.is_large and not was_large:
            log.error("%s", found)
        if was_large and not found.is_large:
            log.warning("the database's clock is right again")

    def _note_absence(self, begun: Begun, error: Gone) -> Outcome:
        """Look again for a user whom GitHub does not show; settle the day once that is certain."""

        def note(connection: Connection) -> Absence | None:
            self._claim.check(connection)
            return record_absence(connection, begun, str(error))

        noted = self._transactions.run(note)
        if noted is None:
            return _SETTLED
        log.log(
            logging.WARNING if noted.is_news else logging.INFO,
            "user not found at GitHub: %s (%d): %s",
            begun.login,
            begun.user_id,
            error.for_log(),
        )
        return noted.outcome

    def _wait(self, begun: Begun, reason: Reason, wait: timedelta, *, is_failure: bool) -> Outcome:
        """Reschedule a scan that could not be made; it does not count as an attempt."""
        return self._reschedule(
            begun,
            ScanState.WAITING,
            reason,
            lambda now: now + wait,
            is_failure=is_failure,
        )

    def _retry_later(self, begun: Begun, reason: Reason, *, is_killer: bool = False) -> Outcome:
        """Reschedule a scan whose attempt failed; set the user aside after too many failures.

        :param is_killer: the worker was killed each time, perhaps by this scan
        """
        most, failures = self._settings.max_attempts, begun.failures
        if is_killer:
            # A user whose scan only ran beside the one that kills workers is likely to get a run
            # without it.
            most, failures = max(most, _MAX_RUNS + 2), begun.kills
        is_often = failures >= most
        state = ScanState.SET_ASIDE if is_often else ScanState.FAILED
        pause = retry.SET_ASIDE_PAUSE if is_often else retry.pause_after(failures)
        if is_killer:
            # Spread, so that the scans that ran beside it run at another time.
            pause *= random.uniform(0.5, 1.5)  # noqa: S311 - spread, no secret

        def next_attempt(now: datetime) -> datetime:
            return self._tomorrow(begun.day) if is_killer and is_often else now + pause

        return self._reschedule(begun, state, reason, next_attempt, is_killer=is_killer)

    def _reschedule(
        self,
        begun: Begun,
        state: ScanState,
        reason: Reason,
        next_attempt: Callable[[datetime], datetime],
        *,
        is_failure: bool = True,
        is_killer: bool = False,
    ) -> Outcome:
        def reschedule(connection: Connection) -> tuple[bool, datetime]:
            not_before = next_attempt(clock.now(connection))
            is_ours = scans.reschedule(
                connection,
                begun.user_id,
                begun.day,
                state=state,
                reason=str(reason),
                not_before=not_before,
                counts_as_attempt=state is not ScanState.WAITING,
                was_killed=is_killer,
            )
            return is_ours, not_before

        is_ours, not_before = self._transactions.run(reschedule)
        words = state.replace("_", " ")
        log.log(
            logging.INFO if state is ScanState.WAITING else logging.WARNING,
            "scan %s: %s until %s: %s",
            words,
            begun.login,
            f"{not_before:%Y-%m-%d %H:%M:%SZ}",
            reason.for_log() if isinstance(reason, GitHubError) else reason,
        )
        if not is_ours:
            return _SETTLED
        until = time_of_day(not_before, begun.day)
        link = ", next attempt at" if state is ScanState.FAILED else " until"
        return Outcome(state, summary=f"{words}{link} {until}: {reason}", is_failure=is_failure)

    def _tomorrow(self, day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), self._settings.scan_at, tzinfo=UTC)


def _starred(observation: Observation) -> list[int]:
    return [
        seen.id for seen in observation.seen if seen.counts is not None and seen.counts.stargazers
    ]


def _count(outcome: Outcome) -> Outcome:
    if outcome.state is not None:
        metrics.count_scan(outcome.state, outcome.rows)
    return outcome


def _describe(error: Exception) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "the scan took too long"
    if isinstance(error, SetupError):
        return str(error)
    return f"the scan failed in the worker ({type(error).__name__}): its log says where"


def _log(recorded: Recorded) -> None:
    """Log the result of a scan."""
    if not recorded.is_load:
        for name in recorded.new:
            log.info("new repository: %s/%s", recorded.login, name)
    for name in recorded.vanished:
        log.info("vanished repository: %s/%s", recorded.login, name)
    state, rows = recorded.outcome.state, recorded.outcome.rows
    if recorded.is_load and state is ScanState.DONE:
        log.info(
            "load finished: %s, %d repositories, %d rows",
            recorded.login,
            recorded.repositories,
            rows,
        )
    else:
        log.info("scan %s: %s, updated %d rows", state, recorded.login, rows)
