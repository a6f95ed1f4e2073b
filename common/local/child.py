"""One child of the supervisor: a program, its process, its output, when it may start again."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from common.local.guard import guard

BACKOFF_LIMIT = 30.0
"""Seconds between two starts at most."""

SETTLED = 60.0
"""Seconds after which a child that ends is no longer said to fail at once."""

LINE_LIMIT = 65536
"""Bytes after which a line is passed on though it has not ended."""


@dataclass(frozen=True)
class Program:
    """What to run, and how."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the supervisor's own."""

    early: bool = False
    """It may start before the tables are up to date."""

    once: bool = False
    """It ends by itself and is not started again."""


class Child:
    """A program's process, and the next one after it ended."""

    def __init__(self, program: Program, environment: Mapping[str, str], directory: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.status: int | None = None
        self.restart_at: float | None = None
        self._environment = {**environment, **program.environment}
        self._directory = directory
        self._started_at = 0.0
        self.failures = 0

    def start(self) -> "Output":
        """Start the process and return its output."""
        self.process = subprocess.Popen(
            list(self.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            env=self._environment,
            # Ctrl-C goes to a terminal's whole group: the supervisor alone shall get it. And the
            # process's own children, such as Celery's, can be killed with it as one group.
            start_new_session=True,
        )
        guard().watch(self.process.pid, signal.SIGTERM)
        self.restart_at = None
        self.status = None
        self._started_at = time.monotonic()
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        return Output(self.program.name, self.process.stdout)

    def ended(self) -> bool:
        """Say whether the process has ended just now; its own children then end with it."""
        if self.process is None or self.process.poll() is None:
            return False
        self.kill()
        guard().forget(self.process.pid)
        self.status = self.process.returncode
        lived = time.monotonic() - self._started_at
        self.failures = 1 if lived > SETTLED else self.failures + 1
        self.process = None
        return True

    def delay_restart(self) -> float:
        """Set the time of the next start and return the seconds until then."""
        delay: float = min(BACKOFF_LIMIT, 2.0 ** (self.failures - 1))
        self.restart_at = time.monotonic() + delay
        return delay

    def ask_to_stop(self) -> None:
        """Ask the process to finish. Its own children hear of it from the process."""
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill the process and its own children."""
        if self.process is not None:
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Output:
    """Cuts what arrives from a pipe into lines."""

    def __init__(self, name: str, pipe: IO[bytes]) -> None:
        self.name = name
        self.pipe = pipe
        self._rest = b""
        os.set_blocking(pipe.fileno(), False)

    def read(self) -> tuple[list[bytes], bool]:
        """Return the lines that have arrived, and whether the pipe has ended."""
        try:
            piece = os.read(self.pipe.fileno(), LINE_LIMIT)
        except BlockingIOError:
            return [], False
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if self._rest and (not piece or len(self._rest) > LINE_LIMIT):
            lines.append(self._rest)
            self._rest = b""
        return lines, not piece
