"""A place for requests that compute for long.

While others wait for it, they hold neither a thread nor a connection.
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request

T = TypeVar("T")

MAX_COMPARISONS = 1
"""Comparisons that are read and drawn at once, in a thread of their own. Each takes a quarter of a
second, most of it in Python: with two, a short request beside them would take ten times as long."""


class ComparisonSlots:
    """The places for comparisons of one process."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(MAX_COMPARISONS)

    async def run(self, work: Callable[[], T]) -> T:
        """Return the result of some work, which is done in a thread once there is a place."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)


async def _slots(request: Request) -> ComparisonSlots:
    slots: ComparisonSlots = request.state.comparisons
    return slots


Slots = Annotated[ComparisonSlots, Depends(_slots)]
