"""``READ_ONLY``: the API serves recorded data and refuses writes, for example on a read replica."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_READS = ("GET", "HEAD", "OPTIONS")

_DETAIL = "This API is read-only: it shows what is recorded, and changes nothing."


class ReadOnly:
    """Middleware that answers every request that could change something with 405."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] not in _READS:
            refusal = JSONResponse(
                {"detail": _DETAIL}, status_code=405, headers={"Allow": "GET, HEAD"}
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
