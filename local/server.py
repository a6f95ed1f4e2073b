"""What the embedded servers have in common: start, wait, stop, clean up after a crash."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from local.errors import LocalError
from local.guard import guard
from local.health import Question
from local.orphans import ending, living
from local.ports import LOOPBACK, free_port, is_free
from local.room import has_room

START_LIMIT = 120.0
"""Seconds that a server may take to answer; only recovery after a crash comes near it."""

LOG_LIMIT = 5_000_000
"""Bytes of log above which it begins anew; as many again are kept of the part before."""


class EmbeddedServer(ABC):
    """A real server as a child process, listening on 127.0.0.1 only.

    Beside ``directory``, which holds the data, lie its ``….log`` and its ``….password``.

    :param durable: False trades safety against a crash for speed: for tests
    """

    name: str
    stop_signal: signal.Signals
    """Asks the server to stop in good order and at once."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.absolute()
        self.durable = durable
        self.port: int | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The file that the server writes its log to."""
        return self.directory.with_name(f"{self.directory.name}.log")

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, password included."""

    def start(self, port: int | None = None) -> None:
        """Start the server, on a free port where none is given, and return when it answers.

        A server that an earlier start left on the same directory is stopped first.

        :raise LocalError: it cannot start
        """
        for _ in self.starting(port):
            time.sleep(0.02)

    def starting(self, port: int | None = None) -> Generator[None, None, None]:
        """Start the server step by step: whoever has more to do does it between two steps.

        Given up halfway, it leaves at most the server itself, for ``stop``.

        :raise LocalError: it cannot start
        """
        if self.running:
            return
        try:
            yield from self._start_on(port)
        except PermissionError as error:
            raise LocalError(
                f"{error.filename or self.directory} cannot be written to: "
                "point DATA_DIR to a directory of yours, or change this one's owner"
            ) from error
        except OSError as error:
            raise LocalError(f"{error.filename or self.directory}: {error.strerror}") from error

    def _start_on(self, port: int | None) -> Generator[None, None, None]:
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        yield from self._stop_leftovers()
        yield from self._prepare()
        if port is not None and not is_free(LOOPBACK, port):
            raise LocalError(self._taken(port))
        # Between finding a free port and listening on it another process may take it.
        for _ in range(1 if port is not None else 5):
            self.port = port if port is not None else free_port()
            self._launch()
            if (yield from self._wait()):
                return
            if not has_room(self.directory.parent):
                # Neither could it write why it ended.
                raise LocalError(
                    f"{self.name} did not start: nothing more can be written to "
                    f"{self.directory.parent}: make room on its disk"
                )
            if not self._port_was_taken():
                raise LocalError(self._diagnosis())
        raise LocalError(self._taken(self.port))

    def _taken(self, port: int | None) -> str:
        return f"{self.name} cannot listen on port {port}: another program has it"

    def ask_to_stop(self) -> None:
        """Ask the server to stop in good order, without waiting."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def stop(self, patience: float = 5.0) -> None:
        """Stop the server and wait for its end; harmless when it does not run.

        :param patience: seconds for a stop in good order; without one it recovers later
        """
        process = self.process
        if process is None:
            return
        requests = ((self.stop_signal, patience), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 10.0))
        for request, limit in requests:
            if process.poll() is not None:
                break
            process.send_signal(request)
            with suppress(subprocess.TimeoutExpired):
                process.wait(limit)
            if request == signal.SIGKILL:
                self._kill_leftovers()
        guard().forget(process.pid)
        self.process = None

    def kill(self) -> None:
        """Kill the server: it hangs. What it was about to write is recovered at the next start."""
        if self.process is not None:
            self.process.kill()

    def trim_log(self) -> None:
        """Begin the log anew where it has grown large; the part until now is kept beside it.

        The server appends to the file that it was given, so that file stays and loses its content.
        """
        try:
            if self.log.stat().st_size <= LOG_LIMIT:
                return
            try:
                shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
            finally:
                # Where the disk is full, this gives room.
                os.truncate(self.log, 0)
                self._log_start = 0
        except OSError:
            return

    @property
    @abstractmethod
    def health(self) -> Question:
        """What a server that works has an answer to."""

    @abstractmethod
    def _prepare(self) -> Generator[None, None, None]:
        """Make what the first start needs, step by step."""

    @abstractmethod
    def _command(self) -> tuple[list[str], bytes]:
        """Return the command and what it reads from its standard input."""

    @abstractmethod
    def _answers(self) -> bool:
        """Say whether the server serves us by now."""

    @abstractmethod
    def _diagnosis(self) -> str:
        """Say in one plain line why the server ended and what to do."""

    @abstractmethod
    def _pid_file(self) -> Path:
        """Return the file in which the server itself notes its process id."""

    @property
    def _address(self) -> str:
        if self.port is None:
            raise LocalError(f"{self.name} was not started")
        return f"{LOOPBACK}:{self.port}"

    def _password(self) -> str:
        return self._password_file.read_text().strip()

    @property
    def _password_file(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.password")

    def _make_password(self) -> None:
        descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")

    def _launch(self) -> None:
        command, standard_input = self._command()
        self._log_start = self._open_log()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal goes to a whole group; the server ends when we say so.
                start_new_session=True,
                cwd="/",
                env=server_environment(),
            )
        guard().watch(self.process.pid, self.stop_signal)
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        # One that ended at once reads nothing; its log says why.
        with suppress(BrokenPipeError), self.process.stdin as pipe:
            pipe.write(standard_input)

    def _open_log(self) -> int:
        """Make the log and return where this start's part begins."""
        self.trim_log()
        self.log.touch(mode=0o600)
        return self.log.stat().st_size

    def _log_lines(self) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace").splitlines()

    def _wait(self) -> Generator[None, None, bool]:
        """Wait until the server answers; False when it ended instead."""
        assert self.process is not None  # noqa: S101 - for the type checker
        deadline = time.monotonic() + START_LIMIT
        while True:
            if self.process.poll() is not None:
                guard().forget(self.process.pid)
                self.process = None
                return False
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self.stop(1.0)
                raise LocalError(
                    f"{self.name} does not answer after {START_LIMIT:.0f} s: see {self.log}"
                )
            yield

    def _port_was_taken(self) -> bool:
        return any("Address already in use" in line for line in self._log_lines())

    def _last_words(self) -> str:
        lines = [line for line in self._log_lines() if line.strip()]
        return lines[-1].strip() if lines else "nothing"

    def _stop_leftovers(self) -> Generator[None, None, None]:
        """Stop what an earlier start left running on this directory."""
        leftovers = self._leftovers()
        yield from ending(leftovers, self.stop_signal, group=False)
        leftovers = living(leftovers)
        if leftovers:
            raise LocalError(
                f"an earlier {self.name} (process {leftovers[0].pid}) uses {self.directory} "
                "and does not end: stop it first"
            )

    def _kill_leftovers(self) -> None:
        """Kill what a killed server left: its children, where they are frozen."""
        for process in self._leftovers():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _leftovers(self) -> list[psutil.Process]:
        if not self._pid_file().exists():
            return []
        # The id in the file may be another program's by now. The servers, and the children that a
        # killed Postgres leaves, work in their data directory: that tells whose they are.
        binary = Path(self._command_name()).name
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != binary or not living([process]):
                continue
            try:
                if Path(process.cwd()) == self.directory.resolve():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    @abstractmethod
    def _command_name(self) -> str:
        """Return the server's executable."""


def server_environment() -> dict[str, str]:
    """Return a server's environment: no secret of ours, no ``PG…`` variable, one locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
