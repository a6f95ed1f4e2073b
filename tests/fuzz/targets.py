"""What is fed: each target takes bytes, and may raise nothing but GitHub's own errors."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import httpcore
import httpx

from worker.github import graphql, rest
from worker.github.answers import Answer, read_graphql, read_rest
from worker.github.errors import GitHubError
from worker.github.wire import exchange, make_http_client

HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
BASE = "http://api.github.com"


def answer(data: bytes) -> None:
    """A status, lines of headers, an empty line, a body: through the readers of answers."""
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
    """Whatever a socket may deliver: through httpx, and then through the readers of answers."""
    carrier, client = _carrier(), _client()
    # In pieces of some length, as a network delivers.
    pieces = [data[start : start + 512] for start in range(0, len(data), 512)]
    for read in (read_rest, read_graphql):
        backend = httpcore.MockBackend(list(pieces))
        with httpcore.ConnectionPool(network_backend=backend) as carrier._pool:
            check(exchange(client, client.build_request("GET", "/users/x"), read))


@cache
def _carrier() -> httpx.HTTPTransport:
    # Made once: it reads certificates, which takes longer than all the rest.
    return httpx.HTTPTransport()


@cache
def _client() -> httpx.Client:
    return make_http_client(BASE, transport=_carrier())


def check(told: Answer) -> None:
    """Use an answer as a scan would."""
    assert not HARMFUL.search(told.reason), told.reason
    assert told.wait is None or 0 < told.wait <= 86400
    try:
        data = told.usable()
    except GitHubError:
        return
    assert isinstance(data, dict | list)
    items = data if isinstance(data, list) else [data]
    for item in items:
        rest._listed_repository(item, 1)
        if isinstance(item, dict):
            rest._full_repository(item)
            with suppress(GitHubError):
                rest.Rest._account(item)
    if isinstance(data, dict):
        node: Any
        for node in (data.get("node"), data.get("repositoryOwner")):
            with suppress(GitHubError):
                graphql._page(node, 1, told.field_errors)


TARGETS: dict[str, Callable[[bytes], None]] = {"answer": answer, "wire": wire}
