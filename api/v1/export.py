"""``/v1/export``: everything that is stored, to take it away."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe, parquet
from api.http.bounded_stream import BoundedStream
from api.http.errors import bad_query
from api.http.formats import csv_lines
from api.http.middleware import is_head
from api.http.negotiation import AcceptedCompression, WantedBom, bom_of, preferred_type
from api.http.transactions import open_snapshot
from api.http.zip_stream import zip_pieces
from api.queries import export
from common.export_records import RECORDS, Record

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_RETRY_AFTER = 60
"""Seconds."""


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    """One JSON object per line: what a restore reads."""
    ZIP = "zip"
    """A CSV file for each type of record, with names beside the ids."""
    PARQUET = "parquet"
    """The observed and imported counts, each with its source."""


_MEDIA_TYPES = {
    ExportFormat.NDJSON: ("application/x-ndjson", "application/ndjson"),
    ExportFormat.ZIP: ("application/zip",),
    ExportFormat.PARQUET: ("application/vnd.apache.parquet",),
}

_NO_FORMAT = (
    "an export is available as application/x-ndjson, application/zip"
    " and application/vnd.apache.parquet"
)

_NO_PARQUET = (
    "Parquet needs pyarrow on the server, which is not installed here: install"
    " requirements/parquet.txt, or convert the NDJSON with DuckDB as docs/export.md shows"
)

_CONTENT = {
    "application/x-ndjson": {
        "schema": {"type": "string"},
        "example": '{"type":"export","format":1,"github":"github.com","scanned_on":"2026-11-28"}\n'
        '{"type":"user","id":82056671,"login":"onelonelyrepo","…":"…"}\n'
        '{"type":"end","records":1}\n',
    },
    "application/zip": {
        "schema": {"type": "string", "format": "binary"},
        "example": "PK…",
    },
    "application/vnd.apache.parquet": {
        "schema": {"type": "string", "format": "binary"},
        "example": "PAR1…",
    },
}

_BUSY = "other exports are running: try again in a minute"


@router.get(
    "/export",
    summary="Export everything",
    response_class=Response,
    responses={
        200: {
            "description": "All records, in a fixed order.",
            "content": _CONTENT,
            "headers": {
                "Content-Disposition": {
                    "description": "The file name, with the time of the export.",
                    "schema": {"type": "string"},
                },
                "Vary": {
                    "description": "The response depends on `Accept` if `format` is not given.",
                    "schema": {"type": "string"},
                },
            },
        }
    }
    | describe.problem(
        406,
        "`Accept` allows none of the available formats.",
        _NO_FORMAT,
    )
    | describe.invalid(
        "query", "format", "json", "Input should be 'ndjson', 'zip' or 'parquet'", error="enum"
    )
    | describe.problem(
        429,
        f"{export.MAX_EXPORTS} exports are running.",
        _BUSY,
        headers={"Retry-After": "Seconds to wait."},
    ),
)
def export_everything(
    *,
    request: Request,
    database: Database,
    compression: AcceptedCompression,
    format: Annotated[  # noqa: A002 - the parameter's name
        ExportFormat | None,
        Query(
            description="Format of the export. Without it, the header `Accept` decides; without"
            " that too, it is NDJSON.",
            examples=["ndjson"],
        ),
    ] = None,
    bom: WantedBom = "0",
) -> Response:
    """Export everything that is stored: users, repositories, names, rows, scans and imports.

    As NDJSON it can be restored into an empty installation, and imported into another; the last
    line says how many records there are, and a file without it is not whole. The zip has a CSV file
    for each type of record, with names beside the ids. Parquet has the observed and imported counts
    alone, each with its source; the server may not have it. All of it shows one moment, and the
    same data give the same bytes.
    """
    accept = ",".join(request.headers.getlist("accept"))
    available = {
        each: media_types
        for each, media_types in _MEDIA_TYPES.items()
        if each is not ExportFormat.PARQUET or parquet.is_available()
    }
    if format and format not in available:
        raise bad_query("format", _NO_PARQUET, format.value)
    chosen = format or preferred_type(accept, available)
    if chosen is None:
        raise HTTPException(
            406,
            _NO_FORMAT,
            headers={"Vary": "Accept"},
        )
    if bom == "1" and chosen is not ExportFormat.ZIP:
        raise bad_query("bom", "only the CSVs of a zip have a byte order mark: add format=zip", bom)
    headers = {
        "Content-Disposition": f'attachment; filename="{_file_name(chosen)}"',
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding",
    }
    media_type = _MEDIA_TYPES[chosen][0]
    if is_head(request.scope):
        # Without a Content-Length, which is not known.
        return StreamingResponse(iter(()), headers=headers, media_type=media_type)
    connection, has_place = open_snapshot(database, export.take_place)
    if not has_place:
        connection.close()
        raise HTTPException(429, _BUSY, headers={"Retry-After": str(_RETRY_AFTER)})
    if chosen is ExportFormat.NDJSON:
        pieces = compression.compress(export.ndjson(connection))
        headers |= compression.headers
    elif chosen is ExportFormat.ZIP:
        pieces = zip_pieces(_files(connection, bom_of(bom)))
    else:
        pieces = parquet.parquet_pieces(export.HISTORY_COLUMNS, _history(connection))
    return BoundedStream(pieces, close=connection.close, media_type=media_type, headers=headers)


def _history(connection: Connection) -> Iterator[Sequence[tuple[Any, ...]]]:
    export.allow_long_statements(connection)
    yield from export.history_rows(connection)


def _files(connection: Connection, start: bytes) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield name and content of the files of a zip.

    :param start: what each begins with
    """
    export.allow_long_statements(connection)
    header = export.header(connection)
    yield "export.csv", iter([start, csv_lines([list(header), list(header.values())])])
    for record in RECORDS:
        yield f"{record.type}.csv", chain([start], _csv(connection, record))


def _csv(connection: Connection, record: Record) -> Iterator[bytes]:
    yield csv_lines([export.csv_columns(record)])
    for rows in export.csv_rows(connection, record):
        yield csv_lines(rows)


def _file_name(format_: ExportFormat) -> str:
    return f"repopulse-{datetime.now(UTC):%Y-%m-%dT%H%M}Z.{format_}"
