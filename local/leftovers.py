"""Servers that an earlier start left running, because its guard was killed as well."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

LIMIT = 5.0
"""Seconds that a process has to end after each signal."""


def find(program: str, directory: Path) -> list[psutil.Process]:
    """Return the processes of a program that work in a directory.

    The id in a pid file may be another program's by now. The servers, and the children that a
    killed Postgres leaves, work in their data directory: that identifies them.
    """
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if (
                process.info["name"] == program
                and _lives(process)
                and Path(process.cwd()) == directory.resolve()
            ):
                found.append(process)
    return found


def stop(
    processes: list[psutil.Process], stop_signal: signal.Signals, pause: Callable[[], None]
) -> list[psutil.Process]:
    """Ask processes to stop, then kill them; return those that still live."""
    for request in (stop_signal, signal.SIGKILL):
        send(processes, request)
        deadline = time.monotonic() + LIMIT
        while (processes := list(filter(_lives, processes))) and time.monotonic() < deadline:
            pause()
    return processes


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes that may have ended."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _lives(process: psutil.Process) -> bool:
    # In a container whose first process reaps nothing, orphans stay zombies forever.
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
