"""One exchange over the wire: sent, received whole within a deadline, and understood."""

import time
from collections.abc import Callable, Mapping

import httpx

from common.log import redact
from common.version import VERSION
from worker import metrics
from worker.github.answers import Answer, Meaning
from worker.github.observation import clean_text

API_VERSION = "2026-03-10"

DEADLINE = 30.0
"""Seconds for one answer as a whole: GitHub itself gives up after ten."""

_LARGEST_BODY = 20_000_000
"""Bytes; a hundred repositories take some fifty thousand."""

_LONGEST_REASON = 200

_SHORTEST_TOKEN = 6
"""Characters, as in ``common.log``: a shorter one is a word, as in a demo."""

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
            # One form of node ids, whatever the age of the object.
            "X-Github-Next-Global-ID": "1",
        },
        timeout=httpx.Timeout(15.0, connect=5.0),
        # A redirect is news, and a token must not travel to another host.
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
    """Send a request and say what its answer means; whatever goes wrong is an answer too.

    :param deadline: seconds from the sending to the last byte
    :param secret: the Authorization header that was sent; an answer that repeats it is read without
    """
    begun = time.monotonic()
    answer = Answer(Meaning.TRY_AGAIN, reason="the request was given up")
    try:
        answer = _exchange(client, request, read, ends=begun + deadline, secret=secret)
    finally:
        resource = "graphql" if request.url.path.endswith("/graphql") else "core"
        metrics.count_request(resource, answer.meaning, time.monotonic() - begun)
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
                # A read timeout starts anew with each byte; a slow drip would never end.
                if time.monotonic() > ends or len(body) > _LARGEST_BODY:
                    return Answer(
                        Meaning.TRY_AGAIN, reason="no end of the answer", ask_for_less=True
                    )
        finally:
            response.close()
    except httpx.TimeoutException as error:
        return Answer(Meaning.TRY_AGAIN, reason=_told(error), ask_for_less=True)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The last two where httpx reads a redirect, which it does also when it is not to follow.
        return Answer(Meaning.TRY_AGAIN, reason=_told(error))
    token = (secret or "").removeprefix("Bearer ").strip().encode()
    if len(token) < _SHORTEST_TOKEN:
        return read(response.status_code, dict(response.headers), bytes(body))
    # GitHub does not repeat a token, yet what stands between may: reasons are stored and shown.
    headers = {
        name: value.replace(token.decode(), "***") for name, value in response.headers.items()
    }
    return read(response.status_code, headers, bytes(body).replace(token, b"***"))


def _told(error: Exception) -> str:
    # The text may hold a header that could not be sent.
    told = clean_text(redact(f"{type(error).__name__}: {error}")).rstrip(": ")
    return told[:_LONGEST_REASON]
