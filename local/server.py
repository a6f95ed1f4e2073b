"""What the embedded servers have in common: start, stop, clean up after a crash."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from local import leftovers
from local.account import RunAs
from local.errors import LocalError
from local.guard import Guard
from local.ports import LOOPBACK, free_port, is_free

LOG_LIMIT = 5_000_000
"""Bytes after which the log is rotated; one old file is kept."""


def short_sleep() -> None:
    """Wait between two looks at something that starts."""
    time.sleep(0.02)


class EmbeddedServer(ABC):
    """A real server as a child process, listening on 127.0.0.1 only.

    Its log and its password are files beside ``directory``, which holds the data.

    :param durable: False trades safety against a crash for speed: for tests
    :param guard: stops the server if this process is killed; None for one of its own
    """

    name: str
    pid_file_name: str
    """The file in the data directory in which the server notes its process id."""

    stop_signal: signal.Signals
    """Asks the server for a clean and immediate shutdown."""

    def __init__(
        self, directory: Path, *, durable: bool = True, guard: Guard | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.log = self.directory.with_name(f"{self.directory.name}.log")
        self.pid_file = self.directory / self.pid_file_name
        self.durable = durable
        self.port: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._password_file = self.directory.with_name(f"{self.directory.name}.password")
        self._run_as = RunAs()
        self._own_guard = guard is None
        self._guard = guard
        self._pause: Callable[[], None] = short_sleep
        self._log_start = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, password included."""

    def start(self, port: int | None = None, *, pause: Callable[[], None] = short_sleep) -> None:
        """Start the server, on a free port by default, and return when it answers.

        A server that an earlier start left on the same directory is stopped first.

        :param pause: called between two looks; may raise to give up, and ``stop`` cleans up
        :raise LocalError: the server cannot start
        """
        if self.running:
            return
        self._pause = pause
        try:
            self._start_on(port)
        except PermissionError as error:
            raise LocalError(
                f"{error.filename or self.directory} cannot be written to: "
                "set DATA_DIR to a directory that you own, or change this one's owner"
            ) from error
        except OSError as error:
            raise LocalError(f"{error.filename or self.directory}: {error.strerror}") from error

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the server's process again on its port, without waiting for an answer.

        :raise OSError: the system cannot start it
        """
        if self.process is not None:
            self._end(self.process, 0)
            # After a crash of Postgres its children may live, and its pid file may name a process
            # that has taken the id; it would not start with either.
            leftovers.send(self._find_processes(), signal.SIGKILL)
            self.pid_file.unlink(missing_ok=True)
        command, standard_input = self._command()
        self.trim_log()
        self.log.touch(mode=0o600)
        self._log_start = self.log.stat().st_size
        with self.log.open("ab") as log:
            process = self._spawn(command, stdin=subprocess.PIPE, output=log.fileno())
        self.process = process
        assert process.stdin is not None  # noqa: S101 - for the type checker
        # A server that ended at once reads nothing; its log says why.
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(standard_input)
        return process

    def ask_to_stop(self) -> None:
        """Ask the server to shut down cleanly, without waiting."""
        if self.process is not None:
            self.process.send_signal(self.stop_signal)

    def stop(self, patience: float = 5.0) -> None:
        """Stop the server and wait for its end; harmless when it does not run.

        :param patience: seconds for a clean shutdown; without one it recovers later
        """
        process, self.process = self.process, None
        if process is not None:
            self._end(process, patience)
        if self._own_guard and self._guard is not None:
            self._guard.close()
            self._guard = None

    def trim_log(self) -> None:
        """Rotate a large log.

        The server appends to the file that it was given, so the file stays and is emptied.
        """
        with suppress(OSError):
            if self.log.stat().st_size <= LOG_LIMIT:
                return
            try:
                shutil.copyfile(self.log, self.log.with_name(f"{self.log.name}.1"))
            finally:
                # Do this on a full disk, too: it frees space.
                os.truncate(self.log, 0)
                self._log_start = 0

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the first start needs."""

    @abstractmethod
    def _command(self) -> tuple[list[str], bytes]:
        """Return the command and what it reads from its standard input."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return whether the server accepts clients."""

    @abstractmethod
    def _binary(self) -> Path:
        """Return the server's executable."""

    @property
    def _address(self) -> str:
        if self.port is None:
            raise LocalError(f"{self.name} was not started")
        return f"{LOOPBACK}:{self.port}"

    def _password(self) -> str:
        return self._password_file.read_text().strip()

    def _make_password(self) -> None:
        descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")

    def _start_on(self, port: int | None) -> None:
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self._stop_leftovers()
        self._prepare()
        if port is not None and not is_free(LOOPBACK, port):
            raise LocalError(self._taken(port))
        # Another process may take a free port before the server listens on it.
        for _ in range(1 if port is not None else 5):
            self.port = port if port is not None else free_port()
            self.launch()
            if self._wait():
                return
            if not _has_room(self.directory.parent):
                # The server could not log why it ended, either.
                raise LocalError(
                    f"{self.name} did not start: nothing more can be written to "
                    f"{self.directory.parent}: make room on its disk"
                )
            if not any("Address already in use" in line for line in self._log_lines()):
                raise LocalError(self._diagnosis())
        raise LocalError(self._taken(self.port))

    def _taken(self, port: int | None) -> str:
        return f"{self.name} cannot listen on port {port}: another program has it"

    def _wait(self) -> bool:
        """Wait until the server answers; return False when it ends instead."""
        # No time limit: recovery after a crash may take minutes.
        while self.running:
            if self._answers():
                return True
            self._pause()
        self.stop()
        return False

    def _spawn(self, command: list[str], *, stdin: int, output: int) -> "subprocess.Popen[bytes]":
        """Start a guarded process under the server's account, in a session of its own."""
        if self._guard is None:
            self._guard = Guard()
        process = subprocess.Popen(
            [*self._run_as.prefix, *command],
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal reaches a whole group; the server stops when we ask it to.
            start_new_session=True,
            cwd="/",
            env=server_environment(),
            **self._run_as.options,
        )
        self._guard.watch(process.pid, self.stop_signal)
        return process

    def _end(self, process: "subprocess.Popen[bytes]", patience: float) -> None:
        requests = ((self.stop_signal, patience), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 10.0))
        for request, limit in requests:
            if process.poll() is not None:
                break
            process.send_signal(request)
            with suppress(subprocess.TimeoutExpired):
                process.wait(limit)
            if request == signal.SIGKILL:
                # The children of Postgres have groups of their own, and may be frozen.
                leftovers.send(self._find_processes(), signal.SIGKILL)
        if self._guard is not None:
            self._guard.forget(process.pid)

    def explain(self) -> str:
        """Return why the server ended, and where its log is."""
        return f"{reason(self._log_lines())} (log: {self.log})"

    def _diagnosis(self) -> str:
        """Return one plain line: why the server ended, and what to do."""
        return f"{self.name} did not start: {self.explain()}"

    def _log_lines(self) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace").splitlines()

    def _stop_leftovers(self) -> None:
        """Stop what an earlier start left running on this directory."""
        # After a clean shutdown there is no pid file.
        found = self._find_processes() if self.pid_file.exists() else []
        if left := leftovers.stop(found, self.stop_signal, self._pause):
            raise LocalError(
                f"an earlier {self.name} (process {left[0].pid}) uses {self.directory} "
                "and does not end: stop it first"
            )

    def _find_processes(self) -> list[psutil.Process]:
        return leftovers.find(self._binary().name, self.directory)


def server_environment() -> dict[str, str]:
    """Return a server's environment: no secret of ours, no ``PG…`` variable, one locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def reason(lines: list[str]) -> str:
    """Return why a server ended, from what it wrote: the line that says so, or else the last."""
    for level in ("FATAL:", "initdb: error:", "PANIC:", "ERROR:"):
        for line in lines:
            if level in line:
                return line.split(level, 1)[1].strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it gave no reason")


def _has_room(directory: Path) -> bool:
    """Return whether 64 KiB can be written: a disk may be full, or read-only since it failed."""
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            return file.write(b"." * 65536) == 65536
    except OSError:
        return False
