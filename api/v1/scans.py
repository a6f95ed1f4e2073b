"""``POST /v1/users/{id}/scan``: scan a user now, also where today's scan is done."""

import logging
import math

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse

from api.dependencies import MayWrite, Owned, Resources, UserId
from api.http.errors import NotFoundError
from api.http.transactions import transact
from api.v1 import responses
from api.v1.loads import send_load
from api.v1.schemas import ScanAsked
from common import scans
from common.scans import RescanRequest

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/users/{user_id}", tags=["users"])

_PAUSE = 300
"""Seconds after a scan, or after asking for one, before the next can be asked for."""


@router.post(
    "/scan",
    summary="Scan a user now",
    status_code=202,
    dependencies=[MayWrite],
    responses=responses.SCAN_ASKED
    | responses.TOO_SOON
    | responses.NO_KEY
    | responses.NO_USER
    | responses.BAD_ID
    | responses.UNAVAILABLE,
)
def scan_now(resources: Owned, user_id: UserId) -> JSONResponse:
    """Scan a user now.

    The numbers of this scan replace those of today; where it fails, those stay. It can be asked for
    once in five minutes. GitHub's limits hold for it as for every scan.
    """
    asked = ask(resources, user_id)
    if asked.wait:
        wait = math.ceil(asked.wait)
        raise HTTPException(
            429,
            f"scanned or asked for a moment ago: ask again in {wait} seconds",
            headers={"Retry-After": str(wait)},
        )
    return JSONResponse(
        ScanAsked(state="sent" if asked.is_accepted else "at_work").model_dump(),
        status_code=202,
        headers={"Location": f"/v1/users/{user_id}/scans"},
    )


def ask(resources: Resources, user_id: int) -> RescanRequest:
    """Store that a user is to be scanned now, then send the scan; the sweep sends what was lost.

    :raise NotFoundError: nobody with this id is followed
    """
    asked = transact(
        resources.database,
        lambda connection: scans.request_rescan(
            connection, user_id, pause=_PAUSE, lease=resources.settings.load_lease
        ),
    )
    if asked is None:
        raise NotFoundError("user not found")
    if asked.is_accepted:
        log.info("scan requested: user %d", user_id)
        send_load(resources, user_id, asked.login)
    return asked
