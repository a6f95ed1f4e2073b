"""``/v1/stats``: the daily rows of all users in one stream."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.bounded_stream import BoundedStream
from api.http.dates import date_range
from api.http.describe import TableRow
from api.http.formats import body_pieces, rows_headers
from api.http.middleware import is_head
from api.http.negotiation import AcceptedCompression, AcceptedFormat
from api.http.transactions import open_snapshot
from api.queries import export, stats_columns
from api.v1 import responses
from api.v1.columns import ALL, chosen_columns, refuse_json, row_text
from api.v1.fields import MAX_ID, DateFrom, DateTo
from api.v1.users import get_tracked_user
from common import clock

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_RETRY_AFTER = 60
"""Seconds."""

_BUSY = "other exports are running: try again in a minute"


class NamedDailyRow(TableRow):
    """The counts of one repository on one UTC day, with its names."""

    user_id: Annotated[int, Field(description="The owner on that day.", examples=[82056671])]
    login: Annotated[str, Field(description="That owner's login.", examples=["onelonelyrepo"])]
    repo_id: Annotated[int, Field(examples=[831775037])]
    full_name: Annotated[
        str, Field(description="That login and the name.", examples=["onelonelyrepo/safe-queue"])
    ]
    date: Annotated[dt.date, Field(examples=["2026-11-28"])]
    stargazers: Annotated[int, Field(examples=[82])]
    forks: Annotated[int, Field(examples=[8])]
    watchers: Annotated[int, Field(examples=[3])]


class AllStats(BaseModel):
    """The daily rows of all users."""

    stats: list[NamedDailyRow]


@router.get(
    "/stats",
    summary="Show the daily counts of all users",
    responses=describe.table(
        "The rows, ordered by user id, repository id and date.", NamedDailyRow, model=AllStats
    )
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.INVALID_DATES
    | describe.problem(
        429,
        f"{export.MAX_EXPORTS} exports are running.",
        _BUSY,
        headers={"Retry-After": "Seconds to wait."},
    ),
)
def show_all_stats(
    *,
    request: Request,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    user_id: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_ID,
            description="Only the repositories of this user.",
            examples=[82056671],
        ),
    ] = None,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    columns: Annotated[
        list[str] | None,
        Query(
            description="The columns of CSV and NDJSON in their order, separated by commas; by"
            " default all.",
            examples=[["full_name", "date", "stargazers"]],
        ),
    ] = None,
) -> Response:
    """Show the stars, forks and watchers of all repositories of all users, or one, day by day.

    Both dates are inclusive; the default is the last 30 days, the maximum ten years. The body is
    streamed, however many rows there are, and shows one moment. It counts as an export, of which
    few run at once. A body that was cut lacks its end, which clients notice.
    """
    chosen = chosen_columns(columns, ALL)
    refuse_json(chosen, wanted.format)

    def look(connection: Connection) -> tuple[bool, dt.date, dt.date, dt.date]:
        if user_id is not None:
            get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        today = clock.today(connection)
        # Without a body, no place is needed.
        has_place = is_head(request.scope) or export.take_place(connection)
        return has_place, first, last, today

    connection, (has_place, first, last, today) = open_snapshot(database, look)
    if not has_place or is_head(request.scope):
        connection.close()
    if not has_place:
        raise HTTPException(429, _BUSY, headers={"Retry-After": str(_RETRY_AFTER)})
    headers = rows_headers(wanted, compression, name=f"stats-{first}-{last}")
    headers |= {"Cache-Control": "no-store"}
    media_type = wanted.format.media_type
    if is_head(request.scope):
        return StreamingResponse(iter(()), headers=headers, media_type=media_type)
    export.allow_long_statements(connection)
    rows = stats_columns.read_rows(
        connection,
        first,
        min(last, today),
        row=row_text(chosen or ALL, wanted.format),
        user_id=user_id,
    )
    pieces = body_pieces(wanted, rows, columns=chosen or ALL, body={"stats": []})
    return BoundedStream(
        compression.compress(pieces),
        close=connection.close,
        media_type=media_type,
        headers=headers,
    )
