"""The runner: starts the servers and the programs, restarts what dies, and stops them all."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from local.child import Child
from local.console import Console
from local.errors import LocalError
from local.guard import Guard
from local.lock import DirectoryLock
from local.plan import Plan, Program
from local.ports import is_free
from local.postgres import EmbeddedPostgres
from local.server import EmbeddedServer
from local.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[1]
"""Where the programs run: the directory that holds ``api/``, ``worker/`` and ``common/``."""

READY_LIMIT = 60.0
"""Seconds until the API has to answer."""

FAILURES_LIMIT = 3
"""Ends in a row, before the API is ready, after which the start is given up."""

PROGRAMS_LIMIT = 5.5
"""Seconds that the programs have to finish; with the servers' share the stop takes under ten."""

SERVERS_LIMIT = 2.0
"""Seconds that the servers have for a clean shutdown; otherwise they recover at the next start."""

OUTPUT_LIMIT = 0.5
"""Seconds that the last lines of a program may take to arrive after its end."""

SHORT_PAUSE = 0.05
"""Seconds between two looks at something that starts or stops."""


class _StopRequestedError(Exception):
    """A signal asked the runner to stop, or its output can no longer be read."""


class Runner:
    """Runs a plan in the foreground until a signal or an error ends it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._directory = plan.data_dir.absolute()
        self._console = Console()
        # Signal handlers wake the main loop by it: its put() may interrupt its get(), while set()
        # of an Event that interrupts wait() waits forever.
        self._wakeups: SimpleQueue[None] = SimpleQueue()
        self._servers: list[EmbeddedServer] = []
        self._programs: list[Child] = []
        self._children: list[Child] = []
        """The programs, and the servers once they have answered."""
        self._outputs: list[threading.Thread] = []
        self._stop_requests = 0
        self._environment = dict(os.environ)

    def run(self) -> None:
        """Start everything, keep it running until a signal, then stop it.

        :raise LocalError: it cannot start
        """
        lock = DirectoryLock(self._directory)
        lock.take()
        self._catch_signals()
        try:
            self._guard = Guard(lock.descriptor)
        except OSError as error:
            lock.release()
            raise LocalError(f"/bin/sh cannot be started: {error.strerror}") from error
        try:
            self._start()
            while True:
                self._turn(1.0)
        except _StopRequestedError:
            self._console.say("Stopping ...")
        except OSError as error:
            raise LocalError(f"{error.filename or self._directory}: {error.strerror}") from error
        finally:
            self._stop()
            self._guard.close()
            lock.release()
        self._console.say(f"Stopped. The data stays in {self._plan.data_dir}.")

    def _start(self) -> None:
        self._check_ports()
        self._start_servers()
        self._start_programs([program for program in self._plan.programs if program.early])
        self._console.say("Bringing the tables up to date ...")
        self._migrate()
        self._start_programs([program for program in self._plan.programs if not program.early])
        self._wait_until_ready()
        for line in self._plan.welcome:
            self._console.say(line)
        self._start_programs(self._plan.afterwards)

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
        environment = {
            **plan.environment,
            "DATA_DIR": str(self._directory),
            "PYTHONUNBUFFERED": "1",
            # glibc keeps a heap for each thread otherwise: some 30 MB in all on a laptop.
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_TRIM_THRESHOLD_": "100000",
        }
        environment["DATABASE_URL"] = plan.database_url or self._embed(
            EmbeddedPostgres(self._directory / "postgres", guard=self._guard)
        )
        environment["REDIS_URL"] = plan.redis_url or self._embed(
            EmbeddedValkey(self._directory / "valkey", guard=self._guard)
        )
        if plan.database_url or plan.redis_url:
            # It imports the clients of both servers.
            from local.external import check_servers  # noqa: PLC0415

            check_servers(plan.database_url, plan.redis_url, plan.redis_prefix)
        self._environment.update(environment)
        # With it, every start would compile all modules again.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def _embed(self, server: EmbeddedServer) -> str:
        self._console.say(f"Starting {server.name} ...")
        self._servers.append(server)
        server.start(pause=partial(self._turn, SHORT_PAUSE))
        child = Child(
            server.name, server.launch, self._guard, self._console.say, explain=server.explain
        )
        child.start(server.process)
        self._children.append(child)
        return server.url

    def _start_programs(self, programs: Sequence[Program]) -> None:
        for program in programs:
            self._console.say(f"Starting {program.name} ...")
            self._add(program)

    def _add(self, program: Program) -> Child:
        launch = partial(self._launch, program)
        child = Child(
            program.name, launch, self._guard, self._console.say, restart=not program.once
        )
        self._programs.append(child)
        self._children.append(child)
        child.start()
        return child

    def _launch(self, program: Program) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            list(program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**self._environment, **program.environment},
            # Ctrl-C in a terminal reaches a whole group; only the runner shall get it. And the
            # process's own children, such as Celery's, can be killed with it as one group.
            start_new_session=True,
        )
        self._guard.watch(process.pid, signal.SIGTERM)
        output = threading.Thread(
            target=self._console.pass_on, args=(program.name, process.stdout), daemon=True
        )
        output.start()
        self._outputs = [thread for thread in self._outputs if thread.is_alive()] + [output]
        return process

    def _migrate(self) -> None:
        migration = self._add(self._plan.migration)
        while migration.process is not None:
            self._turn(1.0)
        if migration.status != 0:
            self._wait_for_output()
            raise LocalError(f"{migration.name} failed: its lines above say why")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_LIMIT
        while not self._is_ready():
            self._turn(SHORT_PAUSE)
            for child in self._children:
                if child.failures >= FAILURES_LIMIT:
                    self._wait_for_output()
                    raise LocalError(f"{child.name} cannot start: the lines above say why")
            if time.monotonic() > deadline:
                raise LocalError(
                    f"the API is not ready after {READY_LIMIT:.0f} s: the lines above say why"
                )

    def _is_ready(self) -> bool:
        # An HTTP client would cost more memory than the rest of the runner.
        host, port = self._plan.ready_at
        with suppress(OSError), socket.create_connection((host, port), timeout=2) as client:
            client.sendall(f"GET /readyz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return client.recv(64).split(b" ")[1:2] == [b"200"]
        return False

    def _turn(self, pause: float) -> None:
        """Wait for a signal or the end of the pause, then look after every child."""
        with suppress(Empty):
            self._wakeups.get(timeout=pause)
        if self._stop_requests or self._console.closed:
            raise _StopRequestedError
        for child in self._children:
            child.look()
        for server in self._servers:
            server.trim_log()

    def _stop(self) -> None:
        for program in self._programs:
            program.ask_to_stop()
        self._wait_while(lambda: any(program.running for program in self._programs), PROGRAMS_LIMIT)
        for program in self._programs:
            program.end()
        self._wait_for_output()
        for server in self._servers:
            server.ask_to_stop()
        self._wait_while(lambda: any(server.running for server in self._servers), SERVERS_LIMIT)
        for server in self._servers:
            server.stop(0)

    def _wait_while(self, condition: Callable[[], bool], limit: float) -> None:
        """Wait while the condition holds, until the limit or a second request to stop."""
        deadline = time.monotonic() + limit
        while condition() and time.monotonic() < deadline and self._stop_requests < 2:
            with suppress(Empty):
                self._wakeups.get(timeout=SHORT_PAUSE)

    def _wait_for_output(self) -> None:
        """Wait for the last lines of what has ended."""
        deadline = time.monotonic() + OUTPUT_LIMIT
        for output in self._outputs:
            output.join(max(0.0, deadline - time.monotonic()))

    def _catch_signals(self) -> None:
        def stop(*_: object) -> None:
            self._stop_requests += 1
            self._wakeups.put(None)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        signal.signal(signal.SIGCHLD, lambda *_: self._wakeups.put(None))
