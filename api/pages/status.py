"""``/status``: the health of the collection in detail."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Owned
from api.pages.layout import page
from api.status.readiness import read_readiness
from api.status.snapshot import Status
from common.backfills import why_off
from common.credentials import choose_credential
from common.settings import Settings

router = APIRouter()

_QUOTAS = {"graphql": "GraphQL points", "core": "REST requests"}


@router.get("/status")
async def show_status(request: Request, resources: Owned, status: Status) -> Response:
    """Show today's progress, the components, the queues, and GitHub's quota and limits."""
    readiness = await read_readiness(status)
    snapshot = readiness.snapshot
    redis = snapshot.redis
    quotas = [
        (name, allowance)
        for resource, name in _QUOTAS.items()
        if redis is not None
        and (allowance := redis.allowances.get(resource)) is not None
        and allowance.resets_at > redis.now
    ]
    return page(
        request,
        "status.html",
        readiness=readiness,
        progress=snapshot.progress,
        redis=redis,
        quotas=quotas,
        workers=None if redis is None else redis.workers,
        is_anonymous=choose_credential(resources.settings) is None,
        histories_off=why_off(resources.settings),
        scan_at=f"{resources.settings.scan_at:%H:%M}",
        flower_url=_flower_url(request, resources.settings),
    )


def _flower_url(request: Request, settings: Settings) -> str | None:
    """Return the URL of Flower, or None if it is not known where visitors reach it.

    Without a proxy it is on the host of this page.
    """
    if settings.flower_public_url:
        return f"{settings.flower_public_url}/"
    if settings.public_url:
        return None
    host, port = request.url.hostname or "127.0.0.1", settings.flower_port
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
