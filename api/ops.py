"""``/healthz`` and ``/readyz``: for whoever runs this."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api import answers
from api.deps import Owned
from api.readiness import OK
from api.schemas import Health, Readiness

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Is the process alive?", responses=answers.ALIVE)
async def healthz() -> Health:
    """Say that the process is alive.

    Nothing else is asked: a restart would not help against a server that is down.
    """
    return Health()


@router.get(
    "/readyz", summary="Can requests be served?", responses=answers.READY | answers.NOT_READY
)
async def readyz(resources: Owned) -> JSONResponse:
    """Say whether requests can be served.

    Postgres and Redis have to answer, and the database has to have this release's schema; where
    one of these is missing, the answer says which.
    """
    checks = await resources.checks.run()
    is_ready = all(check == OK for check in checks.values())
    answer = Readiness(status="ready" if is_ready else "unavailable", checks=checks)
    return JSONResponse(answer.model_dump(), status_code=200 if is_ready else 503)
