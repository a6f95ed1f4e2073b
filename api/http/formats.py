"""Lists of rows as JSON, CSV or NDJSON: whichever a request asks for, in its address or header.

CSV goes into spreadsheets, where a cell that begins with ``=``, ``+``, ``-`` or ``@`` is a formula:
text that does gets an apostrophe before it, which makes it text there. Numbers stay numbers.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.http.accept import qualities
from api.http.compression import Coding

Row = Mapping[str, Any]

_CHUNK = 5000
"""Rows; some hundred kilobytes."""

_LOTS = 50
"""Of a year's rows they are a megabyte and more."""

_VARY = {"Vary": "Accept"}

# What spreadsheets take for the beginning of a formula, also in full width.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


class Format(StrEnum):
    """How rows are written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    """One JSON object a line."""


_TYPES = {
    "application/json": Format.JSON,
    "text/csv": Format.CSV,
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
}

_MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.NDJSON: "application/x-ndjson",
}

BETWEEN = {Format.JSON: ",", Format.CSV: "\r\n", Format.NDJSON: "\n"}
"""What stands between two rows."""


async def _wanted(
    request: Request,
    format: Annotated[  # noqa: A002 - the parameter's name
        Format | None,
        Query(
            description="How the rows are written; where it is not given, the header `Accept`"
            " says so, and without it they are JSON.",
            examples=["csv"],
        ),
    ] = None,
) -> Format:
    chosen = format or _accepted(",".join(request.headers.getlist("accept")))
    if chosen is None:
        raise HTTPException(
            406,
            "this list can be had as application/json, text/csv and application/x-ndjson",
            headers=_VARY,
        )
    return chosen


Wanted = Annotated[Format, Depends(_wanted)]


def _accepted(header: str) -> Format | None:
    """Return the format that an ``Accept`` header likes best; None where it likes none of them."""
    if not header.strip():
        return Format.JSON
    named = qualities(header)
    liked: dict[Format, float] = {}
    for name, format_ in _TYPES.items():
        # The most exact of what speaks of it counts.
        speaking = (name, f"{name.partition('/')[0]}/*", "*/*")
        quality = next((named[one] for one in speaking if one in named), 0.0)
        liked[format_] = max(quality, liked.get(format_, 0.0))
    # Of formats that are liked alike the first one: JSON.
    best = max(liked, key=lambda format_: liked[format_])
    return best if liked[best] > 0 else None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, what they are called, and how they look where each is flat.

    :param name: the file's name without its ending; what has no place in one becomes ``_``
    :param rows: what JSON and NDJSON show; keys in the order of the columns
    :param columns: of the CSV
    :param flat: the same rows for CSV, where theirs are not flat
    """

    name: str
    rows: Sequence[Row]
    columns: Sequence[str]
    flat: Iterable[Row] | None = None

    def answer(
        self, format_: Format, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with the rows.

        :param body: what JSON shows, where that is more than the rows
        """
        shown = {**(headers or {}), **_headers(format_, self.name)}
        if format_ is Format.JSON:
            # Encoded directly: a year of a large owner takes a third of the time of models.
            return Response(
                orjson.dumps(self.rows if body is None else body),
                media_type="application/json",
                headers=shown,
            )
        if format_ is Format.CSV:
            chunks = _csv(self.columns, self.rows if self.flat is None else self.flat)
        else:
            chunks = _ndjson(self.rows)
        return StreamingResponse(chunks, media_type=_MEDIA_TYPES[format_], headers=shown)


def in_pieces(
    format_: Format, lots: Sequence[bytes], *, columns: Sequence[str], body: Mapping[str, Any]
) -> Iterator[bytes]:
    """Make the body of an answer of rows that are text already, piece by piece.

    :param lots: rows, with ``BETWEEN`` between those of one lot
    :param columns: of the CSV
    :param body: what JSON shows; the rows are its last entry, which is an empty list
    """
    between = BETWEEN[format_].encode()
    if format_ is Format.JSON:
        frame = orjson.dumps(body)
        head, foot = frame[:-2], frame[-2:]
    else:
        head = ",".join(columns).encode() + between if format_ is Format.CSV else b""
        foot = between if lots else b""
    yield head
    for start in range(0, len(lots), _LOTS):
        some = lots[start : start + _LOTS]
        yield between.join(some if start == 0 else [b"", *some])
    yield foot


def answer_with(
    format_: Format,
    coding: Coding,
    body: bytes | Iterator[bytes] | None,
    *,
    name: str,
    headers: Mapping[str, str],
) -> Response:
    """Answer with a body of rows that is coded already, whole or piece by piece.

    With 304 where there is none, because the client has it.
    """
    shown = {**headers, **_headers(format_, name), "Vary": "Accept, Accept-Encoding"}
    if body is None:
        return Response(status_code=304, headers=shown)
    shown |= coding.headers
    media_type = _MEDIA_TYPES[format_]
    if isinstance(body, bytes):
        return Response(body, media_type=media_type, headers=shown)
    return StreamingResponse(body, media_type=media_type, headers=shown)


def _headers(format_: Format, name: str) -> dict[str, str]:
    if format_ is Format.JSON:
        return _VARY
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:150]
    return {**_VARY, "Content-Disposition": f'attachment; filename="{name}.{format_}"'}


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        writer.writerows([_cell(row[column]) for column in columns] for row in chunk)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    # The heads of the columns, where there are no rows.
    if buffer.tell():
        yield buffer.getvalue().encode()


def _ndjson(rows: Iterable[Row]) -> Iterator[bytes]:
    left = iter(rows)
    while chunk := list(islice(left, _CHUNK)):
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in chunk)


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
