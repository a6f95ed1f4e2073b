"""How many requests are at work, and how long one may take: beyond that 503 rather than a hang."""

import asyncio
import logging

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import answer_unavailable
from common.settings import Settings

log = logging.getLogger(__name__)

MOST_REQUESTS = 128
"""At work or waiting. Threads serve 16 at once: of requests that take a second each, the last of
these is answered within eight, and each additional one would only wait for its deadline."""

_LONGEST = 20
"""Seconds; twice what a statement may take."""

_ROOM = 10
"""Seconds beyond ``LOOKUP_WAIT``, for what comes before and after that wait."""

_ALWAYS_ANSWERED = frozenset({"/healthz", "/readyz"})
"""They need no thread of those that may all be taken, and have a bound of their own."""


def deadline(settings: Settings) -> float:
    """Return how many seconds a request may take."""
    return max(_LONGEST, settings.lookup_wait + _ROOM)


class Bounds:
    """Lets so many requests in, and answers each by its deadline.

    A request that is answered late goes on where it cannot be stopped: in a thread that waits for
    Postgres. It counts until it ends, since that thread is taken until then.
    """

    def __init__(self, app: ASGIApp, *, most: int, deadline: float) -> None:
        self._app = app
        self._most = most
        self._deadline = deadline
        self._running: set[asyncio.Task[None]] = set()
        self._is_full = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if len(self._running) >= self._most:
            if not self._is_full:
                log.warning("%d requests at work: others are refused meanwhile", self._most)
            self._is_full = True
            await answer_unavailable(send, "the API has all the requests that it can serve")
            return
        self._is_full = False
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = is_late = False
        # Unlike the task's own cancellation it leaves a request its place among the threads until
        # its thread is free.
        stop = CancelScope()

        async def send_in_time(message: Message) -> None:
            nonlocal has_begun
            if not is_late:
                has_begun = True
                await send(message)

        async def serve() -> None:
            try:
                with stop:
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
            stop.cancel()
            raise
        if task.done() or has_begun:
            await task
            return
        is_late = True
        stop.cancel()
        log.warning("%s %r: no answer in %g s", scope["method"], scope["path"], self._deadline)
        await answer_unavailable(send, f"this took longer than {self._deadline:g} seconds")
