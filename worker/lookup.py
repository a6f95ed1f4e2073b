"""Resolving logins: find out which account has a login, and track it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine

from common import clock, lookups, scan_records, users
from common.lookups import Lookup
from common.settings import Settings
from common.states import LookupState
from common.users import TrackedUser
from worker.claim import GitHubClaim
from worker.github.client import GitHub
from worker.github.errors import (
    CredentialsRefused,
    GitHubError,
    Gone,
    Limited,
    RedisUnavailable,
)
from worker.github.observation import Account
from worker.outcome import Resolution, time_of_day
from worker.renewal import renewed
from worker.transactions import Transactions

log = logging.getLogger(__name__)

_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Handover:
    """A login that another account has taken over from a tracked user.

    :param former: the user who had it last, as stored
    :param former_now: the same account as GitHub shows it now; None if it does not
    :param taker: the account that has it now
    """

    login: str
    former: TrackedUser
    former_now: Account | None
    taker: Account

    def __str__(self) -> str:
        now = "" if self.former_now is None else f", now {self.former_now.login},"
        return (
            f"the login {self.login} belongs to account {self.taker.id} now;"
            f" account {self.former.id}{now} had it before"
        )

    def record(self, connection: Connection) -> None:
        """Store it in the records of both users' day, and the login that the former one has."""
        today = clock.today(connection)
        # In the order of ids, so that two handovers at once cannot deadlock.
        for user_id in sorted((self.former.id, self.taker.id)):
            if users.lock(connection, user_id):
                scan_records.note(connection, user_id, today, str(self))
        if self.former_now is not None:
            user = TrackedUser(self.former_now.id, self.former_now.login, self.former_now.name)
            users.update_profile(connection, user, node_id=self.former_now.node_id)


class Resolver:
    """Resolves logins, with the resources of one process.

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
        self._load_lease = settings.load_lease

    def resolve(self, lookup_id: int) -> Resolution:
        """Find out which account has a login, and track it."""

        def renew(connection: Connection) -> None:
            lookups.renew(connection, lookup_id, lease=self._load_lease)

        def begin(connection: Connection) -> tuple[Lookup, TrackedUser | None] | None:
            renew(connection)
            lookup = lookups.get(connection, lookup_id)
            if lookup is None or lookup.state is not LookupState.PENDING:
                return None
            return lookup, users.find_by_login(connection, lookup.login)

        begun = self._transactions.run(begin)
        if begun is None:
            return Resolution(None, "nothing to do: already resolved")
        with renewed(self._engine, renew, lease=self._load_lease):
            return self._resolve(*begun)

    def _resolve(self, lookup: Lookup, holder: TrackedUser | None) -> Resolution:
        """Resolve a login.

        :param holder: the tracked user who had the login last
        """
        try:
            # The answer about a tracked login does not wait for GitHub, so others go first.
            account = self._github.find_account(lookup.login, is_load=holder is None)
        except Gone:
            return self._fail(lookup)
        except (Limited, CredentialsRefused) as refusal:
            is_failure = isinstance(refusal, RedisUnavailable | CredentialsRefused)
            wait = timedelta(seconds=refusal.wait)
            return self._reschedule(lookup, refusal, wait, is_failure=is_failure)
        except GitHubError as error:
            wait = min(_RETRY * 2 ** min(lookup.attempts, 6), _LAST_RETRY)
            return self._reschedule(lookup, error, wait, is_failure=True)
        handover = None
        if holder is not None and holder.id != account.id:
            handover = Handover(lookup.login, holder, self._find_former(holder), account)
            log.warning("login changed hands: %s", handover)
        user, is_new = self._track(lookup, account, handover)
        if user is None:
            return Resolution(None, "nothing to do: resolved or withdrawn meanwhile")
        if not is_new:
            return Resolution(None, f"already tracked: {user.login} ({user.id})")
        log.info("user added: %s (%d)", user.login, user.id)
        return Resolution(user, f"added: {user.login} ({user.id})")

    def _find_former(self, holder: TrackedUser) -> Account | None:
        """Return an account that lost its login, as it is now; None if GitHub does not show it."""
        try:
            return self._github.show_account(holder.id)
        except GitHubError as error:
            log.info("not shown by GitHub, the next scan asks again: %s: %s", holder.login, error)
            return None

    def _track(
        self, lookup: Lookup, account: Account, handover: Handover | None
    ) -> tuple[TrackedUser | None, bool]:
        """Track the account unless the lookup was settled meanwhile; return whether it is new."""
        shown = TrackedUser(account.id, account.login, account.name)

        def track(connection: Connection) -> tuple[TrackedUser | None, bool]:
            if not lookups.lock_pending(connection, lookup.id):
                return None, False
            self._claim.hold(connection)
            user, is_new = users.add(
                connection,
                shown,
                node_id=account.node_id,
                # The load's own message is on its way.
                lease=self._load_lease,
            )
            if not is_new:
                users.update_profile(connection, shown, node_id=account.node_id)
            if handover is not None:
                handover.record(connection)
            reason = None if handover is None else str(handover)
            lookups.resolve(connection, lookup.id, user.id, reason=reason)
            return shown, is_new

        return self._transactions.run(track)

    def _fail(self, lookup: Lookup) -> Resolution:
        reason = f"GitHub has no user {lookup.login}"

        def fail(connection: Connection) -> None:
            self._claim.check(connection)
            lookups.fail(connection, lookup.id, reason)

        self._transactions.run(fail)
        log.info("login not found: %s", lookup.login)
        return Resolution(None, f"not found: {reason}")

    def _reschedule(
        self, lookup: Lookup, error: GitHubError, wait: timedelta, *, is_failure: bool
    ) -> Resolution:
        def reschedule(connection: Connection) -> str:
            now = clock.now(connection)
            lookups.reschedule(connection, lookup.id, reason=str(error), not_before=now + wait)
            return time_of_day(now + wait, now.date())

        until = self._transactions.run(reschedule)
        log.warning("login rescheduled: %s: %s", lookup.login, error.for_log())
        return Resolution(None, f"waiting until {until}: {error}", is_failure=is_failure)
