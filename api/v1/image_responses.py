"""What all images share: parameters, caching and headers.

The ETag of an image is a hash of what it shows: a 304 needs no drawing, and an image that was drawn
for one client is sent to the next.
"""

from collections.abc import Callable
from threading import Condition
from typing import Annotated

from cachetools import LRUCache, cached
from fastapi import Query, Response

from api.charts.frame import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH
from api.charts.theme import Theme
from api.http.caching import etag_matches, make_etag

_CACHE_BYTES = 16 * 1024 * 1024

_HEADERS = {
    # Counts change once a day; five minutes spare a busy page most requests.
    "Cache-Control": "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
    # Opened directly, an image is a page of this site, and it contains names that others chose.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


ShownTheme = Annotated[
    Theme,
    Query(
        description="`light`, `dark`, or `auto`, which follows the reader's system.",
        examples=["auto"],
    ),
]
Width = Annotated[
    int, Query(ge=MIN_WIDTH, le=MAX_WIDTH, description="Width in pixels.", examples=[400])
]
Height = Annotated[
    int,
    Query(ge=MIN_HEIGHT, le=MAX_HEIGHT, description="Height in pixels.", examples=[240]),
]


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
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if etag_matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(render(tag, draw), media_type="image/svg+xml", headers=headers)
