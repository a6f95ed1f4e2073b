"""The collection: what a scan of one user is.

Fetch first, with no transaction open; then one transaction that writes the rows and settles the
day, unless somebody else has. The day is the UTC day at which the fetch began, by the database's
clock. Whatever keeps a scan from its end puts the user back with a reason and a time: no worker
waits for GitHub, and no limit fails a scan. For the database it waits some seconds, because what
GitHub told is lost without it.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from common import clock, lookups, repositories, scans, stats, users
from common.db import outage_reason
from common.lookups import Lookup
from common.scans import Begun
from common.settings import Settings
from common.states import LookupState, ScanState
from common.users import TrackedUser
from worker import metrics
from worker.github.client import GitHub
from worker.github.errors import CredentialsRefused, GitHubError, Gone, Limited
from worker.github.observation import Account, Observation, Target

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(minutes=15)
_SET_ASIDE_RETRY = timedelta(hours=1)
"""Between two tries of a user who failed too often: an outage of hours must not cost the day."""
_MOST_RUNS = 2
"""Times that one message may begin a scan; whatever it is that kills its worker then waits."""
_DATABASE_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between two tries of a transaction: a restart or a failover takes no longer."""
_DATABASE_RETRY = timedelta(minutes=1)
_INCOMPLETE_ATTEMPTS = 2
"""Times a day that an incomplete scan is begun before it is left at that."""
_KILLED = "the worker that scanned this user was killed or stopped, and so was the next one"
_TOLD_SHORTFALLS = 5
_LONGEST_ABSENCE = timedelta(days=30)
"""A vanished user is asked for again after one day, two, four, and at last once a month."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan ended.

    :param state: None where there was nothing to do
    :param rows: daily rows that are new or different
    """

    state: ScanState | None
    rows: int = 0


NOTHING = Outcome(None)


