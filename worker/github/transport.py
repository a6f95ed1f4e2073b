"""One request to GitHub: with leave of the budget, within a deadline, and understood.

Nothing else in the project opens a connection to GitHub. Redirects are not followed: a 301 is news,
and a token must not travel to another host.
"""

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from common.version import VERSION
from worker.github.answers import Answer, Meaning, read_graphql, read_rest
from worker.github.budget import Budget, Leave
from worker.github.errors import TryAgain

API_VERSION = "2026-03-10"

_DEADLINE = 30.0
"""Seconds for one answer as a whole: GitHub itself gives up after ten."""

_LARGEST_BODY = 20_000_000
"""Bytes; a hundred repositories take some fifty thousand."""


def make_http_client(
    base_url: str, token: str | None, *, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """Make the HTTP client of one process; nothing connects yet."""
    headers = {
        "User-Agent": f"repopulse/{VERSION}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
        # One form of node ids, whatever the age of the object.
        "X-Github-Next-Global-ID": "1",
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(
        base_url=base_url,
        headers=headers,
        timeout=httpx.Timeout(15.0, connect=5.0),
        follow_redirects=False,
        transport=transport,
    )


class Transport:
    """Sends requests to GitHub, one answer each."""

    def __init__(self, client: httpx.Client, budget: Budget) -> None:
        self._client = client
        self._budget = budget

    def get(
        self, path: str, parameters: dict[str, str | int] | None = None, *, is_load: bool = False
    ) -> Answer:
        """Ask the REST API for one resource.

        :param path: a path below the API's address, or an address that GitHub gave (next page,
            redirect)
        :raise Limited: nobody may ask now; nothing was sent
        """
        if not self._is_ours(path):
            return Answer(Meaning.TRY_AGAIN, reason="GitHub named an address on another host")
        request = self._client.build_request("GET", path, params=parameters)
        return self._send(request, "core", cost=1, is_load=is_load)

    def query(
        self, document: str, variables: dict[str, Any], *, cost: int = 1, is_load: bool = False
    ) -> Answer:
        """Ask the GraphQL API.

        :param cost: points that the query is expected to cost
        :raise Limited: nobody may ask now; nothing was sent
        """
        request = self._client.build_request(
            "POST", "/graphql", json={"query": document, "variables": variables}
        )
        return self._send(request, "graphql", cost=cost, is_load=is_load)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _is_ours(self, path: str) -> bool:
        """Tell whether an address is on GitHub's API: the token goes nowhere else."""
        address, ours = urlsplit(path), self._client.base_url
        if not address.netloc:
            return not address.scheme
        return (address.scheme, address.netloc) == (ours.scheme, ours.netloc.decode())

    def _send(self, request: httpx.Request, resource: str, *, cost: int, is_load: bool) -> Answer:
        leave = self._budget.acquire(resource, cost=cost, is_load=is_load)
        answer = Answer(Meaning.TRY_AGAIN, reason="the request was given up")
        try:
            answer = self._receive(request, resource)
        finally:
            wait = self._settle(leave, answer)
        if answer.meaning is Meaning.LIMITED:
            return replace(answer, wait=wait)
        return answer

    def _settle(self, leave: Leave, answer: Answer) -> float:
        try:
            return self._budget.settle(leave, answer)
        except TryAgain:
            # Redis went away while GitHub answered: the answer is as true as before.
            return answer.wait or 60.0

    def _receive(self, request: httpx.Request, resource: str) -> Answer:
        deadline = time.monotonic() + _DEADLINE
        body = bytearray()
        try:
            response = self._client.send(request, stream=True)
            try:
                for piece in response.iter_bytes():
                    body += piece
                    # A read timeout starts anew with each byte; a slow drip would never end.
                    if time.monotonic() > deadline or len(body) > _LARGEST_BODY:
                        return Answer(
                            Meaning.TRY_AGAIN, reason="no end of the answer", ask_for_less=True
                        )
            finally:
                response.close()
        except httpx.TimeoutException as error:
            return Answer(Meaning.TRY_AGAIN, reason=_told(error), ask_for_less=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(Meaning.TRY_AGAIN, reason=_told(error))
        read = read_graphql if resource == "graphql" else read_rest
        return read(response.status_code, dict(response.headers), bytes(body))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
