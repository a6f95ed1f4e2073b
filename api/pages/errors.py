"""Error pages: what a browser gets in place of a JSON error."""

import json
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import REQUEST_ID_HEADER
from api.pages.layout import HEADERS, error_page

_NOT_PAGES = ("/v1/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/static/")
"""Below these paths errors are JSON for browsers too, as documented."""


class ErrorPages:
    """Middleware that turns JSON errors into pages, wherever they were raised.

    :param root: the path below which visitors see the pages
    """

    def __init__(self, app: ASGIApp, *, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _wants_page(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_json_error(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _send_error_page(send, start, body, self._root)

        await self._app(scope, receive, send_page)


def _wants_page(scope: Scope) -> bool:
    # A response to HEAD has no body to render; its headers are those of the JSON error.
    return (
        scope["method"] in {"GET", "POST"}
        and not scope["path"].startswith(_NOT_PAGES)
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


def _is_json_error(start: Message) -> bool:
    content_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and content_type.startswith("application/json")


async def _send_error_page(send: Send, start: Message, body: bytes, root: str) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    page = error_page(
        start["status"],
        _reasons(start["status"], json.loads(body)["detail"]),
        headers.get(REQUEST_ID_HEADER),
        root=root,
    )
    headers.update(HEADERS)
    headers["content-type"] = "text/html; charset=utf-8"
    headers["content-length"] = str(len(page))
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": page})


def _reasons(status: int, detail: Any) -> list[str]:
    """Return what a page says of an error below its heading, each once."""
    if isinstance(detail, str):
        return [] if _says_the_heading(status, detail) else [detail]
    reasons = (f"{error['loc'][-1]}: {error['msg']}" for error in detail)
    return list(dict.fromkeys(reasons))


def _says_the_heading(status: int, detail: str) -> bool:
    """Return whether an error says no more than the name of its status."""
    return detail.lower() in {HTTPStatus(status).phrase.lower(), "internal error"}
