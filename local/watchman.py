"""The program of the guard: waits for its parent's end, then stops what the parent left.

It runs beside everything else all the time, so it imports next to nothing and stays small.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable

GRACE = 2.0
"""Seconds between the request to stop and ``SIGKILL`` for the process group."""


def _listen(parent: int) -> dict[int, int]:
    """Note which processes to stop, and how, until the parent is gone."""
    watched: dict[int, int] = {}
    rest = b""
    while True:
        # A child that the parent forked keeps the pipe open, hence the second look.
        orphaned = os.getppid() != parent
        if not select.select([0], [], [], 0 if orphaned else 1.0)[0]:
            if orphaned:
                break
            continue
        piece = os.read(0, 65536)
        if not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            words = line[1:].split()
            if line.startswith(b"+"):
                watched[int(words[0])] = int(words[1])
            else:
                watched.pop(int(words[0]), None)
    return watched


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group in which only zombies are left.
        return False
    return True


def _send(kill: Callable[[int, int], None], target: int, number: int) -> None:
    try:
        kill(target, number)
    except OSError:
        return  # ended by itself


def _stop(watched: dict[int, int]) -> None:
    for process, stop in watched.items():
        _send(os.kill, process, stop)
    deadline = time.monotonic() + GRACE
    left = set(watched)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {process for process in left if _group_lives(process)}
    for process in left:
        _send(os.killpg, process, signal.SIGKILL)


def main() -> None:
    """Be the guard."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    _stop(_listen(int(sys.argv[1])))


if __name__ == "__main__":
    main()
