"""Pages in place of JSON where a browser asked for a page and there is none."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import HEADER
from api.pages.frame import HEADERS, error_page

_CALLS = ("/v1/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/static/")
"""Whoever asks these gets the answer that their description promises, a browser too."""


class ErrorPages:
    """Shows an error as a page, whoever answered it: an endpoint, a bound or a fault of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _wants_page(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_error(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _send_error(send, start, body)

        await self._app(scope, receive, send_page)


def _wants_page(scope: Scope) -> bool:
    # HEAD is asked by programs; its answer has the length of the JSON.
    return (
        scope["method"] in {"GET", "POST"}
        and not scope["path"].startswith(_CALLS)
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


def _is_error(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] >= 400 and kind.startswith("application/json")


async def _send_error(send: Send, start: Message, body: bytes) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    page = error_page(start["status"], _reasons(json.loads(body)["detail"]), headers.get(HEADER))
    headers.update(HEADERS)
    headers["content-type"] = "text/html; charset=utf-8"
    headers["content-length"] = str(len(page))
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": page})


def _reasons(detail: Any) -> list[str]:
    if isinstance(detail, str):
        return [detail]
    return [f"{fault['loc'][-1]}: {fault['msg']}" for fault in detail]
