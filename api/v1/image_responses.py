"""What all images share: parameters, caching and headers.

The ETag of an image is a hash of what it shows: a 304 needs no drawing, and an image that was drawn
for one client is sent to the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import Annotated

from cachetools import LRUCache, cached
from fastapi import Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.charts.frame import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH
from api.charts.place import Place
from api.charts.theme import Theme
from api.http.caching import etag_matches, make_etag
from api.http.errors import bad_query
from api.pictures.rasterizer import MAX_PIXELS, Rasterizer

_CACHE_BYTES = 16 * 1024 * 1024

HEADERS = {
    # Counts change once a day; five minutes spare a busy page most requests.
    "Cache-Control": "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
    # Opened directly, an image is a page of this site, and it contains names that others chose.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
"""Of every image."""

ShownTheme = Annotated[
    Theme,
    Query(
        description="`light`, `dark`, or `auto`, which follows the reader's system.",
        examples=["auto"],
    ),
]
ShownPlace = Annotated[
    Place,
    Query(
        description="Where the chart is shown. `readme`: on any page, with its title, and with a"
        " font that grows with the width. `page`: below a heading, in the font size of a page;"
        " without a title, and with the numbers in a `<metadata>` element.",
        examples=["readme"],
    ),
]
Width = Annotated[
    int, Query(ge=MIN_WIDTH, le=MAX_WIDTH, description="Width in pixels.", examples=[400])
]
Height = Annotated[
    int,
    Query(ge=MIN_HEIGHT, le=MAX_HEIGHT, description="Height in pixels.", examples=[240]),
]


def still(theme: Theme) -> Theme:
    """Return the theme of a picture that cannot follow the reader's system."""
    return Theme.LIGHT if theme is Theme.AUTO else theme


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture before it is drawn.

    :param content: everything that it shows, as JSON can write it
    :param draw: returns the SVG
    """

    content: object
    draw: Callable[[], str]


async def _rasterizer(request: Request) -> Rasterizer:
    rasterizer: Rasterizer = request.state.rasterizer
    return rasterizer


Drawing = Annotated[Rasterizer, Depends(_rasterizer)]


@cached(
    LRUCache(maxsize=_CACHE_BYTES, getsizeof=len),
    key=lambda tag, _draw: tag,
    condition=Condition(),
)
def render(tag: str, draw: Callable[[], str]) -> bytes:  # noqa: ARG001 - the key of the cache
    """Return the image with an ETag; draw it once for requests that come at the same time."""
    return draw().encode()


def respond(content: object, draw: Callable[[], str], *, if_none_match: str | None) -> Response:
    """Return the image, or 304 if the client has it.

    :param content: everything that the image shows
    """
    tag = make_etag(content)
    headers = {**HEADERS, "ETag": f'"{tag}"'}
    if etag_matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(render(tag, draw), media_type="image/svg+xml", headers=headers)


async def respond_png(
    rasterizer: Rasterizer,
    look: Callable[[], Picture],
    *,
    scale: int = 1,
    if_none_match: str | None,
) -> Response:
    """Return a picture as a PNG, or 304 if the client has it.

    :param look: reads what to show; it runs in a thread
    :raise HTTPException: 503: it cannot be drawn at the moment
    """

    def prepare() -> tuple[str, Picture]:
        picture = look()
        return make_etag(("png", scale, picture.content)), picture

    tag, picture = await run_in_threadpool(prepare)
    headers = {**HEADERS, "ETag": f'"{tag}"'}
    if etag_matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    png = await rasterizer.draw(tag, picture.draw, scale)
    return Response(png, media_type="image/png", headers=headers)


def check_pixels(width: int, height: int, scale: int) -> None:
    """Refuse a PNG that would be too large.

    :raise RequestValidationError: it has more pixels than can be drawn quickly
    """
    if width * height * scale**2 > MAX_PIXELS:
        raise bad_query(
            "scale",
            f"{width} x {height} pixels at this scale are more than {MAX_PIXELS:,}",
            str(scale),
        )
