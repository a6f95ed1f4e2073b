"""``/v1/users/{id}/scan`` and ``…/scans``: request a scan, and show a user's scans by day."""

import logging
import math

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from api.dependencies import Database, MayWrite, Owned, Resources
from api.http import describe
from api.http.dates import date_range
from api.http.errors import NotFoundError
from api.http.formats import Table
from api.http.negotiation import AcceptedFormat
from api.http.transactions import read, transact
from api.queries import scan_days
from api.queries.scan_days import ScanRecord, UnscannedDay
from api.v1 import responses
from api.v1.enqueue import enqueue_load
from api.v1.fields import DateFrom, DateTo, UserId
from api.v1.schemas import Scan, ScanRequested
from api.v1.users import get_tracked_user
from common import rescans
from common.rescans import RescanRequest

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/users/{user_id}", responses=describe.UNAVAILABLE)

_PAUSE = 300
"""Seconds after a scan, or after a request for one, before the next can be requested."""


@router.post(
    "/scan",
    summary="Scan a user now",
    status_code=202,
    tags=["users"],
    dependencies=[MayWrite],
    responses=describe.json(
        202,
        "The next free worker scans the user; `Location` shows the result.",
        ScanRequested,
        headers={"Location": "The URL of the user's scans."},
    )
    | describe.problem(
        429,
        "The user was scanned, or a scan was requested, less than five minutes ago.",
        "scanned or requested less than 5 minutes ago: try again in 260 seconds",
        headers={"Retry-After": "Seconds until a scan can be requested."},
    )
    | responses.NO_KEY
    | responses.NO_USER
    | responses.INVALID_USER_ID,
)
def scan_now(resources: Owned, user_id: UserId) -> JSONResponse:
    """Scan a user now, even if today's scan is done.

    The counts of this scan replace those of today; if it fails, those stay. A scan can be requested
    once in five minutes, and waits for GitHub's limits like every scan. Repeating the call while
    the scan is under way answers 202 again.
    """
    request = request_scan(resources, user_id)
    if request.wait:
        wait = math.ceil(request.wait)
        raise HTTPException(
            429,
            f"scanned or requested less than {_PAUSE // 60} minutes ago:"
            f" try again in {wait} seconds",
            headers={"Retry-After": str(wait)},
        )
    return JSONResponse(
        ScanRequested(state="sent" if request.is_accepted else "at_work").model_dump(),
        status_code=202,
        headers={"Location": f"/v1/users/{user_id}/scans"},
    )


def request_scan(resources: Resources, user_id: int) -> RescanRequest:
    """Make a user due now and send the scan; the sweep sends it if Redis does not take it.

    :raise NotFoundError: no user with this id is tracked
    """
    request = transact(
        resources.database,
        lambda connection: rescans.request_rescan(
            connection, user_id, pause=_PAUSE, lease=resources.settings.load_lease
        ),
    )
    if request is None:
        raise NotFoundError("user not found")
    if request.is_accepted:
        log.info("scan requested: %s (%d)", request.login, user_id)
        enqueue_load(resources, user_id, request.login)
    return request


@router.get(
    "/scans",
    summary="Show a user's scans, day by day",
    tags=["history"],
    responses=describe.table(
        "The days, newest first; `none` is a day on which no scan was tried.", Scan
    )
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_scans(
    *,
    database: Database,
    wanted: AcceptedFormat,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
) -> Response:
    """Show the scan of each day: its state, and the number of repositories expected and recorded.

    If they differ or the scan failed, `reason` says why, and `next_attempt_at` when it is tried
    again. Every day from the one on which the user was added until today is listed; the state is
    `none` if no scan was tried.
    """

    def look(connection: Connection) -> tuple[str, list[ScanRecord | UnscannedDay]]:
        user = get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        days = scan_days.every_day(connection, user_id, first, last)
        return f"{user.login}-scans-{first}-{last}", days

    name, days = read(database, look)
    rows = [Scan.of(day).model_dump(mode="json") for day in days]
    return Table(name, rows, Scan.columns()).to_response(wanted)
