"""The record of running children, by which the next start finds what a crash left."""

import json
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from common.local.orphans import end, living

CLOCK_SHIFT = 2.0
"""Seconds by which two readings of one start time may differ: the clock is adjusted."""


class ProcessRecord:
    """Which processes this data directory's supervisor started, in a file."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "processes.json"
        self._created: dict[int, float] = {}

    def add(self, process: int) -> None:
        """Note a process, the leader of its group."""
        with suppress(psutil.NoSuchProcess):
            self._created[process] = psutil.Process(process).create_time()
        self._write()

    def remove(self, process: int) -> None:
        """Forget a process that has ended."""
        if self._created.pop(process, None) is not None:
            self._write()

    def sweep(self) -> int:
        """Stop the noted processes that are still there, and return how many there were.

        An id alone proves nothing, since ids are given again: the start time must be the same.
        """
        left = self._noted()
        end(left, signal.SIGTERM, group=True)
        self._write()
        return len(left)

    def _noted(self) -> list[psutil.Process]:
        try:
            noted = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return []
        found = []
        for number, created in noted.items():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(number))
                if abs(process.create_time() - created) < CLOCK_SHIFT and living([process]):
                    found.append(process)
        return found

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._created))
        new.replace(self._file)
