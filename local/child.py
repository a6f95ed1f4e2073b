"""A process of the runner that is started again when it dies."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from local.guard import Guard

BACKOFF_LIMIT = 30.0
"""Maximum seconds before a restart."""

SETTLED = 60.0
"""Seconds after which a process no longer counts as one that fails at its start."""


class Child:
    """Keeps a program or a server running, one process after the other.

    :param launch: starts the process, as the leader of a group, and tells the guard
    :param say: writes a line for the operator
    :param explain: returns why the process ended, if its own lines do not show it
    :param restart: False for a program that ends by itself
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], "subprocess.Popen[bytes]"],
        guard: Guard,
        say: Callable[[str], None],
        *,
        explain: Callable[[], str] | None = None,
        restart: bool = True,
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.status: int | None = None
        self.failures = 0
        """Ends in a row, each soon after the start."""
        self._launch = launch
        self._guard = guard
        self._say = say
        self._explain = explain
        self._restart = restart
        self._started_at = 0.0
        self._due_at: float | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """Start the process, or take over one that runs.

        :raise OSError: the system cannot start it
        """
        self._due_at = None
        self._started_at = time.monotonic()
        self.process = process or self._launch()

    def look(self) -> None:
        """Note an end, or start the process again when its pause is over; never wait."""
        if self.process is not None:
            if self.process.poll() is not None:
                self._note_end()
        elif self._due_at is not None and time.monotonic() >= self._due_at:
            try:
                self.start()
            except OSError as error:
                self._fail(f"cannot start ({error.strerror})")

    def ask_to_stop(self) -> None:
        """Ask the process to finish."""
        if self.process is not None:
            self.process.terminate()

    def end(self) -> None:
        """Kill the process, unless it has ended, and its own children."""
        if self.process is not None:
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.status = self.process.wait()
            self._guard.forget(self.process.pid)
            self.process = None

    def _note_end(self) -> None:
        self.end()
        if self._restart:
            # A process that a signal killed did not write why.
            ended_itself = self.status is not None and self.status > 0
            why = f": {self._explain()}" if self._explain is not None and ended_itself else ""
            self._fail(f"ended with status {self.status}{why}")
        elif self.status:
            self._say(f"{self.name} ended with status {self.status}.")

    def _fail(self, what: str) -> None:
        now = time.monotonic()
        self.failures = 1 if now - self._started_at > SETTLED else self.failures + 1
        # Any higher exponent gives the limit as well, and would overflow one day.
        pause = min(BACKOFF_LIMIT, 2.0 ** min(self.failures - 1, 10))
        self._due_at = now + pause
        self._say(f"{self.name} {what}; starting it again in {pause:.0f} s.")
