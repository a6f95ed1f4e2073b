"""One request to GitHub: with leave of the budget, proven, and asked again where that helps.

Nothing else in the project opens a connection to GitHub. What is asked again at once, and once
only: a request whose answer was cut off or was no JSON, and one whose credentials were refused,
which GitHub has done by mistake. A timeout or a server error would only come again.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from worker.github.answers import Answer, Meaning, read_graphql, read_rest
from worker.github.budget import Budget, Leave
from worker.github.credentials import Credentials
from worker.github.errors import CredentialsRefused, TryAgain
from worker.github.wire import DEADLINE, exchange

log = logging.getLogger(__name__)


class Transport:
    """Sends requests to GitHub.

    :param deadline: seconds for one answer as a whole
    """

    def __init__(
        self,
        client: httpx.Client,
        budget: Budget,
        credentials: Credentials,
        *,
        deadline: float = DEADLINE,
    ) -> None:
        self._client = client
        self._budget = budget
        self._credentials = credentials
        self._deadline = deadline
        self._told: set[str] = set()

    def get(
        self, path: str, parameters: dict[str, str | int] | None = None, *, is_load: bool = False
    ) -> Answer:
        """Ask the REST API for one resource.

        :param path: a path below the API's address, or an address that GitHub gave (next page,
            redirect)
        :raise Limited: nobody may ask now; nothing was sent
        :raise CredentialsRefused: GitHub refuses the credentials
        """
        try:
            # As the request will have it, and as a browser would read it: the two may differ.
            addresses = (
                self._client.build_request("GET", path, params=parameters).url,
                self._client.base_url.join(path),
            )
        except (httpx.InvalidURL, ValueError, TypeError):
            return Answer(Meaning.TRY_AGAIN, reason="GitHub named an address that is none")
        if not all(map(self._is_ours, addresses)):
            return Answer(Meaning.TRY_AGAIN, reason="GitHub named an address on another host")
        return self._send(
            lambda: self._client.build_request("GET", path, params=parameters),
            "core",
            cost=1,
            is_load=is_load,
        )

    def query(
        self, document: str, variables: dict[str, Any], *, cost: int = 1, is_load: bool = False
    ) -> Answer:
        """Ask the GraphQL API.

        :param cost: points that the query is expected to cost
        :raise Limited: nobody may ask now; nothing was sent
        :raise CredentialsRefused: GitHub refuses the credentials
        """
        content = {"query": document, "variables": variables}
        return self._send(
            lambda: self._client.build_request("POST", "/graphql", json=content),
            "graphql",
            cost=cost,
            is_load=is_load,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _is_ours(self, address: httpx.URL) -> bool:
        """Tell whether an address is on GitHub's API: the token goes nowhere else.

        One with a user in it is not: it would be asked in that user's name.
        """
        ours = self._client.base_url
        return not address.userinfo and (
            (address.scheme, address.host, address.port) == (ours.scheme, ours.host, ours.port)
        )

    def _send(
        self,
        make_request: Callable[[], httpx.Request],
        resource: str,
        *,
        cost: int,
        is_load: bool,
    ) -> Answer:
        answer = self._ask(make_request(), resource, cost=cost, is_load=is_load)
        match answer.meaning:
            case Meaning.TRY_AGAIN if not answer.ask_for_less:
                answer = self._ask(make_request(), resource, cost=cost, is_load=is_load)
            case Meaning.CREDENTIALS_REFUSED:
                self._credentials.renew()
                answer = self._ask(make_request(), resource, cost=cost, is_load=is_load)
                if answer.meaning is Meaning.CREDENTIALS_REFUSED:
                    self._refuse(answer.reason)
            case Meaning.QUERY_WRONG if answer.reason not in self._told:
                self._told.add(answer.reason)
                log.error("GitHub does not understand a request of ours: %s", answer.reason)
        return answer

    def _ask(self, request: httpx.Request, resource: str, *, cost: int, is_load: bool) -> Answer:
        authorization = self._authorization()
        if authorization is not None:
            request.headers["Authorization"] = authorization
        leave = self._budget.acquire(resource, cost=cost, is_load=is_load)
        answer = Answer(Meaning.TRY_AGAIN, reason="the request was given up")
        read = read_graphql if resource == "graphql" else read_rest
        try:
            answer = exchange(
                self._client, request, read, deadline=self._deadline, secret=authorization
            )
        finally:
            wait = self._settle(leave, answer)
        if answer.meaning is Meaning.LIMITED:
            return replace(answer, wait=wait)
        if answer.meaning is Meaning.CREDENTIALS_REFUSED and authorization is None:
            # Nothing was refused: this is for those who say who they are.
            return replace(answer, meaning=Meaning.BLOCKED)
        return answer

    def _authorization(self) -> str | None:
        try:
            return self._credentials.authorization()
        except CredentialsRefused as refusal:
            self._refuse(str(refusal))
            raise

    def _refuse(self, reason: str) -> None:
        if self._budget.refuse():
            log.error(
                "GitHub refuses the credentials: nothing is asked for until they change: %s", reason
            )

    def _settle(self, leave: Leave, answer: Answer) -> float:
        try:
            return self._budget.settle(leave, answer)
        except TryAgain:
            # Redis went away while GitHub answered: the answer is as true as before.
            return answer.wait or 60.0