@dataclass(frozen=True, slots=True)
class _Scanned:
    """What GitHub showed of a user whose scan was begun."""

    begun: Begun
    target: Target
    observation: Observation

    @property
    def repositories(self) -> set[int]:
        """All that may be written to."""
        known = {each.id for each in self.target.known}
        return known.union(seen.id for seen in self.observation.seen)


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written of a user."""

    user_id: int
    login: str
    outcome: Outcome
    is_load: bool
    recorded: int
    new: tuple[str, ...]
    vanished: tuple[str, ...]

    def tell(self) -> None:
        """Log what a person would want to know of a scan."""
        if not self.is_load:
            for name in self.new:
                log.info("new repository: %s/%s", self.login, name)
        for name in self.vanished:
            log.info("vanished repository: %s/%s", self.login, name)
        state, rows = self.outcome.state, self.outcome.rows
        if self.is_load and state is ScanState.DONE:
            log.info("load finished: %s, %d repositories, %d rows", self.login, self.recorded, rows)
        else:
            log.info("scan %s: %s, updated %d rows", state, self.login, rows)


def _counted(outcome: Outcome) -> Outcome:
    if outcome.state is not None:
        metrics.note_scan(outcome.state, outcome.rows)
    return outcome


class Collector:
    """Scans users and resolves logins, with the resources of one process.

    :param sleep: waits so many seconds
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
        self._github = github
        self._settings = settings
        self._sleep = sleep
        # All of them take no more than a part of the time that a task has.
        self._pauses = [
            pause
            for pause, total in zip(_DATABASE_PAUSES, accumulate(_DATABASE_PAUSES), strict=True)
            if total <= settings.lease / 4
        ]

    def scan(
        self,
        user_id: int,
        *,
        is_load: bool = False,
        holder: str | None = None,
        day: date | None = None,
    ) -> Outcome:
        """Record the numbers of a user's repositories as of now, unless that was done.

        :param holder: the task that asks; the same task may ask again after it was killed
        :param day: the day that they are of, where GitHub is simulated and shows another
        """
        outcomes = self._scan([user_id], holder or uuid.uuid4().hex, is_load=is_load, day=day)
        return outcomes[0] if outcomes else NOTHING

    def scan_together(self, user_ids: Sequence[int], *, holder: str | None = None) -> list[Outcome]:
        """Scan small users in one request, as far as all cost GitHub no more than the first alone.

        Each keeps a record and an end of its own; who finds no room in it has another.

        :param user_ids: the first of them has the most repositories
        :return: how each scan ended, without those for whom there was nothing to do
        """
        outcomes = self._scan(user_ids, holder or uuid.uuid4().hex)
        return [outcome for outcome in outcomes if outcome != NOTHING]

    def _scan(
        self,
        user_ids: Sequence[int],
        holder: str,
        *,
        is_load: bool = False,
        day: date | None = None,
    ) -> list[Outcome]:
        left, outcomes = list(user_ids), []
        while left:
            together, left = self._patiently(partial(self._begin, left, holder, is_load, day))
            if together:
                outcomes += self._observe(together)
        return outcomes

    def _begin(
        self, user_ids: Sequence[int], holder: str, is_load: bool, day: date | None
    ) -> tuple[list[tuple[Begun, Target]], list[int]]:
        """Begin the scans of the first who has to be scanned and of those who share its request.

        :return: whose were begun, and who is left for another request
        """
        with self._engine.begin() as connection:
            left = list(user_ids)
            begun = None
            while begun is None and left:
                begun = scans.begin(
                    connection, left.pop(0), holder=holder, lease=self._settings.lease, day=day
                )
            if begun is None:
                return [], []
            together = [begun]
            if begun.is_repeated:
                # One of those at work then may be what kills.
                taken = scans.let_go(connection, left, holder=holder)
                left = [each for each in left if each not in taken]
            elif left:
                together += self._companions(connection, begun, left, holder)
                taken = {each.user_id for each in together}
                left = [each for each in left if each not in taken]
            return [(each, _target(connection, each, is_load=is_load)) for each in together], left

    def _observe(self, together: Sequence[tuple[Begun, Target]]) -> list[Outcome]:
        """Ask GitHub for users whose scans were begun, and record what it shows."""
        begun, _ = together[0]
        if begun.is_repeated and begun.failures > _MOST_RUNS:
            return [_counted(self._put_back(begun, ScanState.FAILED, _KILLED, is_killer=True))]
        observations = self._github.observe_together([target for _, target in together])
        scanned = list(zip(together, observations, strict=True))
        written = self._write_patiently(
            [
                _Scanned(begun, target, seen)
                for (begun, target), seen in scanned
                if isinstance(seen, Observation)
            ]
        )
        return [
            _counted(
                self._put_off(begun, seen)
                if isinstance(seen, GitHubError)
                else written.get(begun.user_id, NOTHING)
            )
            for (begun, _), seen in scanned
        ]

    def _patiently(self, transaction: Callable[[], T]) -> T:
        """Carry out a transaction, again and again for half a minute while the database is away.

        Each of ours may run twice: where the end of the first was not heard of, the second finds
        nothing to do.
        """
        for pause in self._pauses:
            try:
                return transaction()
            except SQLAlchemyError as error:
                reason = outage_reason(error)
                if reason is None:
                    raise
                log.warning("%s: trying again in %.0f s", reason, pause)
            self._sleep(pause)
        return transaction()

    def _companions(
        self, connection: Connection, begun: Begun, user_ids: Sequence[int], holder: str
    ) -> list[Begun]:
        """Begin the scans of those who share this user's request, unless it failed today."""
        if begun.repositories is None or begun.node_id is None or begun.failures > 1:
            return []
        room = self._github.room_beside(begun.repositories)
        if room < 1:
            return []
        return scans.take_along(
            connection, user_ids[:room], begun.day, holder=holder, lease=self._settings.lease
        )

    def _put_off(self, begun: Begun, error: GitHubError) -> Outcome:
        """Put a user's day back that GitHub did not show; settle it where there is none."""
        match error:
            case Gone():
                return self._patiently(lambda: self._note_absence(begun, str(error)))
            case Limited() | CredentialsRefused():
                wait = timedelta(seconds=error.wait)
                return self._put_back(begun, ScanState.WAITING, str(error), wait=wait)
            case _:
                return self._put_back(begun, ScanState.FAILED, str(error))

    def _write_patiently(self, scanned: Sequence[_Scanned]) -> dict[int, Outcome]:
        """Write what was seen of users, or put them back where the database stays away."""
        if not scanned:
            return {}
        try:
            return self._patiently(lambda: self._write(scanned))
        except SQLAlchemyError as error:
            reason_to_wait = outage_reason(error)
            if reason_to_wait is not None:
                # Where not even this can be stored, the lease ends.
                return {
                    each.begun.user_id: self._put_back(
                        each.begun, ScanState.WAITING, reason_to_wait, wait=_DATABASE_RETRY
                    )
                    for each in scanned
                }
            if len(scanned) == 1:
                raise
        # One of them cannot be written, the others can.
        outcomes: dict[int, Outcome] = {}
        fault: SQLAlchemyError | None = None
        for each in scanned:
            try:
                outcomes |= self._write_patiently([each])
            except SQLAlchemyError as error:
                fault = error
        if fault is not None:
            raise fault
        return outcomes

    def resolve(self, lookup_id: int) -> int | None:
        """Find out which account bears a login, and follow it.

        :return: the id of a user who is followed from now on; None where there is nothing new to
            load
        """
        lookup = self._patiently(lambda: self._lookup(lookup_id))
        if lookup is None or lookup.state is not LookupState.PENDING:
            return None
        try:
            account = self._github.find_account(lookup.login)
        except Gone:
            self._patiently(lambda: self._fail_lookup(lookup))
            return None
        except (Limited, CredentialsRefused) as refusal:
            self._put_lookup_back(lookup, str(refusal), timedelta(seconds=refusal.wait))
            return None
        except GitHubError as error:
            self._put_lookup_back(lookup, str(error), _FIRST_RETRY)
            return None
        user = self._patiently(lambda: self._follow(lookup, account))
        if user is None:
            return None
        log.info("user added: %s (%d)", user.login, user.id)
        return user.id

    def _lookup(self, lookup_id: int) -> Lookup | None:
        with self._engine.begin() as connection:
            return lookups.get(connection, lookup_id)

    def _follow(self, lookup: Lookup, account: Account) -> TrackedUser | None:
        """Follow the account, unless it is followed, or the question was settled meanwhile."""
        with self._engine.begin() as connection:
            if not lookups.lock_pending(connection, lookup.id):
                return None
            user, is_new = users.add(
                connection,
                TrackedUser(account.id, account.login, account.name),
                node_id=account.node_id,
                # The load's own message is on its way.
                lease=self._settings.load_lease,
            )
            lookups.resolve(connection, lookup.id, user.id)
        return user if is_new else None

    def _fail_lookup(self, lookup: Lookup) -> None:
        with self._engine.begin() as connection:
            lookups.fail(connection, lookup.id, f"GitHub has no user {lookup.login}")
        log.info("login not found: %s", lookup.login)

    def _put_lookup_back(self, lookup: Lookup, reason: str, wait: timedelta) -> None:
        def put_back() -> None:
            with self._engine.begin() as connection:
                not_before = clock.now(connection) + wait
                lookups.reschedule(connection, lookup.id, reason=reason, not_before=not_before)

        self._patiently(put_back)
        log.warning("login put back: %s: %s", lookup.login, reason)

    def _write(self, scanned: Sequence[_Scanned]) -> dict[int, Outcome]:
        """Write what was seen of users, and settle each one's day or put it back, at once.

        :return: by user, without those whose day is settled, or who are followed no more
        """
        with self._engine.begin() as connection:
            # The lock that a deletion takes too: what is deleted is not written to afterwards.
            days = {each.begun.user_id: each.begun.day for each in scanned}
            due = scans.lock(connection, days)
            now = clock.now(connection)
            # Frozen for long in between, the numbers may be another day's.
            oldest = now - timedelta(seconds=self._settings.lease)
            given_back = [
                begun
                for begun in (each.begun for each in scanned)
                if begun.started_at < oldest
                and scans.let_go(connection, [begun.user_id], holder=begun.holder)
            ]
            scanned = [
                each
                for each in scanned
                if each.begun.user_id in due and each.begun.started_at >= oldest
            ]
            repositories.lock(connection, {id_ for each in scanned for id_ in each.repositories})
            written = [self._write_one(connection, each, now) for each in scanned]
        for each in written:
            each.tell()
        for begun in given_back:
            log.warning("scan came too late, another attempt follows: %s", begun.login)
        return {each.user_id: each.outcome for each in written}

    def _write_one(self, connection: Connection, scanned: _Scanned, now: datetime) -> _Written:
        begun, target, observation = scanned.begun, scanned.target, scanned.observation
        if observation.account is not None:
            account = observation.account
            users.update_profile(
                connection,
                TrackedUser(account.id, account.login, account.name),
                node_id=account.node_id,
            )
        counts = {seen.id: seen.counts for seen in observation.seen if seen.counts is not None}
        new = repositories.save(connection, begun.user_id, begun.day, observation.seen)
        rows = stats.write(connection, begun.user_id, begun.day, counts)
        vanished = self._note_missing(connection, begun, target, observation)
        earlier = {known.id for known in target.known if known.is_recorded_today}
        recorded = len(earlier.difference(observation.gone) | counts.keys())
        state = self._end(connection, begun, observation, recorded, now)
        return _Written(
            user_id=begun.user_id,
            login=observation.account.login if observation.account else begun.login,
            outcome=Outcome(state, rows),
            is_load=target.is_load,
            recorded=recorded,
            new=new,
            vanished=vanished,
        )

    def _note_missing(
        self, connection: Connection, begun: Begun, target: Target, observation: Observation
    ) -> tuple[str, ...]:
        """Note which known repositories were not there; return the names of those that are gone."""
        gone = repositories.mark_missing(
            connection, begun.user_id, begun.day, observation.gone, confirmed=True
        )
        if observation.account is None or observation.expected is None:
            return gone
        shown = {seen.id for seen in observation.seen} | set(observation.gone)
        missing = [known.id for known in target.known if known.id not in shown]
        return gone + repositories.mark_missing(
            connection, begun.user_id, begun.day, missing, confirmed=False
        )

    def _end(
        self,
        connection: Connection,
        begun: Begun,
        observation: Observation,
        recorded: int,
        now: datetime,
    ) -> ScanState:
        """Settle the day, which nobody else has, or put it back."""
        expected = observation.expected
        is_whole = expected is not None and recorded >= expected
        reason = None if is_whole else _summary(recorded, expected, observation.shortfalls)
        if observation.wait is not None:
            state = ScanState.WAITING
            not_before = now + timedelta(seconds=observation.wait)
        elif reason is not None and begun.attempts < _INCOMPLETE_ATTEMPTS:
            state = ScanState.INCOMPLETE
            not_before = now + _LAST_RETRY
        else:
            state = ScanState.DONE if is_whole else ScanState.INCOMPLETE
            scans.finish(
                connection,
                begun.user_id,
                begun.day,
                state=state,
                expected=expected,
                recorded=recorded,
                reason=reason,
            )
            return state
        scans.put_back(
            connection,
            begun.user_id,
            begun.day,
            state=state,
            reason=reason or "GitHub asked to wait",
            not_before=not_before,
            expected=expected,
            recorded=recorded,
            counts_as_attempt=state is not ScanState.WAITING,
        )
        return state

    def _note_absence(self, begun: Begun, reason: str) -> Outcome:
        """Settle the day of a user whom GitHub does not show; ask less often as time goes."""
        with self._engine.begin() as connection:
            if not users.lock(connection, begun.user_id):
                return NOTHING
            since = users.mark_missing(connection, begun.user_id, begun.day)
            pause = min(max(begun.day - since, timedelta(days=1)), _LONGEST_ABSENCE)
            is_ours = scans.finish(
                connection,
                begun.user_id,
                begun.day,
                state=ScanState.GONE,
                reason=f"GitHub shows no account with id {begun.user_id} since {since} ({reason});"
                f" asked again on {begun.day + pause}",
                next_day=begun.day + pause,
            )
            if not is_ours:
                # Somebody else saw the account today.
                connection.rollback()
                return NOTHING
        log.warning("user not found at GitHub: %s (%d): %s", begun.login, begun.user_id, reason)
        return Outcome(ScanState.GONE)

    def _put_back(
        self,
        begun: Begun,
        state: ScanState,
        reason: str,
        *,
        wait: timedelta | None = None,
        is_killer: bool = False,
    ) -> Outcome:
        """Give the day back: after a wait that is no failure, or after an attempt that failed.

        :param is_killer: the worker was killed each time, perhaps by this very scan
        """
        most = self._settings.max_attempts
        if is_killer:
            # Whoever was only at work beside the one that kills gets a run apart from it.
            most = max(most, _MOST_RUNS + 2)
        is_over = wait is None and begun.failures >= most
        state = ScanState.SET_ASIDE if is_over else state

        def put_back() -> tuple[bool, datetime]:
            with self._engine.begin() as connection:
                now = clock.now(connection)
                if wait is not None:
                    not_before = now + wait
                elif is_over:
                    not_before = self._tomorrow(begun.day) if is_killer else now + _SET_ASIDE_RETRY
                else:
                    pause = min(_FIRST_RETRY * 2 ** min(max(begun.failures - 1, 0), 6), _LAST_RETRY)
                    if is_killer:
                        # Apart from those who were at work beside it: it must not kill them again.
                        pause *= random.uniform(0.5, 1.5)  # noqa: S311 - spread, no secret
                    not_before = now + pause
                is_ours = scans.put_back(
                    connection,
                    begun.user_id,
                    begun.day,
                    state=state,
                    reason=reason,
                    not_before=not_before,
                    counts_as_attempt=wait is None,
                )
            return is_ours, not_before

        is_ours, not_before = self._patiently(put_back)
        log.log(
            logging.INFO if state is ScanState.WAITING else logging.WARNING,
            "scan %s: %s until %s: %s",
            state.replace("_", " "),
            begun.login,
            f"{not_before:%Y-%m-%d %H:%M:%SZ}",
            reason,
        )
        return Outcome(state) if is_ours else NOTHING

    def _tomorrow(self, day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), self._settings.scan_at, tzinfo=UTC)


def _target(connection: Connection, begun: Begun, *, is_load: bool) -> Target:
    return Target(
        user_id=begun.user_id,
        login=begun.login,
        node_id=begun.node_id,
        known=repositories.list_known(connection, begun.user_id, begun.day),
        expected=begun.expected,
        is_load=is_load,
    )


def _summary(recorded: int, expected: int | None, shortfalls: tuple[str, ...]) -> str:
    """Say in one line what is missing and why."""
    told = "; ".join(shortfalls[:_TOLD_SHORTFALLS])
    if len(shortfalls) > _TOLD_SHORTFALLS:
        told += f"; and {len(shortfalls) - _TOLD_SHORTFALLS} more"
    counted = f"{recorded} of {'?' if expected is None else expected} repositories recorded"
    return f"{counted}: {told}" if told else counted
