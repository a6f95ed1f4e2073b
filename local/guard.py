"""The guard: a small process that stops what we started if we die without stopping it.

``kill -9`` leaves no time to stop children. The guard (``watchman.py``) reads from a pipe whose
writing end this process alone has; when the pipe ends, it stops every process it was told of.
"""

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PROGRAM = Path(__file__).with_name("watchman.py")


class Guard:
    """Our end of the pipe. A process has one guard, made at the first need."""

    def __init__(self) -> None:
        self._watched: dict[int, signal.Signals] = {}
        self._owner = os.getpid()
        self._process = self._start()
        atexit.register(self._close)

    def watch(self, process: int, stop: signal.Signals) -> None:
        """Stop the process, the leader of a process group, if we die first.

        :param stop: the signal that asks this process to stop
        """
        self._watched[process] = stop
        self._send(f"+{process} {stop.value}\n")

    def check(self) -> None:
        """Replace the guard if somebody killed it: the new one learns all that it knew."""
        if self._process.poll() is None:
            return
        try:
            successor = self._start()
        except OSError:
            return  # no room for one more process now; we look again soon
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = successor
        for process, stop in self._watched.items():
            self._send(f"+{process} {stop.value}\n")

    def forget(self, process: int) -> None:
        """Leave a process alone: it has ended, and its id may be given to another."""
        if self._watched.pop(process, None) is not None:
            self._send(f"-{process}\n")

    @property
    def belongs_here(self) -> bool:
        """Whether this process made the guard, and not one that it was forked from."""
        return self._owner == os.getpid()

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM), str(self._owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C and the end of a terminal go to a whole group; the guard must outlive both.
            start_new_session=True,
            cwd="/",
            bufsize=0,
        )
        assert process.stdin is not None  # noqa: S101 - for the type checker
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _send(self, line: str) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - for the type checker
        try:
            if pipe.write(line.encode()) == len(line):
                return
        except BrokenPipeError:
            pass
        # It is dead, or frozen with its pipe full. What it does not know, its successor is told.
        self._process.kill()
        self._process.wait()
        self.check()

    def _close(self) -> None:
        if self.belongs_here and self._process.stdin is not None:
            self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5 if self._watched else 1)
            if not self._watched:
                # It has nothing to do any more, and may be frozen.
                self._process.kill()


class _Current:
    guard: Guard | None = None


def guard() -> Guard:
    """Return this process's guard."""
    if _Current.guard is None or not _Current.guard.belongs_here:
        _Current.guard = Guard()
    return _Current.guard
