"""A part of a snapshot, read in bounded time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

TIMEOUT = 2.5
"""Seconds that a part may take."""


class Part(Generic[T]):
    """One part of a snapshot, read in a thread that a frozen server may hold."""

    def __init__(self, read: Callable[[], T], *, missing: T, timeout: float | None = None) -> None:
        self._read = read
        self._missing = missing
        self._timeout = TIMEOUT if timeout is None else timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="status")
        self._reading: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Return the part, or what stands for it if it takes too long."""
        # Requests share a reading in progress: in line, the last of several would get nothing.
        if self._reading is None or self._reading.done():
            loop = asyncio.get_running_loop()
            self._reading = loop.run_in_executor(self._thread, self._read)
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), self._timeout)
        except TimeoutError:
            return self._missing

    def close(self) -> None:
        """Stop reading."""
        self._thread.shutdown(wait=False, cancel_futures=True)
