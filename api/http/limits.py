"""Limit how many requests run at once and how long each takes; beyond that the answer is 503."""

import asyncio
import logging

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import send_unavailable
from common.settings import Settings

log = logging.getLogger(__name__)

MAX_REQUESTS = 128
"""Running or waiting for one of 16 threads. If each takes a second, the last one is answered after
eight; more requests would only wait for their deadline."""

_MIN_DEADLINE = 20
"""Seconds; twice the time a statement may take."""

_BEYOND_LOOKUP_WAIT = 10
"""Seconds beyond ``LOOKUP_WAIT``, for what happens before and after that wait."""

_UNLIMITED_PATHS = frozenset({"/healthz", "/readyz"})
"""Probes use no request thread and have limits of their own."""


def request_deadline(settings: Settings) -> float:
    """Return the number of seconds in which a request is answered."""
    return max(_MIN_DEADLINE, settings.lookup_wait + _BEYOND_LOOKUP_WAIT)


class RequestLimits:
    """Middleware that bounds the number of requests and answers each by its deadline.

    A request in a thread that waits for Postgres cannot be stopped. It counts until it ends,
    because it occupies the thread until then.
    """

    def __init__(self, app: ASGIApp, *, max_requests: int, deadline: float) -> None:
        self._app = app
        self._max_requests = max_requests
        self._deadline = deadline
        self._running: set[asyncio.Task[None]] = set()
        self._is_full = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        if len(self._running) >= self._max_requests:
            if not self._is_full:
                log.warning("%d requests running, refusing others", self._max_requests)
            self._is_full = True
            await send_unavailable(send, "Too many concurrent requests.")
            return
        self._is_full = False
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = is_late = False
        # Unlike cancelling the task, this keeps the request's place in the thread limiter until its
        # thread is free.
        cancel_scope = CancelScope()

        async def send_in_time(message: Message) -> None:
            nonlocal has_begun
            if not is_late:
                has_begun = True
                await send(message)

        async def serve() -> None:
            try:
                with cancel_scope:
                    await self._app(scope, receive, send_in_time)
            except Exception:
                if not is_late:
                    raise
                log.exception("%s %r failed after its deadline", scope["method"], scope["path"])

        task = asyncio.create_task(serve())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.wait({task}, timeout=self._deadline)
        except asyncio.CancelledError:
            cancel_scope.cancel()
            raise
        if task.done() or has_begun:
            await task
            return
        is_late = True
        cancel_scope.cancel()
        log.warning(
            "deadline passed: %s %r took %g s", scope["method"], scope["path"], self._deadline
        )
        await send_unavailable(send, f"The request took longer than {self._deadline:g} seconds.")
