"""One HTTP exchange: send a request, receive the whole answer in time, return what it means."""

import time
from collections.abc import Callable, Mapping

import httpx

from common.version import VERSION
from worker import metrics, reach
from worker.github.meaning import Answer, Meaning
from worker.github.network_errors import describe as _describe

API_VERSION = "2026-03-10"

DEADLINE = 30.0
"""Seconds for the whole answer. GitHub itself gives up after ten."""

_MAX_BODY = 20_000_000
"""Bytes; a hundred repositories take some 50,000."""

_MIN_TOKEN = 6
"""Characters, as in ``common.log``: a shorter token is a word, as in the demo."""

Reader = Callable[[int, Mapping[str, str], bytes], Answer]


def make_http_client(
    base_url: str, *, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """Make the HTTP client of one process; nothing connects yet."""
    return httpx.Client(
        base_url=base_url,
        headers={
            "User-Agent": f"repopulse/{VERSION}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            # The same form of node ids for old and new objects.
            "X-Github-Next-Global-ID": "1",
        },
        timeout=httpx.Timeout(15.0, connect=5.0),
        # A redirect is handled by the caller: a token must not travel to another host.
        follow_redirects=False,
        transport=transport,
    )


def exchange(
    client: httpx.Client,
    request: httpx.Request,
    read: Reader,
    *,
    deadline: float = DEADLINE,
    secret: str | None = None,
) -> Answer:
    """Send a request and return what its answer means; a failed exchange is an answer too.

    :param deadline: seconds from the sending to the last byte
    :param secret: the Authorization header that was sent; it is removed from the answer
    """
    begun = time.monotonic()
    answer = Answer(Meaning.TRY_AGAIN, reason="request aborted")
    try:
        answer = _exchange(client, request, read, ends=begun + deadline, secret=secret)
    finally:
        resource = "graphql" if request.url.path.endswith("/graphql") else "core"
        metrics.count_request(resource, answer.meaning, time.monotonic() - begun)
    reach.note(answer)
    return answer


def _exchange(
    client: httpx.Client, request: httpx.Request, read: Reader, *, ends: float, secret: str | None
) -> Answer:
    body = bytearray()
    try:
        response = client.send(request, stream=True)
        try:
            for piece in response.iter_bytes():
                body += piece
                # A read timeout restarts with each byte; a slow answer would never end.
                if time.monotonic() > ends or len(body) > _MAX_BODY:
                    return Answer(
                        Meaning.TRY_AGAIN,
                        reason="response too large or too slow",
                        ask_for_less=True,
                    )
        finally:
            response.close()
    except httpx.TimeoutException as error:
        return Answer(Meaning.TRY_AGAIN, reason=_describe(error), ask_for_less=True)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # httpx raises the last two while it reads a redirect, even if it does not follow it.
        return Answer(Meaning.TRY_AGAIN, reason=_describe(error))
    token = (secret or "").removeprefix("Bearer ").strip().encode()
    if len(token) < _MIN_TOKEN:
        return read(response.status_code, dict(response.headers), bytes(body))
    # GitHub does not repeat a token, but a proxy in between may; reasons are stored and shown.
    headers = {
        name: value.replace(token.decode(), "***") for name, value in response.headers.items()
    }
    return read(response.status_code, headers, bytes(body).replace(token, b"***"))
