"""``/healthz``, ``/readyz`` and ``/metrics``: for the operator."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from api.http import describe
from api.status.checks import OK, Level
from api.status.metrics import render
from api.status.readiness import PARTS, read_readiness
from api.status.servers import NO_REDIS
from api.status.shared_traffic import AllTraffic
from api.status.snapshot import Status

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The process is alive."""

    status: Annotated[Literal["ok"], Field(examples=["ok"])] = "ok"


class Readiness(BaseModel):
    """Whether the API can serve requests, and what is wrong if not."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: Annotated[
        dict[str, str],
        Field(description="By part: `ok`, or what is wrong with it or worth knowing."),
    ]


_CHECKS = dict.fromkeys(PARTS, OK.words)


@router.get(
    "/healthz",
    summary="Is the process alive?",
    responses=describe.json(200, "The process is alive.", Health),
)
async def healthz() -> Health:
    """Answer that the process is alive.

    Checks no server: a restart would not help if one is down.
    """
    return Health()


@router.get(
    "/readyz",
    summary="Can requests be served?",
    responses=describe.json(
        200,
        "The API can serve requests.",
        Readiness,
        example={"status": "ready", "checks": _CHECKS},
    )
    | describe.json(
        503,
        "The API cannot serve requests; `checks` says why.",
        Readiness,
        example={
            "status": "unavailable",
            "checks": _CHECKS
            | {"redis": "does not answer"}
            | dict.fromkeys(("processes", "credentials", "github", "queue", "clock"), NO_REDIS),
        },
    ),
)
async def readyz(status_reader: Status) -> JSONResponse:
    """Answer whether requests can be served.

    Postgres and Redis must answer, and the database must accept writes and have this release's
    schema; if something is missing, `checks` says what, and the status is `unavailable`. It is
    `degraded` if requests are served and counts are not recorded: a worker or beat cannot start,
    GitHub cannot be reached or refuses the token, users were not scanned for 26 hours, no worker
    takes tasks, or the database's clock differs from GitHub's by more than five minutes. A part
    that is not `ok` while the status is `ready` says what is worth knowing, such as followed
    accounts that GitHub does not show, or a token that expires within 14 days.
    """
    readiness = await read_readiness(status_reader)
    return JSONResponse(
        {
            "status": readiness.level.status,
            "checks": {part: check.words for part, check in readiness.checks.items()},
        },
        status_code=503 if readiness.level is Level.UNAVAILABLE else 200,
    )


@router.get("/metrics", include_in_schema=False)
async def metrics(traffic: AllTraffic, status_reader: Status) -> Response:
    """Return the metrics of the collection and of the API, in Prometheus' text format."""
    snapshot, requests = await asyncio.gather(status_reader.read(), traffic.read())
    return Response(render(snapshot, requests), media_type=CONTENT_TYPE_LATEST)
