"""The collection: what a scan of one user is.

Fetch first, with no transaction open; then one transaction that writes the rows and settles the
day, unless somebody else has. The day is the UTC day at which the fetch began, by the database's
clock. Whatever keeps a scan from its end puts the user back with a reason and a time: no worker
waits, and no limit fails a scan.
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine

from common import clock, lookups, repositories, scans, stats, users
from common.lookups import Lookup
from common.scans import Begun
from common.settings import Settings
from common.states import LookupState, ScanState
from common.users import TrackedUser
from worker.github.client import GitHub
from worker.github.errors import CredentialsRefused, GitHubError, Gone, Limited
from worker.github.observation import Observation, Target

log = logging.getLogger(__name__)

_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(minutes=15)
_INCOMPLETE_ATTEMPTS = 2
"""Times a day that an incomplete scan is begun before it is left at that."""
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


class Collector:
    """Scans users and resolves logins, with the resources of one process."""

    def __init__(self, engine: Engine, github: GitHub, settings: Settings) -> None:
        self._engine = engine
        self._github = github
        self._settings = settings

    def scan(
        self,
        user_id: int,
        *,
        is_load: bool = False,
        holder: str | None = None,
        day: date | None = None,
    ) -> Outcome:
        """Record the numbers of a user's repositories as of now, unless that was done.

        Other small users whose messages are on their way are recorded with it, where all of them
        together cost GitHub no more than this one alone. Each keeps a record and an end of its own.

        :param holder: the task that asks; the same task may ask again after it was killed
        :param day: the day that they are of, where GitHub is simulated and shows another
        :return: how the scan of this user ended
        """
        holder = holder or uuid.uuid4().hex
        lease = self._settings.lease
        with self._engine.begin() as connection:
            begun = scans.begin(connection, user_id, holder=holder, lease=lease, day=day)
            if begun is None:
                return NOTHING
            together = [begun]
            if day is None and not is_load:
                together += self._companions(connection, begun, holder)
            targets = [_target(connection, each, is_load=is_load) for each in together]
        observations = self._github.observe_together(targets)
        outcomes = [
            self._record(*scanned) for scanned in zip(together, targets, observations, strict=True)
        ]
        return outcomes[0]

    def _companions(self, connection: Connection, begun: Begun, holder: str) -> list[Begun]:
        """Take along others of this user's size or less, if neither has given trouble today."""
        if begun.repositories is None or begun.node_id is None or begun.failures > 1:
            return []
        room = self._github.room_beside(begun.repositories)
        if room < 1:
            return []
        return scans.take_along(
            connection,
            begun.day,
            holder=holder,
            lease=self._settings.lease,
            largest=max(begun.repositories, 1),
            limit=room,
        )

    def _record(
        self, begun: Begun, target: Target, observation: Observation | GitHubError
    ) -> Outcome:
        """Write what was seen of a user, or put the user's day back."""
        match observation:
            case Gone():
                return self._note_absence(begun, str(observation))
            case Limited() | CredentialsRefused():
                reason, wait = str(observation), observation.wait
                return self._put_back(begun, ScanState.WAITING, reason, wait=wait)
            case GitHubError():
                return self._put_back(begun, ScanState.FAILED, str(observation))
            case Observation():
                return self._write(begun, target, observation)

    def resolve(self, lookup_id: int) -> int | None:
        """Find out which account bears a login, and follow it.

        :return: the id of a user who is followed from now on; None where there is nothing new to
            load
        """
        with self._engine.begin() as connection:
            lookup = lookups.get(connection, lookup_id)
        if lookup is None or lookup.state is not LookupState.PENDING:
            return None
        try:
            account = self._github.find_account(lookup.login)
        except Gone:
            with self._engine.begin() as connection:
                lookups.fail(connection, lookup_id, f"GitHub has no user {lookup.login}")
            log.info("login not found: %s", lookup.login)
            return None
        except (Limited, CredentialsRefused) as refusal:
            self._put_lookup_back(lookup, str(refusal), timedelta(seconds=refusal.wait))
            return None
        except GitHubError as error:
            self._put_lookup_back(lookup, str(error), _FIRST_RETRY)
            return None
        with self._engine.begin() as connection:
            user, is_new = users.add(
                connection,
                TrackedUser(account.id, account.login, account.name),
                node_id=account.node_id,
                # The load's own message is on its way.
                lease=self._settings.load_lease,
            )
            lookups.resolve(connection, lookup_id, user.id)
        if is_new:
            log.info("user added: %s (%d)", user.login, user.id)
        return user.id if is_new else None

    def _put_lookup_back(self, lookup: Lookup, reason: str, wait: timedelta) -> None:
        with self._engine.begin() as connection:
            not_before = clock.now(connection) + wait
            lookups.put_back(connection, lookup.id, reason=reason, not_before=not_before)
        log.warning("login put back: %s: %s", lookup.login, reason)

    def _write(self, begun: Begun, target: Target, observation: Observation) -> Outcome:
        """Write what was seen, and settle the day or put it back, in one transaction."""
        with self._engine.begin() as connection:
            # The lock that a deletion takes too: what is deleted is not written to afterwards.
            if not users.lock(connection, begun.user_id):
                return NOTHING
            if clock.now(connection) - begun.started_at > timedelta(seconds=self._settings.lease):
                # Frozen for long in between: the numbers may be another day's.
                return NOTHING
            if observation.account is not None:
                account = observation.account
                users.identify(
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
            state = self._end(connection, begun, observation, recorded)
            if state is None:
                connection.rollback()
                return NOTHING
        outcome = Outcome(state, rows)
        login = observation.account.login if observation.account else begun.login
        _tell(login, outcome, is_load=target.is_load, recorded=recorded, new=new, vanished=vanished)
        return outcome

    def _note_missing(
        self, connection: Connection, begun: Begun, target: Target, observation: Observation
    ) -> tuple[str, ...]:
        """Note which known repositories were not there; return the names of those that are gone."""
        gone = repositories.miss(
            connection, begun.user_id, begun.day, observation.gone, confirmed=True
        )
        if observation.account is None or observation.expected is None:
            return gone
        shown = {seen.id for seen in observation.seen} | set(observation.gone)
        missing = [known.id for known in target.known if known.id not in shown]
        return gone + repositories.miss(
            connection, begun.user_id, begun.day, missing, confirmed=False
        )

    def _end(
        self, connection: Connection, begun: Begun, observation: Observation, recorded: int
    ) -> ScanState | None:
        """Settle the day or put it back; None where somebody else has settled it."""
        expected = observation.expected
        is_whole = expected is not None and recorded >= expected
        reason = None if is_whole else _summary(recorded, expected, observation.shortfalls)
        now = clock.now(connection)
        if observation.wait is not None:
            state = ScanState.WAITING
            not_before = now + timedelta(seconds=observation.wait)
        elif reason is not None and begun.attempts < _INCOMPLETE_ATTEMPTS:
            state = ScanState.INCOMPLETE
            not_before = now + _LAST_RETRY
        else:
            state = ScanState.DONE if is_whole else ScanState.INCOMPLETE
            is_ours = scans.finish(
                connection,
                begun.user_id,
                begun.day,
                state=state,
                expected=expected,
                recorded=recorded,
                reason=reason,
            )
            return state if is_ours else None
        is_ours = scans.put_back(
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
        return state if is_ours else None

    def _note_absence(self, begun: Begun, reason: str) -> Outcome:
        """Settle the day of a user whom GitHub does not show; ask less often as time goes."""
        with self._engine.begin() as connection:
            if not users.lock(connection, begun.user_id):
                return NOTHING
            since = users.miss(connection, begun.user_id, begun.day)
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
        self, begun: Begun, state: ScanState, reason: str, *, wait: float | None = None
    ) -> Outcome:
        """Give the day back: after a wait that is no failure, or after an attempt that failed."""
        with self._engine.begin() as connection:
            now = clock.now(connection)
            if wait is not None:
                not_before = now + timedelta(seconds=wait)
            elif begun.failures >= self._settings.max_attempts:
                state = ScanState.SET_ASIDE
                not_before = self._tomorrow(begun.day)
            else:
                doublings = min(max(begun.failures - 1, 0), 6)
                not_before = now + min(_FIRST_RETRY * 2**doublings, _LAST_RETRY)
            is_ours = scans.put_back(
                connection,
                begun.user_id,
                begun.day,
                state=state,
                reason=reason,
                not_before=not_before,
                counts_as_attempt=wait is None,
            )
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
        known=repositories.known(connection, begun.user_id, begun.day),
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


def _tell(
    login: str,
    outcome: Outcome,
    *,
    is_load: bool,
    recorded: int,
    new: tuple[str, ...],
    vanished: tuple[str, ...],
) -> None:
    """Log what a person would want to know of a scan."""
    if not is_load:
        for name in new:
            log.info("new repository: %s/%s", login, name)
    for name in vanished:
        log.info("vanished repository: %s/%s", login, name)
    if is_load and outcome.state is ScanState.DONE:
        log.info("load finished: %s, %d repositories, %d rows", login, recorded, outcome.rows)
    elif outcome.state is not None:
        log.info("scan %s: %s, updated %d rows", outcome.state, login, outcome.rows)
