"""The fuzzer's targets: each takes bytes, and may raise only the errors of ``worker.github``."""

import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import httpcore
import httpx

from worker.github.errors import GitHubError
from worker.github.graphql import GraphQL
from worker.github.meaning import Answer, Meaning, read_graphql, read_rest
from worker.github.observation import Target
from worker.github.rest import Rest
from worker.github.transport import Transport
from worker.github.wire import exchange, make_http_client

HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
BASE = "http://api.github.com"
USER = {"id": 1, "node_id": "U_1", "login": "octocat", "public_repos": 1}


def answer(data: bytes) -> None:
    """Read a status, lines of headers, an empty line and a body as an answer."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status = int(first) if re.fullmatch("[2-5][0-9][0-9]", first) else 200
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    for read in (read_rest, read_graphql):
        check(read(status, headers, body))


def wire(data: bytes) -> None:
    """Read what a socket delivers through httpx, and then as an answer."""
    network, client = _client()
    # In pieces, as a network delivers.
    pieces = [data[start : start + 512] for start in range(0, len(data), 512)]
    for read in (read_rest, read_graphql):
        with network.delivering(pieces):
            request = client.build_request("GET", "/users/x")
            check(exchange(client, request, read, ends=time.monotonic() + 60))


class FakeNetwork(httpx.HTTPTransport):
    """httpx's own transport, on a network that delivers given bytes."""

    def delivering(self, pieces: Iterable[bytes]) -> httpcore.ConnectionPool:
        """Deliver these bytes in answer to each request until the pool is closed."""
        backend = httpcore.MockBackend(list(pieces))
        self._pool = httpcore.ConnectionPool(network_backend=backend)
        return self._pool


@cache
def _client() -> tuple[FakeNetwork, httpx.Client]:
    # Made once: it reads certificates, which takes longer than all the rest.
    network = FakeNetwork()
    return network, make_http_client(BASE, transport=network)


class FakeTransport(Transport):
    """Gives one answer to every request but the one for the account whose list is read."""

    def __init__(self, answer: Answer) -> None:
        # One page only: the same answer again and again would be a list without an end.
        self._answer = replace(answer, next_page=None)

    def get(self, path: str, *_arguments: Any, **_options: Any) -> Answer:
        """Answer a REST request."""
        return Answer(Meaning.DATA, USER) if path == "/user/1" else self._answer

    def query(self, *_arguments: Any, **_options: Any) -> Answer:
        """Answer a GraphQL request."""
        return self._answer


def check(answer: Answer) -> None:
    """Use an answer as the calls of the worker would."""
    assert not HARMFUL.search(answer.reason), answer.reason
    assert answer.wait is None or 0 < answer.wait <= 86400
    rest, graphql = Rest(FakeTransport(answer)), GraphQL(FakeTransport(answer))
    calls: list[Callable[[], object]] = [
        lambda: rest.find_account("octocat"),
        lambda: rest.repository(7),
        lambda: rest.observe(Target(user_id=1, login="octocat", node_id="U_1")),
    ]
    if not isinstance(answer.data, list):
        # The reader of GraphQL's answers lets objects pass only.
        calls += [
            lambda: graphql.find_account("octocat"),
            lambda: graphql.page(
                "U_1", owner_id=1, first=100, after=None, with_watchers=True, is_load=False
            ),
            lambda: graphql.look(["R_7"], with_watchers=True, is_load=False),
        ]
    for call in calls:
        with suppress(GitHubError):
            call()


TARGETS: dict[str, Callable[[bytes], None]] = {"answer": answer, "wire": wire}
