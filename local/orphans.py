"""Ending processes that are not our children: what an earlier run left."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import psutil


def ending(
    processes: Iterable[psutil.Process], stop: signal.Signals, *, group: bool
) -> Iterator[None]:
    """Ask processes to stop, then kill those that do not, and wait: at each step for the caller.

    :param group: signal the process groups that they lead, too
    """
    left = list(processes)
    send: Callable[[int, int], None] = os.killpg if group else os.kill
    for request, patience in ((stop, 5.0), (signal.SIGKILL, 5.0)):
        for process in left:
            with suppress(OSError):
                send(process.pid, request)
        deadline = time.monotonic() + patience
        while living(left) and time.monotonic() < deadline:
            yield
        if not group:
            left = living(left)


def living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run."""
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    # In a container whose first process reaps nothing, orphans stay zombies for ever.
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
