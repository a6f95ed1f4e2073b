"""The supervisor: starts the servers and the programs, watches over them, and stops them all."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType

from local.child import Child, Output, Program
from local.console import Console
from local.errors import LocalError
from local.guard import guard
from local.keeper import Keeper
from local.lock import DirectoryLock
from local.plan import Plan
from local.ports import is_free
from local.postgres import EmbeddedPostgres
from local.record import ProcessRecord
from local.server import EmbeddedServer
from local.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[1]
"""Where the programs run: the directory that holds ``api/``, ``worker/`` and ``common/``."""

READY_LIMIT = 60.0
"""Seconds until the API has to answer."""

FAILURES_LIMIT = 3
"""Ends in a row, before the API is ready, after which a program is given up."""

PROGRAMS_LIMIT = 5.5
"""Seconds that the programs have to finish; with the servers' share all is over within ten."""

POSTGRES_LIMIT = 2.0
"""Seconds that Postgres has to write everything down in good order; otherwise it recovers later."""

SHORT_PAUSE = 0.05
"""Seconds between two looks at something that starts."""

LONG_TURN = 10.0
"""Seconds between two of our own looks after which nobody's silence until now counts."""


class _StopRequestedError(Exception):
    """A signal asked the supervisor to stop, or nobody reads what it writes."""


