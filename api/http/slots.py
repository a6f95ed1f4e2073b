"""Places for requests that compute for long.

While they wait for one, they hold neither a thread nor a connection.
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request

T = TypeVar("T")

MAX_COMPARISONS = 2
"""Comparisons that are read and drawn at once, in threads of their own. Each may take a third of a
second, in which other requests share the processor with them."""


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
