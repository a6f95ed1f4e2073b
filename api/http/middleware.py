"""Middleware of every request: its id, a limit of the body, and HEAD."""

import logging
import re
import uuid

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import send_internal_error
from common.import_chunks import MAX_FILE_BYTES
from common.log import log_context

log = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"

MAX_BODY_BYTES = 16 * 1024
"""The largest valid body has some 1,200."""

_FILE_PATHS = frozenset({"/v1/imports", "/imports/files"})
"""Where a POST has a file as its body, which is not held in memory."""

_IS_HEAD = "repopulse.is_head"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Middleware that gives each request an id: the client's, if it is valid, or a random one.

    The id is in the request's log lines and in its response. An exception is logged under it and
    answered with 500 here, outside of everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex[:16]
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
                log.exception("request failed: %s %r", scope["method"], scope["path"])
                if has_begun:
                    # Too late for another response: the server cuts this one off.
                    raise
                await send_internal_error(send_with_id)


class BodyLimit:
    """Middleware that refuses a body that is too large, by its length or while reading it.

    A body has up to ``MAX_BODY_BYTES``, or ``MAX_FILE_BYTES`` if it is a file to import.

    FastAPI's ``max_body_size`` would answer outside of our middleware: plain text, without an id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        size = int(declared) if declared.isdecimal() and len(declared) < 20 else 0
        is_file = scope["method"] == "POST" and scope["path"] in _FILE_PATHS
        most = MAX_FILE_BYTES if is_file else MAX_BODY_BYTES

        async def receive_limited() -> Message:
            nonlocal size
            _refuse_beyond(most, size)
            message = await receive()
            if not declared:
                size += len(message.get("body", b""))
                _refuse_beyond(most, size)
            return message

        await self._app(scope, receive_limited, send)


def _refuse_beyond(most: int, size: int) -> None:
    if size > most:
        kibibytes = most // 1024
        shown = f"{kibibytes} KiB" if kibibytes < 1024 else f"{kibibytes // 1024} MiB"
        raise HTTPException(413, f"the body is larger than {shown}")


class Head:
    """Middleware that answers HEAD like GET, without the body; load balancers send it."""

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

        await self._app({**scope, "method": "GET", _IS_HEAD: True}, receive, send_without_body)


def is_head(scope: Scope) -> bool:
    """Return whether the client sent HEAD, for responses whose body is expensive to make."""
    return _IS_HEAD in scope
