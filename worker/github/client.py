"""GitHub, as the collection sees it: find an account, and observe one.

With a token by GraphQL, and REST for what it cannot say; without a token by REST alone. What was
seen before a limit is handed over together with the wait, so that no true number is thrown away.
"""

import time
from collections.abc import Callable, Sequence

import httpx
import redis

from common.credentials import choose_credential, fingerprint
from common.settings import Settings
from worker.github.budget import Budget
from worker.github.credentials import make_credentials
from worker.github.errors import Blocked, GitHubError, Gone, TryAgain
from worker.github.graphql import PAGE, GraphQL, Page, accounts_for_a_point
from worker.github.observation import Account, Observation, Target
from worker.github.observer import Observer
from worker.github.rest import Rest
from worker.github.transport import Transport
from worker.github.watchers import Watchers
from worker.github.wire import make_http_client

_PATIENCE_SHARE = 0.025
"""The part of a lease that a request may wait for its place: with the default half a minute."""


class GitHub:
    """GitHub's API with one credential.

    :param watchers: None without a credential: GraphQL answers nobody then
    """

    def __init__(self, transport: Transport, watchers: Watchers | None) -> None:
        self._transport = transport
        self._rest = Rest(transport)
        self._graphql = GraphQL(transport)
        self._watchers = watchers
        self._most_together = PAGE

    def find_account(self, login: str) -> Account:
        """Return the account that bears a login now; a person is waiting for it.

        GitHub has denied accounts by mistake, so it has to do so twice.

        :raise Gone: nobody bears it
        :raise GitHubError: for whatever else kept GitHub from saying so
        """
        try:
            if self._watchers is None:
                return self._rest.find_account(login, is_load=True)
            account = self._graphql.find_account(login, is_load=True)
            if account is not None:
                return account
        except (Gone, Blocked):
            pass
        return self._rest.find_account(login, is_load=True)

    def observe(self, target: Target, *, first_page: Page | None = None) -> Observation:
        """Look at an account and its repositories as they are now.

        :param first_page: where it came with other accounts' pages already
        :raise Gone: GitHub shows no such account, and said so twice
        :raise Limited: before anything was seen
        :raise GitHubError: for whatever else kept it from being seen
        """
        if self._watchers is None:
            try:
                return self._rest.observe(target)
            except Gone:
                return self._rest.observe(target)
        try:
            return self._observe_by_graphql(target, self._watchers, first_page)
        except Blocked:
            # Single sign-on and the like close GraphQL where REST still shows what is public.
            return self._rest.observe(target)

    def observe_together(self, targets: Sequence[Target]) -> list[Observation | GitHubError]:
        """Look at several small accounts, in one request as far as that goes.

        What becomes of one is its own: whoever cannot be shown with the others is asked for alone.

        :return: for each target what was observed, or what kept it from that
        """
        try:
            pages = self._first_pages(targets)
        except GitHubError as error:
            return [error] * len(targets)
        return [self._outcome(target, pages.get(target.user_id)) for target in targets]

    def room_beside(self, size: int) -> int:
        """Return how many other accounts may share the request of one with so many repositories."""
        if self._watchers is None:
            return 0
        return min(accounts_for_a_point(max(size, 1)), self._most_together) - 1

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _outcome(self, target: Target, first_page: Page | None) -> Observation | GitHubError:
        try:
            return self.observe(target, first_page=first_page)
        except GitHubError as error:
            return error

    def _first_pages(self, targets: Sequence[Target]) -> dict[int, Page]:
        """Return the first pages of those with a node id; fewer at once where it is too much."""
        owners = [(target.node_id, target.user_id) for target in targets if target.node_id]
        if len(owners) < 2 or self._watchers is None:
            return {}
        first = max(1, *(len(target.known) for target in targets))
        try:
            return self._graphql.first_pages(
                owners, first=min(first, PAGE), with_watchers=self._watchers.are_open()
            )
        except TryAgain as error:
            if not error.ask_for_less:
                raise
        self._most_together = max(1, len(owners) // 2)
        middle = len(targets) // 2
        return self._first_pages(targets[:middle]) | self._first_pages(targets[middle:])

    def _observe_by_graphql(
        self, target: Target, watchers: Watchers, first_page: Page | None
    ) -> Observation:
        node_id = target.node_id
        if node_id is not None:
            try:
                return self._observer(target, watchers, first_page).observe(node_id)
            except Gone:
                # A user that became an organisation has another node id and the same numeric one.
                account = self._rest.account(target.user_id, is_load=target.is_load)
        else:
            account = self._account(target)
        try:
            return self._observer(target, watchers, None).observe(account.node_id)
        except Gone as error:
            raise TryAgain("GitHub shows the account by REST and not by GraphQL") from error

    def _account(self, target: Target) -> Account:
        try:
            return self._rest.account(target.user_id, is_load=target.is_load)
        except Gone:
            return self._rest.account(target.user_id, is_load=target.is_load)

    def _observer(self, target: Target, watchers: Watchers, first_page: Page | None) -> Observer:
        return Observer(self._graphql, self._rest, watchers, target, first_page=first_page)


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

    :param transport: for tests and the demo, what carries the requests
    :param pace: for the demo, points a minute where not GitHub's are at stake
    :param now: for tests, epoch seconds by which all budgets are kept
    :param sleep: for tests, waits so many seconds in place of whatever is waited for
    :raise SetupError: the settings give no usable credential
    """
    credential = choose_credential(settings)
    name = fingerprint(credential)
    http = make_http_client(settings.github_api_url, transport=transport)
    budget = Budget(
        client,
        name,
        concurrency=settings.github_concurrency,
        patience=settings.lease * _PATIENCE_SHARE,
        pace=pace,
        now=now,
        sleep=sleep,
    )
    credentials = make_credentials(credential, http, budget, now=now or time.time)
    watchers = None if credential is None else Watchers(client, name)
    return GitHub(Transport(http, budget, credentials), watchers)
