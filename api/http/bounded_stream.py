"""A response that may take longer than the deadline of requests, within bounds of its own."""

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Mapping

import anyio.to_thread
from anyio import CancelScope
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MAX_SECONDS = 3600
"""For the whole response; a database of 15 million rows takes some minutes."""

MAX_STALL_SECONDS = 30
"""For a piece that the client does not take. Shorter than ``idle_in_transaction_session_timeout``,
so that the transaction of a slow client ends here, with a line in the log."""


class BoundedStream(StreamingResponse):
    """A body that is made while it is sent. It is cut if the client takes too long to read it.

    A thread is in use only while a piece is made, not while the client reads. The client notices
    that the body is cut, because its end is missing.

    :param pieces: make the body; they may hold a connection
    :param close: what frees the connection; it is called once, also if nothing was sent
    """

    def __init__(
        self,
        pieces: Generator[bytes, None, None],
        *,
        close: Callable[[], None],
        media_type: str,
        headers: Mapping[str, str],
        max_seconds: float = MAX_SECONDS,
        max_stall_seconds: float = MAX_STALL_SECONDS,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces = pieces
        self._close = close
        self._max_seconds = max_seconds
        self._max_stall_seconds = max_stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; return without its end if a bound is reached."""
        deadline = time.monotonic() + self._max_seconds

        async def send_in_time(message: Message) -> None:
            seconds = min(self._max_stall_seconds, deadline - time.monotonic())
            async with asyncio.timeout(max(seconds, 0)):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except* TimeoutError:
            log.warning(
                "response cut: %s %r: the client did not read for %g s, or not all within %g s",
                scope["method"],
                scope["path"],
                self._max_stall_seconds,
                self._max_seconds,
            )
        finally:
            with CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._end)

    def _end(self) -> None:
        try:
            self._pieces.close()
        finally:
            self._close()
