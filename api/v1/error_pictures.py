"""Pictures of errors: what an image shows that cannot be drawn.

Proxies of images, such as GitHub's, show a broken image for every status but 200. So the answer is
200 with the reason in the picture, which may be cached for a minute. With ``strict=1`` the answer
is the error itself.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Depends, HTTPException, Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.charts.badge import Look, badge, read_colour
from api.charts.frame import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH
from api.charts.notice import notice
from api.charts.theme import Theme
from api.http.caching import make_etag
from api.pictures.rasterizer import Rasterizer
from api.v1.image_responses import HEADERS, still

_STRICT = ("1", "true")

_TITLES = {
    404: "Not found",
    422: "Invalid address",
    503: "Not available now",
}

_REPLACED = ("cache-control", "content-length", "content-type", "etag", "retry-after")
"""Headers of the error that are none of the picture's."""


def _check_strict(value: object) -> object:
    if isinstance(value, str):
        if value not in (*_STRICT, "0", "false"):
            raise PydanticCustomError("flag", "must be 1, 0, true or false")
        return value in _STRICT
    return value


async def _strict(
    strict: Annotated[
        Annotated[bool, BeforeValidator(_check_strict)],
        Query(
            description="What to answer where the image cannot be drawn: `true` (or `1`) for the"
            " error with its status; by default 200 and an image of the reason, which may be cached"
            " for a minute, because proxies of images show nothing else.",
            examples=[False],
        ),
    ] = False,
) -> None:
    """Describe the parameter, which is read by `ErrorPictures`."""


StrictParameter = Depends(_strict)
"""Of all calls that answer with an image."""


class ErrorPictures:
    """Middleware that turns errors of images into images."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Of its own: that many pictures are being drawn is one of the errors.
        self._rasterizer = Rasterizer(at_once=1, max_waiting=8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _is_picture(scope):
            await self._app(scope, receive, send)
            return
        query = _query(scope)
        if query.get("strict") in _STRICT:
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_picture(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._answer(scope["path"], query, start, body, send)

        await self._app(scope, receive, send_picture)

    async def _answer(
        self, path: str, query: Mapping[str, str], start: Message, body: bytes, send: Send
    ) -> None:
        try:
            picture, media_type = await self._draw(path, query, start["status"], _reason(body))
        except HTTPException:
            # Not even this one can be drawn.
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        headers = MutableHeaders(raw=list(start["headers"]))
        for name in _REPLACED:
            del headers[name]
        headers.update(
            {
                **HEADERS,
                "Cache-Control": "public, max-age=60",
                "Content-Type": media_type,
                "Content-Length": str(len(picture)),
            }
        )
        await send({**start, "status": 200, "headers": headers.raw})
        await send({"type": "http.response.body", "body": picture})

    async def _draw(
        self, path: str, query: Mapping[str, str], status: int, reason: str
    ) -> tuple[bytes, str]:
        """Return the picture and its media type."""
        if path.endswith("/badge.svg"):
            look = Look(colour=read_colour("grey"))
            return badge("error", reason, theme=_theme(query), look=look).encode(), "image/svg+xml"
        is_card = path.endswith("/card.png")
        width = 1200 if is_card else _number(query, "width", 600, MIN_WIDTH, MAX_WIDTH)
        height = 630 if is_card else _number(query, "height", 300, MIN_HEIGHT, MAX_HEIGHT)
        title = _TITLES.get(status, "This image cannot be shown")
        is_png = path.endswith(".png")
        theme = still(_theme(query)) if is_png else _theme(query)

        def draw() -> str:
            return notice(title, reason, width=width, height=height, theme=theme)

        if not is_png:
            return draw().encode(), "image/svg+xml"
        tag = make_etag((title, reason, width, height, theme))
        return await self._rasterizer.draw(tag, draw, 1), "image/png"


def _is_picture(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] == "GET" and path.startswith("/v1/") and path.endswith((".svg", ".png"))


def _query(scope: Scope) -> dict[str, str]:
    """Return the last value of each parameter, as FastAPI reads it."""
    text = scope["query_string"].decode("latin-1")
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _reason(body: bytes) -> str:
    """Return the reason in the body of an error."""
    detail: Any = json.loads(body)["detail"]
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in detail)


def _theme(query: Mapping[str, str]) -> Theme:
    value = query.get("theme", "")
    return Theme(value) if value in set(Theme) else Theme.AUTO


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = query.get(name, "")
    is_number = value.isascii() and value.isdecimal() and len(value) <= 5
    return min(max(int(value), least), most) if is_number else default
