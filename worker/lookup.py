"""Resolving logins: find out which account has a login, and track it."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, Engine

from common import clock, lookups, users
from common.lookups import Lookup
from common.settings import Settings
from common.states import LookupState
from common.users import TrackedUser
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
        self._load_lease = settings.load_lease

    def resolve(self, lookup_id: int) -> Resolution:
        """Find out which account has a login, and track it."""

        def renew(connection: Connection) -> None:
            lookups.renew(connection, lookup_id, lease=self._load_lease)

        def begin(connection: Connection) -> Lookup | None:
            renew(connection)
            return lookups.get(connection, lookup_id)

        lookup = self._transactions.run(begin)
        if lookup is None or lookup.state is not LookupState.PENDING:
            return Resolution(None, "nothing to do: already resolved")
        with renewed(self._engine, renew, lease=self._load_lease):
            return self._resolve(lookup)

    def _resolve(self, lookup: Lookup) -> Resolution:
        try:
            account = self._github.find_account(lookup.login)
        except Gone:
            return self._fail(lookup)
        except (Limited, CredentialsRefused) as refusal:
            is_failure = isinstance(refusal, RedisUnavailable | CredentialsRefused)
            wait = timedelta(seconds=refusal.wait)
            return self._reschedule(lookup, refusal, wait, is_failure=is_failure)
        except GitHubError as error:
            return self._reschedule(lookup, error, _RETRY, is_failure=True)
        user, is_new = self._track(lookup, account)
        if user is None:
            return Resolution(None, "nothing to do: resolved or withdrawn meanwhile")
        if not is_new:
            return Resolution(None, f"already tracked: {user.login} ({user.id})")
        log.info("user added: %s (%d)", user.login, user.id)
        return Resolution(user, f"added: {user.login} ({user.id})")

    def _track(self, lookup: Lookup, account: Account) -> tuple[TrackedUser | None, bool]:
        """Track the account unless the lookup was settled meanwhile; return whether it is new."""

        def track(connection: Connection) -> tuple[TrackedUser | None, bool]:
            if not lookups.lock_pending(connection, lookup.id):
                return None, False
            user, is_new = users.add(
                connection,
                TrackedUser(account.id, account.login, account.name),
                node_id=account.node_id,
                # The load's own message is on its way.
                lease=self._load_lease,
            )
            lookups.resolve(connection, lookup.id, user.id)
            return user, is_new

        return self._transactions.run(track)

    def _fail(self, lookup: Lookup) -> Resolution:
        reason = f"GitHub has no user {lookup.login}"
        self._transactions.run(lambda connection: lookups.fail(connection, lookup.id, reason))
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
