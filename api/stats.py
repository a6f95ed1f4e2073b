"""``/v1/users/{id}/stats`` and ``…/scans``: what was recorded, and what became of each day."""

from datetime import date, timedelta

import orjson
from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api import answers
from api.deps import Database, DateFrom, DateTo, UserId
from api.errors import bad_query
from api.schemas import Scan
from api.users import followed_user
from common import clock, scans, stats

router = APIRouter(prefix="/v1/users/{user_id}", tags=["history"])

_DEFAULT_SPAN = timedelta(days=29)
"""Both ends count: 30 days."""


@router.get(
    "/stats",
    summary="Show the numbers, day by day",
    responses=answers.STATS_SHOWN
    | answers.NO_USER
    | answers.BAD_ID
    | answers.BAD_DATES
    | answers.UNAVAILABLE,
)
def show_stats(
    database: Database, user_id: UserId, date_from: DateFrom = None, date_to: DateTo = None
) -> Response:
    """Show the stars, forks and watchers of a user's repositories, day by day.

    Both dates are included; the default is the last 30 days. A day that nobody recorded has no
    row: nothing is filled in.
    """
    with database.begin() as connection:
        user = followed_user(connection, user_id)
        first, last = _span(connection, date_from, date_to)
        rows = stats.read(connection, user_id, first, last)
    # Encoded directly: a year of a large owner takes a third of the time that models take.
    body = orjson.dumps(
        {"user": {"id": user.id, "login": user.login, "name": user.name}, "stats": rows}
    )
    return Response(body, media_type="application/json")


@router.get(
    "/scans",
    summary="Show what became of each day",
    responses=answers.SCANS_SHOWN
    | answers.NO_USER
    | answers.BAD_ID
    | answers.BAD_DATES
    | answers.UNAVAILABLE,
)
def show_scans(
    database: Database, user_id: UserId, date_from: DateFrom = None, date_to: DateTo = None
) -> list[Scan]:
    """Show what became of each day of a user.

    How many repositories GitHub said there are and how many were recorded; where they differ, or
    a scan failed, why; and when the next attempt is due.
    """
    with database.begin() as connection:
        followed_user(connection, user_id)
        first, last = _span(connection, date_from, date_to)
        records = scans.read(connection, user_id, first, last)
    return [Scan.of(record) for record in records]


def _span(
    connection: Connection, date_from: date | None, date_to: date | None
) -> tuple[date, date]:
    last = date_to or clock.today(connection)
    # Not before the calendar begins.
    first = date_from or max(last, date.min + _DEFAULT_SPAN) - _DEFAULT_SPAN
    if first > last:
        which = "date_to" if date_to else "today,"
        raise bad_query(
            "date_from", f"date_from {first} is after {which} {last}", first.isoformat()
        )
    return first, last
