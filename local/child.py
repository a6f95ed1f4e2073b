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

from local.backoff import Backoff
from local.guard import guard
from local.health import Pulse, Question, Watch

LINE_LIMIT = 65536
"""Bytes after which a line is passed on though it has not ended."""

REPLACE_LIMIT = 5.0
"""Seconds that a program which hangs has to end by itself before it is killed."""


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

    health: Question | Pulse | None = None
    """How to tell that it works; None where a living process is all that is known."""


class Child:
    """A program's process, and the next one after it ended."""

    def __init__(self, program: Program, environment: Mapping[str, str], directory: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.status: int | None = None
        self.backoff = Backoff()
        self.watch: Watch | None = None
        self._kill_at: float | None = None
        self._environment = {**environment, **program.environment}
        self._directory = directory

    def start(self) -> "Output":
        """Start the process and return its output.

        :raise OSError: the system has no room for one more
        """
        self.backoff.begin()
        self.status = None
        self._kill_at = None
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
        self.watch = self.program.health.watch() if self.program.health else None
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        return Output(self.program.name, self.process.stdout)

    def ended(self) -> bool:
        """Say whether the process has ended just now; its own children then end with it."""
        if self.process is None:
            return False
        if self.process.poll() is None:
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                self.kill()
            return False
        self.kill()
        guard().forget(self.process.pid)
        self.status = self.process.returncode
        self.process = None
        if self.watch is not None:
            self.watch.close()
            self.watch = None
        return True

    def ask_to_stop(self) -> None:
        """Ask the process to finish. Its own children hear of it from the process."""
        if self.process is not None:
            self.process.terminate()

    def replace(self) -> None:
        """Let the process end, soon by force, since it hangs."""
        self.ask_to_stop()
        self._kill_at = time.monotonic() + REPLACE_LIMIT

    @property
    def being_replaced(self) -> bool:
        """Whether the process that runs, or ran last, was found to hang."""
        return self._kill_at is not None

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
