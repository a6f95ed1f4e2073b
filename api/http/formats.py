"""Write rows as JSON, CSV or NDJSON.

Spreadsheets run a CSV cell as a formula if it begins with ``=``, ``+``, ``-`` or ``@``. Text that
does is written with an apostrophe in front, which makes it text again. Numbers stay numbers.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from api.http.negotiation import Compression, Format, FormatChoice

Row = Mapping[str, Any]

_CHUNK_ROWS = 5000
"""A few hundred kilobytes."""

_PIECE_LISTS = 50
"""Of a year's rows these are a megabyte and more."""

_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""First characters of a formula, full-width ones included."""

ROW_SEPARATORS = {Format.JSON: ",", Format.CSV: "\r\n", Format.NDJSON: "\n"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that can be sent in each format.

    :param name: of the downloaded file, without its extension
    :param rows: of JSON, with keys in the order of the columns
    :param columns: of the CSV
    :param flat: the rows of CSV and NDJSON, if ``rows`` are nested
    """

    name: str
    rows: Sequence[Row]
    columns: Sequence[str]
    flat: Iterable[Row] | None = None

    def to_response(
        self, wanted: FormatChoice, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the rows as a response.

        :param body: the JSON body, if it is more than the list of rows
        """
        format_ = wanted.format
        all_headers = {**(headers or {}), "Vary": "Accept", **_file_headers(format_, self.name)}
        if format_ is Format.JSON:
            # orjson takes a third of the time that response models take for a year of a large
            # owner.
            return Response(
                orjson.dumps(self.rows if body is None else body),
                media_type=format_.media_type,
                headers=all_headers,
            )
        rows = self.rows if self.flat is None else self.flat
        if format_ is Format.CSV:
            chunks = csv_chunks(self.columns, rows, start=wanted.start)
        else:
            chunks = ndjson_chunks(rows)
        return StreamingResponse(chunks, media_type=format_.media_type, headers=all_headers)


def body_pieces(
    wanted: FormatChoice,
    row_lists: Iterable[bytes],
    *,
    columns: Sequence[str],
    body: object,
) -> Iterator[bytes]:
    """Yield a body with rows that are text already.

    :param row_lists: the rows, in lists that are joined by ``ROW_SEPARATORS``
    :param columns: of the CSV
    :param body: the JSON body; its last entry is an empty list, which the rows fill
    """
    format_ = wanted.format
    separator = ROW_SEPARATORS[format_].encode()
    start = end = b""
    if format_ is Format.JSON:
        frame = orjson.dumps(body)
        start, end = frame[:-2], frame[-2:]
    elif format_ is Format.CSV:
        start = wanted.start + ",".join(columns).encode() + separator
    yield start
    remaining = iter(row_lists)
    has_rows = False
    while piece := list(islice(remaining, _PIECE_LISTS)):
        yield separator.join([b"", *piece] if has_rows else piece)
        has_rows = True
    yield end if format_ is Format.JSON or not has_rows else separator


def rows_response(
    wanted: FormatChoice,
    compression: Compression,
    body: bytes | Iterator[bytes] | None,
    *,
    name: str,
    headers: Mapping[str, str],
) -> Response:
    """Return a response with a body of rows that is compressed already.

    :param body: None for a 304
    """
    media_type = wanted.format.media_type
    if body is None:
        unencoded = rows_headers(wanted, Compression.NONE, name=name)
        return Response(status_code=304, headers={**headers, **unencoded})
    all_headers = {**headers, **rows_headers(wanted, compression, name=name)}
    if isinstance(body, bytes):
        return Response(body, media_type=media_type, headers=all_headers)
    return StreamingResponse(body, media_type=media_type, headers=all_headers)


def rows_headers(wanted: FormatChoice, compression: Compression, *, name: str) -> dict[str, str]:
    """Return the headers of rows that are compressed already.

    :param name: of the downloaded file, without its extension
    """
    return {
        "Vary": "Accept, Accept-Encoding",
        **_file_headers(wanted.format, name),
        **compression.headers,
    }


def _file_headers(format_: Format, name: str) -> dict[str, str]:
    """Return the headers that make browsers save CSV and NDJSON to a file."""
    if format_ is Format.JSON:
        return {}
    # Commands take a name that begins with a hyphen, as some logins do, for an option.
    safe_name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:150].lstrip("-")
    return {"Content-Disposition": f'attachment; filename="{safe_name}.{format_}"'}


def csv_chunks(
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    start: bytes = b"",
    chunk_rows: int = _CHUNK_ROWS,
) -> Iterator[bytes]:
    """Yield rows as CSV with a header line, some thousand rows at a time.

    :param start: what comes before the header line
    """
    buffer = io.StringIO(start.decode(), newline="")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow(columns)
    remaining = iter(rows)
    while chunk := list(islice(remaining, chunk_rows)):
        writer.writerows([_cell(row[column]) for column in columns] for row in chunk)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    # Without rows, the header line is left.
    if buffer.tell():
        yield buffer.getvalue().encode()


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as lines of CSV, without a header line."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def ndjson_chunks(rows: Iterable[Row], *, chunk_rows: int = _CHUNK_ROWS) -> Iterator[bytes]:
    """Yield rows as NDJSON, some thousand rows at a time."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, chunk_rows)):
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in chunk)


def write_text(format_: Format, value: str) -> str:
    """Return a text as a value of a row, with the quotes that it needs."""
    if format_ is Format.CSV:
        return csv_lines([[value]]).decode().removesuffix("\r\n")
    return orjson.dumps(value).decode()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
