"""GitHub as the collection needs it: find an account, and observe one.

With a token by GraphQL, and by REST for what GraphQL cannot show; without a token by REST alone. So
are owners whose policy refuses the token.
What was seen before a limit is returned together with the wait, so that no true number is lost.
"""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import redis

from common import github_clock
from common.credentials import choose_credential, fingerprint
from common.github_clock import ClockError
from common.settings import Settings
from worker.github.anonymous import Anonymous, make_anonymous
from worker.github.budget import Budget
from worker.github.credentials import make_credentials
from worker.github.dates import AnswerDates
from worker.github.errors import Blocked, Gone, PolicyRefusal, TryAgain
from worker.github.graphql import GraphQL
from worker.github.history import HistoryPage, StarHistory
from worker.github.network import make_way
from worker.github.observation import Account, Observation, Target
from worker.github.observer import Observer
from worker.github.policies import OwnerPolicies
from worker.github.releases import ReleaseList, Releases
from worker.github.rest import Rest
from worker.github.transport import Transport
from worker.github.watchers import WatcherAccess
from worker.github.wire import make_http_client

log = logging.getLogger(__name__)

_PATIENCE_SHARE = 0.025
"""The part of a lease that a request may wait for a permit: half a minute by default."""


class GitHub:
    """GitHub's API with one credential.

    :param client: Redis, for what all workers know of GitHub's clock
    :param watchers: None without a credential, because GraphQL then refuses every query
    :param anonymous: reads owners whose policy refuses the credential; None if no other way exists
    :param now: seconds of any clock that never goes back
    """

    def __init__(
        self,
        transport: Transport,
        client: "redis.Redis",
        watchers: WatcherAccess | None,
        *,
        anonymous: Anonymous | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._client = client
        self._anonymous = anonymous
        self._rest = Rest(transport, now=now)
        self._graphql = GraphQL(transport)
        self._history = StarHistory(transport)
        self._releases = Releases(transport)
        self._watchers = watchers

    def find_account(self, login: str, *, is_load: bool = True) -> Account:
        """Return the account that has a login now; a person is waiting for it.

        GitHub has denied accounts by mistake, so it has to do so twice.

        :param is_load: False if the person gets an answer without it
        :raise Gone: no account has it
        :raise GitHubError: GitHub did not answer the question
        """
        try:
            if self._watchers is None:
                return self._rest.find_account(login, is_load=is_load)
            account = self._graphql.find_account(login, is_load=is_load)
            if account is not None:
                return account
        except (Gone, Blocked, PolicyRefusal):
            pass
        try:
            return self._rest.find_account(login, is_load=is_load)
        except PolicyRefusal:
            if self._anonymous is None:
                raise
            return self._anonymous.find_account(login, is_load=is_load)

    def show_account(self, user_id: int) -> Account:
        """Return the account with this id, whatever its login is now.

        :raise Gone: GitHub has no such account, or hides it
        :raise GitHubError: GitHub did not answer the question
        """
        return self._rest.account(user_id)

    def is_public(self, repo_id: int, node_id: str | None) -> bool:
        """Return whether anybody may see a repository now; our credential may see more.

        :raise Limited: no request is allowed now, or what is left is reserved for scans
        :raise GitHubError: GitHub did not answer the question
        """
        if node_id is not None and self._watchers is not None:
            looked = self._graphql.look([node_id], with_watchers=False, is_background=True)
            if node_id in looked:
                return looked[node_id] is not None
        return self._rest.is_public(repo_id)

    def history(self, repo_id: int, page: int, *, etag: str | None = None) -> HistoryPage | None:
        """Return a page of a repository's star history, the newest weeks first.

        :param page: from 1
        :param etag: of an earlier answer
        :return: None if nothing changed since that answer
        :raise Limited: no request is allowed now, or what is left is reserved for scans
        :raise Gone: this GitHub has no history of it
        :raise GitHubError: GitHub did not answer with a page
        """
        return self._history.page(repo_id, page, etag=etag)

    def releases(self, node_ids: list[str]) -> dict[str, ReleaseList]:
        """Return the newest releases of public repositories, at most 50 of them, by node id.

        Repositories that GitHub does not show to everybody are left out.

        :raise Limited: no request is allowed now, or what is left is reserved for scans
        :raise GitHubError: GitHub did not answer the question
        """
        return self._releases.of(node_ids)

    def observe(self, target: Target, dates: AnswerDates | None = None) -> Observation:
        """Read an account and its repositories as they are now.

        :param dates: gets the time of each answer; answers of another day than its own end the
            reading
        :raise OtherDay: GitHub's first answer was of another day
        :raise Gone: GitHub shows no such account, and said so twice
        :raise Limited: no request was allowed before anything was seen
        :raise GitHubError: GitHub showed nothing of the account
        """
        if dates is None:
            return self._observe(target)
        with ExitStack() as stack:
            stack.enter_context(self._transport.dated(dates))
            if self._anonymous is not None:
                stack.enter_context(self._anonymous.dated(dates))
            return self._observe(target)

    def _observe(self, target: Target) -> Observation:
        if self._watchers is None:
            try:
                return self._rest.observe(target)
            except Gone:
                return self._rest.observe(target)
        if self._anonymous is not None and (refusal := self._anonymous.refusal(target.user_id)):
            return self._anonymous.observe(target, refusal)
        try:
            return self._observe_with_credential(target, self._watchers)
        except PolicyRefusal as error:
            if self._anonymous is None:
                raise
            self._anonymous.note(target, str(error))
            return self._anonymous.observe(target, str(error))

    def record_clock_error(self, error: ClockError) -> ClockError | None:
        """Share with all processes how far the database's clock is from GitHub's.

        :return: what the scan before this one found; None if that is not known
        """
        try:
            return github_clock.record(self._client, error)
        except redis.RedisError as failure:
            log.warning("Redis does not answer, the error of the clock is not stored: %s", failure)
            return None

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _observe_with_credential(self, target: Target, watchers: WatcherAccess) -> Observation:
        try:
            return self._observe_by_graphql(target, watchers)
        except (Blocked, PolicyRefusal):
            # Single sign-on and the like may block GraphQL while REST still shows what is public.
            return self._rest.observe(target)

    def _observe_by_graphql(self, target: Target, watchers: WatcherAccess) -> Observation:
        node_id = target.node_id
        if node_id is not None:
            try:
                return self._observer(target, watchers).observe(node_id)
            except Gone:
                # A user who became an organisation has a new node id and the same numeric id.
                account = self._rest.account(target.user_id, is_load=target.is_load)
        else:
            account = self._account(target)
        try:
            return self._observer(target, watchers).observe(account.node_id)
        except Gone as error:
            raise TryAgain("GitHub shows the account by REST and not by GraphQL") from error

    def _account(self, target: Target) -> Account:
        try:
            return self._rest.account(target.user_id, is_load=target.is_load)
        except Gone:
            return self._rest.account(target.user_id, is_load=target.is_load)

    def _observer(self, target: Target, watchers: WatcherAccess) -> Observer:
        return Observer(self._graphql, self._rest, watchers, target)


def make_github(
    settings: Settings,
    client: "redis.Redis",
    *,
    transport: httpx.BaseTransport | None = None,
    pace: dict[str, tuple[int, int]] | None = None,
    now: Callable[[], float] | None = None,
    sleep: Callable[[float], None] | None = None,
) -> GitHub:
    """Make the client of one process; nothing connects yet.

    :param transport: for tests and the demo, carries the requests
    :param pace: for the demo, replaces GitHub's points a minute
    :param now: for tests, epoch seconds for budgets and time limits
    :param sleep: for tests, replaces every wait
    :raise SetupError: a setting cannot be used
    """
    credential = choose_credential(settings)
    name = fingerprint(credential, settings.github.name)
    http = make_http_client(settings.github_api_url, transport=transport or make_way(settings))

    def make_budget(name: str) -> Budget:
        return Budget(
            client,
            name,
            concurrency=settings.github_concurrency,
            patience=settings.lease * _PATIENCE_SHARE,
            pace=pace,
            now=now,
            sleep=sleep,
        )

    budget = make_budget(name)
    credentials = make_credentials(credential, http, budget, now=now or time.time)
    sender = Transport(http, budget, credentials)
    clock = now or time.monotonic
    if credential is None:
        return GitHub(sender, client, None, now=clock)
    anonymous = make_anonymous(
        http, make_budget(fingerprint(None)), budget, OwnerPolicies(client, name), now=clock
    )
    return GitHub(sender, client, WatcherAccess(client, name), anonymous=anonymous, now=clock)
