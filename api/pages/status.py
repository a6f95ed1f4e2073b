"""``/status``: how the collection is, in full."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Owned
from api.pages.layout import page
from api.status.readiness import OK

router = APIRouter()


@router.get("/status")
async def show_status(request: Request, resources: Owned) -> Response:
    """Show the condition of the collection."""
    checks = await resources.checks.run()
    shown = await resources.condition.show()
    return page(
        request,
        "status.html",
        checks=checks,
        ok=OK,
        progress=shown.progress,
        broker=shown.broker,
        workers=shown.workers,
        scan_at=f"{resources.settings.scan_at:%H:%M}",
        flower=_flower(request, resources.settings.flower_port),
    )


def _flower(request: Request, port: int) -> str:
    """Return where Flower is for whoever sees this page: on the same host."""
    host = request.url.hostname or "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
