"""Error pages: what a browser gets in place of a JSON error."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import REQUEST_ID_HEADER
from api.pages.layout import FRAMES, HEADERS, error_page, frame_error_page

_NOT_PAGES = ("/v1/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/static/")
"""Below these paths errors are JSON for browsers too, as documented."""


class ErrorPages:
    """Middleware that turns JSON errors into pages, wherever they were raised.

    :param root: the path below which visitors see the pages
    :param frame_headers: of a page in a frame
    """

    def __init__(self, app: ASGIApp, *, root: str, frame_headers: Mapping[str, str]) -> None:
        self._app = app
        self._root = root
        self._frame_headers = frame_headers

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
                    if scope["path"].startswith(FRAMES):
                        page = frame_error_page(_reasons(_detail(body)), root=self._root)
                        headers = {**self._frame_headers, "Cache-Control": "no-store"}
                        await _send_page(send, start, page, headers)
                    else:
                        await _send_page(send, start, self._page(start, body), HEADERS)

        await self._app(scope, receive, send_page)

    def _page(self, start: Message, body: bytes) -> bytes:
        request_id = Headers(raw=start["headers"]).get(REQUEST_ID_HEADER)
        detail = _detail(body)
        reasons = [] if _says_the_heading(start["status"], detail) else _reasons(detail)
        return error_page(start["status"], reasons, request_id, root=self._root)


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


async def _send_page(
    send: Send, start: Message, page: bytes, page_headers: Mapping[str, str]
) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    headers.update(page_headers)
    headers["content-type"] = "text/html; charset=utf-8"
    headers["content-length"] = str(len(page))
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": page})


def _detail(body: bytes) -> Any:
    return json.loads(body)["detail"]


def _reasons(detail: Any) -> list[str]:
    """Return what is wrong, each once."""
    if isinstance(detail, str):
        return [detail]
    reasons = (f"{error['loc'][-1]}: {error['msg']}" for error in detail)
    return list(dict.fromkeys(reasons))


def _says_the_heading(status: int, detail: Any) -> bool:
    """Return whether an error says no more than the name of its status."""
    if not isinstance(detail, str):
        return False
    return detail.lower() in {HTTPStatus(status).phrase.lower(), "internal error"}
