"""GitHub, as the collection sees it: find an account, and observe one.

With a token by GraphQL, and REST for what it cannot say; without a token by REST alone. What was
seen before a limit is handed over together with the wait, so that no true number is thrown away.
"""

import httpx
import redis

from common.settings import Settings
from worker.github.budget import Budget
from worker.github.errors import Gone, TryAgain
from worker.github.graphql import GraphQL
from worker.github.observation import Account, Observation, Target
from worker.github.observer import Observer
from worker.github.rest import Rest
from worker.github.transport import Transport, make_http_client


class GitHub:
    """GitHub's API with one credential.

    :param has_token: GraphQL answers nobody without one
    """

    def __init__(self, transport: Transport, *, has_token: bool) -> None:
        self._transport = transport
        self._rest = Rest(transport)
        self._graphql = GraphQL(transport) if has_token else None
        self._with_watchers = True

    def find_account(self, login: str) -> Account:
        """Return the account that bears a login now; a person is waiting for it.

        :raise Gone: nobody bears it
        :raise GitHubError: for whatever else kept GitHub from saying so
        """
        if self._graphql is not None:
            account = self._graphql.find_account(login, is_load=True)
            if account is not None:
                return account
        return self._rest.find_account(login, is_load=True)

    def observe(self, target: Target) -> Observation:
        """Look at an account and its repositories as they are now.

        :raise Gone: GitHub shows no such account
        :raise Limited: before anything was seen
        :raise GitHubError: for whatever else kept it from being seen
        """
        if self._graphql is None:
            return self._rest.observe(target)
        node_id = target.node_id
        if node_id is not None:
            try:
                return self._observe(self._graphql, target, node_id)
            except Gone:
                # A user that became an organisation has another node id and the same numeric one.
                pass
        account = self._rest.account(target.user_id, is_load=target.is_load)
        try:
            return self._observe(self._graphql, target, account.node_id)
        except Gone as error:
            raise TryAgain("GitHub shows the account by REST and not by GraphQL") from error

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _observe(self, graphql: GraphQL, target: Target, node_id: str) -> Observation:
        observer = Observer(graphql, self._rest, target, with_watchers=self._with_watchers)
        try:
            return observer.observe(node_id)
        finally:
            self._with_watchers = observer.with_watchers


def make_github(
    settings: Settings, client: "redis.Redis", *, transport: httpx.BaseTransport | None = None
) -> GitHub:
    """Make the client of one process; nothing connects yet.

    :param transport: for tests, what carries the requests
    """
    token = settings.github_token.get_secret_value() if settings.github_token else None
    http = make_http_client(settings.github_api_url, token, transport=transport)
    budget = Budget(client, token, concurrency=settings.github_concurrency)
    return GitHub(Transport(http, budget), has_token=token is not None)
