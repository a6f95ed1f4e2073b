"""Content negotiation: choose the format and the compression of a response.

The format comes from the parameter ``format``, or else from ``Accept``; the compression comes from
``Accept-Encoding``.
"""

import codecs
import re
import zlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from fastapi import Depends, HTTPException, Query, Request

from api.http.errors import bad_query

T = TypeVar("T")


class Format(StrEnum):
    """How rows are written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    """One JSON object per line."""

    @property
    def media_type(self) -> str:
        """Return the ``Content-Type``."""
        return _MEDIA_TYPES[self][0]


_MEDIA_TYPES = {
    Format.JSON: ("application/json",),
    Format.CSV: ("text/csv",),
    Format.NDJSON: ("application/x-ndjson", "application/ndjson"),
}
"""The first is sent; each is accepted. In order of preference if a client has none: JSON first."""


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """How a client wants rows.

    :param has_bom: begin a CSV with a byte order mark, by which Excel knows that it is UTF-8
    """

    format: Format
    has_bom: bool = False

    @property
    def start(self) -> bytes:
        """What comes before the header line of a CSV."""
        return bom_of("1" if self.has_bom else "0")


WantedBom = Annotated[
    Literal["0", "1"],
    Query(
        description="`1` begins a CSV with a byte order mark, so that Excel shows accents.",
        examples=["1"],
    ),
]


def bom_of(wanted: str) -> bytes:
    """Return what a CSV begins with if ``bom`` has this value."""
    return codecs.BOM_UTF8 if wanted == "1" else b""


async def _choose_format(
    request: Request,
    format: Annotated[  # noqa: A002 - the parameter's name
        Format | None,
        Query(
            description="Format of the rows. Without it, the header `Accept` decides; without that"
            " too, the response is JSON.",
            examples=["csv"],
        ),
    ] = None,
    bom: WantedBom = "0",
) -> FormatChoice:
    chosen = format or preferred_format(",".join(request.headers.getlist("accept")))
    if chosen is None:
        raise HTTPException(
            406,
            "this list is available as application/json, text/csv and application/x-ndjson",
            headers={"Vary": "Accept"},
        )
    if bom == "1" and chosen is not Format.CSV:
        raise bad_query("bom", "only a CSV has a byte order mark: add format=csv", bom)
    return FormatChoice(chosen, has_bom=bom == "1")


AcceptedFormat = Annotated[FormatChoice, Depends(_choose_format)]


class Compression(StrEnum):
    """The ``Content-Encoding`` of a response."""

    NONE = "identity"
    GZIP = "gzip"

    def compress(self, pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Return the pieces as they are sent; the same input always gives the same bytes."""
        if self is Compression.NONE:
            yield from pieces
            return
        # Level 1 leaves a twelfth of the size; level 6 leaves a fifteenth and takes six times as
        # long.
        compressor = zlib.compressobj(level=1, wbits=GZIP_WBITS)
        for piece in pieces:
            yield compressor.compress(piece)
        yield compressor.flush()

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that tell the client."""
        return {} if self is Compression.NONE else {"Content-Encoding": self.value}


GZIP_WBITS = 16 + zlib.MAX_WBITS
"""zlib's code for the gzip format."""


async def _choose_compression(request: Request) -> Compression:
    return preferred_compression(",".join(request.headers.getlist("accept-encoding")))


AcceptedCompression = Annotated[Compression, Depends(_choose_compression)]


def preferred_format(accept: str) -> Format | None:
    """Return the format that an ``Accept`` header prefers, or None if it accepts none of them."""
    return preferred_type(accept, _MEDIA_TYPES)


def preferred_type(accept: str, media_types: Mapping[T, Sequence[str]]) -> T | None:
    """Return what an ``Accept`` header prefers, or None if it accepts nothing that there is.

    :param media_types: of each thing; the first one is preferred if the header does not choose
    """
    if not accept.strip():
        return next(iter(media_types))
    qualities = _parse_qualities(accept)

    def quality(media_type: str) -> float:
        # The most specific entry decides.
        entries = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        return next((qualities[entry] for entry in entries if entry in qualities), 0.0)

    by_thing = {thing: max(map(quality, types)) for thing, types in media_types.items()}
    best = max(by_thing, key=lambda thing: by_thing[thing])
    return best if by_thing[best] > 0 else None


def preferred_compression(accept_encoding: str) -> Compression:
    """Return gzip if an ``Accept-Encoding`` header accepts it and does not prefer ``identity``."""
    qualities = _parse_qualities(accept_encoding)
    gzip = qualities.get("gzip", qualities.get("*", 0.0))
    prefers_gzip = gzip > 0 and gzip >= qualities.get("identity", 0.0)
    return Compression.GZIP if prefers_gzip else Compression.NONE


_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def _parse_qualities(header: str) -> dict[str, float]:
    """Return the quality (``q``) of each entry of a header, from 0 to 1; 0 if it is invalid."""
    found: dict[str, float] = {}
    for entry in header.split(","):
        name, *parameters = [part.strip().lower() for part in entry.split(";")]
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        found[name] = max(quality, found.get(name, 0.0))
    return found
