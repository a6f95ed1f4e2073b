"""Draw PNGs in other processes, within bounds: in number at once, in size, in time and in memory.

Waiting for one holds no thread that requests run in.
"""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import anyio.to_thread
from anyio import CapacityLimiter
from cachetools import LRUCache
from fastapi import HTTPException

log = logging.getLogger(__name__)

MAX_PIXELS = 4_000_000
"""Of a picture; they take a third of a second, and some 50 MB in the other process."""

_AT_ONCE = 2
"""Processes; more would only slow each other and the API down."""

_MAX_WAITING = 32
"""Requests that have one or wait for it; the last of them is answered after some two seconds."""

_TIMEOUT = 10
"""Seconds; on a machine without other work no picture takes one."""

_CACHE_BYTES = 16 * 1024 * 1024

_PROGRAM = Path(__file__).parent / "program.py"

_RETRY_AFTER = {"Retry-After": "5"}


class Rasterizer:
    """Draws PNGs for one application, and keeps the last ones.

    :param at_once: how many processes may run at once
    :param max_waiting: how many requests may wait or be drawn for
    :param timeout: seconds after which a process is killed
    :param program: what the process runs
    """

    def __init__(
        self,
        *,
        at_once: int = _AT_ONCE,
        max_waiting: int = _MAX_WAITING,
        timeout: float = _TIMEOUT,
        program: Path = _PROGRAM,
    ) -> None:
        self._limiter = CapacityLimiter(at_once)
        self._max_waiting = max_waiting
        self._timeout = timeout
        self._program = program
        self._waiting = 0
        self._drawn: LRUCache[str, bytes] = LRUCache(_CACHE_BYTES, getsizeof=len)
        self._lock = Lock()

    async def draw(self, tag: str, draw_svg: Callable[[], str], scale: float) -> bytes:
        """Return a PNG; one that was drawn a moment ago is not drawn again.

        :param tag: names the picture and its scale
        :param scale: the number of pixels for each pixel of the SVG
        :raise HTTPException: 503: too many are waiting, or the process was killed
        """
        if (drawn := self._find(tag)) is not None:
            return drawn
        if self._waiting >= self._max_waiting:
            raise HTTPException(
                503, "Too many pictures are being drawn. Try again in a moment.", _RETRY_AFTER
            )
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(
                self._draw, tag, draw_svg, scale, limiter=self._limiter
            )
        finally:
            self._waiting -= 1

    def _draw(self, tag: str, draw_svg: Callable[[], str], scale: float) -> bytes:
        # Another request may have drawn it while this one waited.
        png = self._find(tag)
        if png is None:
            png = self._run(draw_svg().encode(), scale)
            with self._lock:
                self._drawn[tag] = png
        return png

    def _find(self, tag: str) -> bytes | None:
        with self._lock:
            return self._drawn.get(tag)

    def _run(self, svg: bytes, scale: float) -> bytes:
        try:
            # -I: neither the environment nor the working directory add modules.
            done = subprocess.run(
                [sys.executable, "-I", str(self._program), str(scale)],
                input=svg,
                capture_output=True,
                timeout=self._timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _unavailable(str(error)) from error
        if done.returncode < 0:
            raise _unavailable(f"killed by signal {-done.returncode}")
        if done.returncode:
            raise RuntimeError(f"no PNG drawn: {done.stderr.decode(errors='replace')}")
        return done.stdout


def _unavailable(reason: str) -> HTTPException:
    log.warning("picture not drawn: %s", reason)
    return HTTPException(
        503, "The picture could not be drawn in time. Try again in a moment.", _RETRY_AFTER
    )
