"""``/healthz``, ``/readyz`` and ``/metrics``: for whoever runs this."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from api.dependencies import Owned
from api.http import describe
from api.status.readiness import COLLECTION, OK

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The process is alive."""

    status: Annotated[Literal["ok"], Field(examples=["ok"])] = "ok"


class Readiness(BaseModel):
    """Whether the API can serve requests, and what is wrong if not."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: Annotated[dict[str, str], Field(description="By part: `ok`, or what is wrong with it.")]


_CHECKS = dict.fromkeys(("postgres", "redis", "migrations", "credentials", "users", "queue"), OK)


@router.get(
    "/healthz",
    summary="Is the process alive?",
    responses=describe.json(200, "The process is alive.", Health),
)
async def healthz() -> Health:
    """Say that the process is alive.

    Nothing else is asked: a restart would not help against a server that is down.
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
            | {"redis": "does not answer", "queue": "not known: Redis does not answer"},
        },
    ),
)
async def readyz(resources: Owned) -> JSONResponse:
    """Say whether requests can be served.

    Postgres and Redis have to answer, and the database has to take writes and to have this
    release's schema; where one of these is missing, the answer says which. Where GitHub refuses
    the token, users were not scanned for 26 hours, or nobody takes tasks, requests are still
    served, and the status is `degraded`.
    """
    checks = await resources.checks.run()
    missing = {part for part, check in checks.items() if check != OK}
    status = "ready"
    if missing:
        status = "degraded" if missing <= COLLECTION else "unavailable"
    code = 503 if status == "unavailable" else 200
    return JSONResponse({"status": status, "checks": checks}, status_code=code)


@router.get("/metrics", include_in_schema=False)
def metrics(resources: Owned) -> Response:
    """Say how recording and serving go, in Prometheus' text format."""
    return Response(generate_latest(resources.registry), media_type=CONTENT_TYPE_LATEST)
