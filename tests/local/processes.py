"""Looking at processes from outside."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil


def eventually(condition: Callable[[], bool], limit: float = 10.0) -> bool:
    """Say whether the condition holds before the limit is over."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Return every living process that works for, or on, a data directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            working = Path(process.cwd())
            ours = process.environ().get("DATA_DIR") == str(data_dir)
            if ours or data_dir == working or data_dir in working.parents:
                found.append(process)
        except psutil.Error:
            continue
    return found


def command_of(process: psutil.Process) -> list[str]:
    """Return the words that started a process; none of one that has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def name_of(process: psutil.Process) -> str:
    """Return the name of a process' program; none of one that has ended."""
    with suppress(psutil.Error):
        return process.name()
    return ""
