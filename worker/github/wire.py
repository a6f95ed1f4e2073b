"""One HTTP exchange: send a request, receive the whole answer in time, return what it means."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import httpx

from common.errors import SetupError
from common.github_server import read_server
from common.version import VERSION
from worker import metrics, reach
from worker.github.meaning import Answer, Meaning, read_graphql
from worker.github.network_errors import describe
from worker.github.sockets import make_transport, time_limit

API_VERSION = "2026-03-10"
"""Of the REST API. No Enterprise Server is asked for it: one that does not have it yet answers 400,
and without the header each answers in the oldest version that it has. The fields that are read here
are the same in all of them."""

_MAX_BODY = 20_000_000
"""Bytes; a hundred repositories take some 50,000."""

_TOO_MUCH = Answer(Meaning.TRY_AGAIN, reason="response too large or too slow", ask_for_less=True)

_MIN_TOKEN = 6
"""Characters, as in ``common.log``: a shorter token is a word, as in the demo."""


class Reader(Protocol):
    """Returns what an answer means: ``meaning.read_rest`` or ``meaning.read_graphql``."""

    def __call__(
        self, status: int, headers: Mapping[str, str], body: bytes, /, *, is_cut: bool
    ) -> Answer:
        """Return the meaning; ``is_cut`` says that ``body`` is only a part of it."""


def make_http_client(
    base_url: str, *, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """Make the HTTP client of one process; nothing connects yet.

    :param transport: carries the requests; by default directly
    :raise SetupError: the address cannot be used
    """
    try:
        httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise SetupError(f"invalid setting: GITHUB_API_URL: {error}") from error
    headers = {
        "User-Agent": f"repopulse/{VERSION}",
        "Accept": "application/vnd.github+json",
        # The same form of node ids for old and new objects.
        "X-Github-Next-Global-ID": "1",
    }
    if not read_server(base_url).is_enterprise_server:
        headers["X-GitHub-Api-Version"] = API_VERSION
    return httpx.Client(
        base_url=base_url,
        # Of the environment count only the settings.
        trust_env=False,
        headers=headers,
        timeout=httpx.Timeout(15.0, connect=5.0),
        # A redirect is handled by the caller: a token must not travel to another host.
        follow_redirects=False,
        transport=transport or make_transport(),
    )


def exchange(
    client: httpx.Client,
    request: httpx.Request,
    read: Reader,
    *,
    ends: float,
    secret: str | None = None,
) -> Answer:
    """Send a request and return what its answer means; a failed exchange is an answer too.

    :param ends: the moment of ``time.monotonic()`` at which the request is given up, see ``Permit``
    :param secret: the Authorization header that was sent; it is removed from the answer
    """
    begun = time.monotonic()
    answer = Answer(Meaning.TRY_AGAIN, reason="request aborted")
    try:
        with time_limit(ends):
            answer = _exchange(client, request, read, ends=ends, secret=secret)
    finally:
        resource = "graphql" if read is read_graphql else "core"
        metrics.count_request(resource, answer.meaning, time.monotonic() - begun)
    reach.note(answer)
    return answer


def _exchange(
    client: httpx.Client, request: httpx.Request, read: Reader, *, ends: float, secret: str | None
) -> Answer:
    try:
        response = client.send(request, stream=True)
    # httpx raises the last two while it reads a redirect, even if it does not follow it.
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return _failed(error, ends)
    body = bytearray()
    failure = None
    try:
        failure = _receive(response, body, ends)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        failure = _failed(error, ends)
    finally:
        response.close()
    answer = read(
        response.status_code,
        *_without_secret(response, bytes(body), secret),
        is_cut=failure is not None,
    )
    if failure is None or answer.meaning is not Meaning.TRY_AGAIN:
        return answer
    return replace(
        answer,
        reason=failure.reason if response.is_success else answer.reason,
        ask_for_less=answer.ask_for_less or failure.ask_for_less,
    )


def _receive(response: httpx.Response, body: bytearray, ends: float) -> Answer | None:
    """Append the body as it arrives; return a failure if it is too large or too slow."""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _MAX_BODY or time.monotonic() > ends:
            return _TOO_MUCH
    return None


def _failed(error: Exception, ends: float) -> Answer:
    if not isinstance(error, httpx.TimeoutException):
        return Answer(Meaning.TRY_AGAIN, reason=describe(error))
    if time.monotonic() >= ends:
        return _TOO_MUCH
    return Answer(Meaning.TRY_AGAIN, reason=describe(error), ask_for_less=True)


def _without_secret(
    response: httpx.Response, body: bytes, secret: str | None
) -> tuple[dict[str, str], bytes]:
    """Return headers and body without the token.

    GitHub does not repeat it, but a proxy in between may; reasons are stored and shown.
    """
    token = (secret or "").removeprefix("Bearer ").strip()
    if len(token) < _MIN_TOKEN:
        return dict(response.headers), body
    headers = {name: value.replace(token, "***") for name, value in response.headers.items()}
    return headers, body.replace(token.encode(), b"***")