class Supervisor:
    """Runs a plan in the foreground until a signal or an error ends it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._console = Console()
        self._directory = plan.data_dir.absolute()
        self._lock = DirectoryLock(self._directory)
        self._record = ProcessRecord(self._directory)
        self._keepers: list[Keeper] = []
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._hurrying = False
        self._looked_at = time.monotonic()
        self._environment = dict(os.environ)

    def run(self) -> None:
        """Start everything, stay, and stop everything.

        :raise LocalError: it cannot start
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock.take()
        except OSError as error:
            raise LocalError(
                f"{self._directory} cannot be written to ({error.strerror}): "
                "point DATA_DIR to a directory of yours"
            ) from error
        self._catch_signals()
        try:
            self._start()
            self._pump(lambda: False)
        except _StopRequestedError:
            self._console.say("Stopping ...")
        except OSError as error:
            raise LocalError(f"{error.filename or self._directory}: {error.strerror}") from error
        finally:
            self._stop()
            self._lock.release()
        self._console.say(f"Stopped. The data stays in {_short(self._directory)}.")

    def _start(self) -> None:
        left = self._carry_out(self._record.sweep())
        if left:
            self._console.say(f"Stopped {left} processes that an earlier run left.")
        self._check_ports()
        self._start_servers()
        self._add_all(program for program in self._plan.programs if program.early)
        self._console.say("Bringing the tables up to date ...")
        self._run_to_end(self._plan.migration)
        self._add_all(program for program in self._plan.programs if not program.early)
        self._wait_until_ready()
        for line in self._plan.welcome:
            self._console.say(line)
        for keeper in self._keepers:
            keeper.forgiving = True
        self._add_all(self._plan.afterwards)

    def _check_ports(self) -> None:
        for listening in self._plan.ports:
            try:
                free = is_free(listening.host, listening.port)
            except OSError as error:
                raise LocalError(
                    f"nothing can listen on {listening.host}:{listening.port} "
                    f"({error.strerror}): change {listening.setting}"
                ) from error
            if not free:
                raise LocalError(
                    f"port {listening.port} is taken by another program: stop that, "
                    f"or set {listening.setting} to another port"
                )

    def _start_servers(self) -> None:
        plan = self._plan
        environment = dict(plan.environment)
        environment["DATA_DIR"] = str(self._directory)
        environment["PYTHONUNBUFFERED"] = "1"
        # glibc keeps a heap for each thread otherwise: some 30 MB in all for what a laptop runs.
        environment["MALLOC_ARENA_MAX"] = "1"
        environment["MALLOC_TRIM_THRESHOLD_"] = "100000"
        environment["DATABASE_URL"] = plan.database_url or self._embed(
            EmbeddedPostgres(self._directory / "postgres")
        )
        environment["REDIS_URL"] = plan.redis_url or self._embed(
            EmbeddedValkey(self._directory / "valkey")
        )
        if plan.database_url or plan.redis_url:
            self._check_external()
        self._environment.update(environment)
        # It would make every start compile every module anew.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def _embed(self, server: EmbeddedServer) -> str:
        keeper = Keeper(server, self._console.say)
        self._keepers.append(keeper)
        self._console.say(f"Starting {server.name} ...")
        keeper.begin()
        self._pump(lambda: keeper.serving)
        return server.url

    def _carry_out(self, steps: Generator[None, None, int]) -> int:
        """Go through steps while everything else goes on; return what they return."""
        with closing(steps):
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return int(end.value)
                self._pump_once(SHORT_PAUSE)

    def _check_external(self) -> None:
        # Only who brings a server along pays for the import of its client.
        from local.external import check_postgres, check_redis  # noqa: PLC0415

        if self._plan.database_url:
            check_postgres(self._plan.database_url)
        if self._plan.redis_url:
            check_redis(self._plan.redis_url)
        self._heed()

    def _run_to_end(self, program: Program) -> None:
        child = self._add(program)
        self._pump(lambda: child.status is not None)
        self._drain()
        if child.status != 0:
            raise LocalError(f"{program.name} failed: its lines above say why")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_LIMIT

        while not self._is_ready():
            self._pump_once(SHORT_PAUSE)
            for child in self._children:
                if child.backoff.failures >= FAILURES_LIMIT:
                    raise LocalError(f"{child.program.name} cannot start: its lines above say why")
            if time.monotonic() > deadline:
                raise LocalError(
                    f"the API is not ready after {READY_LIMIT:.0f} s: the lines above say why"
                )

    def _is_ready(self) -> bool:
        # A client library would cost more memory than the rest of the supervisor.
        host, port = self._plan.ready_at
        with suppress(OSError), socket.create_connection((host, port), timeout=2) as client:
            client.sendall(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return client.recv(64).split(b" ")[1:2] == [b"200"]
        return False

    def _add_all(self, programs: Iterable[Program]) -> None:
        for program in programs:
            self._console.say(f"Starting {program.name} ...")
            self._add(program)

    def _add(self, program: Program) -> Child:
        child = Child(program, self._environment, ROOT)
        self._children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        output = child.start()
        self._selector.register(output.pipe, selectors.EVENT_READ, output)
        assert child.process is not None  # noqa: S101 - for the type checker
        self._record.add(child.process.pid)

    def _pump(self, until: Callable[[], bool]) -> None:
        """Pass output on and keep everything running until the condition holds."""
        while not until():
            starting = any(keeper.starting for keeper in self._keepers)
            self._pump_once(SHORT_PAUSE if starting else 1.0)

    def _pump_once(self, pause: float) -> None:
        self._heed()
        self._pass_output_on(pause)
        self._heed()
        guard().check()
        self._record.save()
        self._excuse()
        for keeper in self._keepers:
            keeper.look()
        for child in self._children:
            self._look_after(child)

    def _heed(self) -> None:
        if self._stopping or self._console.closed:
            raise _StopRequestedError

    def _pass_output_on(self, pause: float) -> None:
        for key, _ in self._selector.select(pause):
            if not isinstance(key.data, Output):
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
                continue
            lines, ended = key.data.read()
            self._console.pass_on(key.data.name, lines)
            if ended:
                self._selector.unregister(key.data.pipe)
                key.data.pipe.close()

    def _excuse(self) -> None:
        """Hold nobody's silence against him where it may not be his."""
        now = time.monotonic()
        # We, or the whole machine, stood still: nobody could answer, or we did not listen.
        stood_still = now - self._looked_at > LONG_TURN
        self._looked_at = now
        if stood_still:
            for keeper in self._keepers:
                keeper.excuse()
        if stood_still or not all(keeper.serving for keeper in self._keepers):
            for child in self._children:
                if child.watch is not None:
                    child.watch.excuse()

    def _look_after(self, child: Child) -> None:
        process = child.process
        if process is not None and child.ended():
            self._record.remove(process.pid)
            self._note_end(child)
        elif child.backoff.due:
            self._start_again(child)
        elif child.watch is not None and not child.being_replaced:
            child.watch.look()
            if child.watch.overdue:
                self._console.say(f"{child.program.name} does not answer; starting it again.")
                child.replace()

    def _note_end(self, child: Child) -> None:
        if child.program.once:
            if child.status:
                self._console.say(f"{child.program.name} ended with status {child.status}.")
            return
        delay = child.backoff.end()
        if not child.being_replaced:
            self._console.say(
                f"{child.program.name} ended with status {child.status}; "
                f"starting it again in {delay:.0f} s."
            )

    def _start_again(self, child: Child) -> None:
        try:
            self._launch(child)
        except OSError as error:
            delay = child.backoff.end()
            self._console.say(
                f"{child.program.name} cannot start ({error.strerror}); "
                f"trying again in {delay:.0f} s."
            )

    def _stop(self) -> None:
        deadline = time.monotonic() + PROGRAMS_LIMIT
        for child in self._children:
            child.backoff.cancel()
            child.ask_to_stop()
        for keeper in self._keepers:
            keeper.abandon()
        while any(child.process for child in self._children):
            if self._hurrying or time.monotonic() > deadline:
                for child in self._children:
                    child.kill()
            self._pass_output_on(0.1)
            for child in self._children:
                process = child.process
                if process is not None and child.ended():
                    self._record.remove(process.pid)
        self._drain()
        for keeper in self._keepers:
            keeper.server.ask_to_stop()
        deadline = time.monotonic() + (0 if self._hurrying else POSTGRES_LIMIT)
        for keeper in self._keepers:
            keeper.server.stop(max(0.0, deadline - time.monotonic()))
        self._close_selector()

    def _drain(self) -> None:
        """Pass on what has been said by now, without waiting for an end."""
        for _ in range(16):
            self._pass_output_on(0)

    def _close_selector(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Output):
                key.data.pipe.close()
        self._selector.close()

    def _catch_signals(self) -> None:
        # Signals write a byte that wakes the selector; a child's end does too.
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._hurrying = self._stopping
        self._stopping = True


def _short(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
