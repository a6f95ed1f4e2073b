"""What happens around each request."""

import logging
import re
import uuid

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import send_internal_error
from common.log import log_context

log = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"

MAX_BODY_BYTES = 16 * 1024
"""Bytes; the largest that makes sense has some 1,200."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives each request an id, for its log lines and its answer: the client's own if it is sane.

    A fault of ours is logged under the id and answered here, outside of everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:16]
        has_begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with log_context(f"request {request_id}"):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                log.exception("%s %r failed", scope["method"], scope["path"])
                if has_begun:
                    # Too late for another answer: the server cuts this one off.
                    raise
                await send_internal_error(send_with_id)


class BodyLimit:
    """Refuses a body beyond any that makes sense, before it is read or as soon as it grows so far.

    FastAPI's own ``max_body_size`` answers outside of all that we add: in plain text, with no id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        size = int(announced) if announced.isdecimal() and len(announced) < 20 else 0

        async def receive_some() -> Message:
            nonlocal size
            _refuse_beyond(size)
            message = await receive()
            if not announced:
                size += len(message.get("body", b""))
                _refuse_beyond(size)
            return message

        await self._app(scope, receive_some, send)


def _refuse_beyond(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES // 1024} KiB")


class Head:
    """Answers HEAD like GET, without the body: load balancers ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
