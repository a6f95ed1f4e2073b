"""The whole system for a test that breaks it: real processes, restarted when they end."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError

import common.db
from common.broker import Task, make_celery
from common.settings import Settings
from local.ports import free_port
from local.postgres import EmbeddedPostgres
from local.server import EmbeddedServer
from local.valkey import EmbeddedValkey
from simulator import Account, GitHubSimulator, Limits, World, serving
from simulator.node_ids import NodeType, new_id
from tests.clock import Clock
from tests.end_to_end.system import System
from tests.faults.proxy import Proxy
from tests.servers import migrate
from tests.waiting import wait_until

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)

LEASE = 12.0
"""Seconds. With it a task may take six seconds, and a taken message comes back after nine."""

SETTINGS = {
    "LEASE": str(LEASE),
    "LOAD_LEASE": "6",
    "SWEEP_INTERVAL": "1",
    "WORKER_CONCURRENCY": "2",
    # The permit of a request whose worker was killed expires after forty seconds.
    "GITHUB_CONCURRENCY": "50",
    "LOOKUP_WAIT": "0.5",
    "GITHUB_TOKEN": "token",
    # A test of scans waits until the queues are empty.
    "BACKFILL": "off",
}

ALL_PROCESSES = ("api", "worker", "worker-2", "beat", "beat-2")

RESTART_PAUSE = 0.5

LONGEST_SKIP = 3 * 3600
"""Seconds. Longer waits, until tomorrow, are not skipped: tests check them."""


@dataclass
class Cluster:
    """Servers, processes and GitHub, watched by a thread.

    The thread restarts what ends, as ``restart: unless-stopped`` does. A test restarts nothing
    itself.
    """

    directory: Path
    world: World
    simulator: GitHubSimulator
    postgres: EmbeddedPostgres
    redis_server: EmbeddedValkey
    to_postgres: Proxy
    to_redis: Proxy
    system: System
    engine: Engine
    clock: Clock
    restarts: dict[str, int] = field(default_factory=dict)
    _wanted: dict[str, dict[str, str]] = field(default_factory=dict)
    """The extra environment of each process."""
    _held_back: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _is_over: threading.Event = field(default_factory=threading.Event)

    # Processes

    def start(self, *names: str, **environment: str) -> None:
        """Start processes, and restart them from now on when they end."""
        with self._lock:
            for name in names:
                self._wanted[name] = {"DATA_DIR": str(self.directory / name), **environment}
                self.system.start(name, **self._wanted[name])
        if "api" in names:
            self.system.wait_until_ready()

    def stop(self, *names: str, within: float = 20) -> None:
        """Send SIGTERM to processes and wait; they are not restarted.

        :param within: seconds after which a process that still runs fails the test
        """
        with self._lock:
            for name in names:
                del self._wanted[name]
            ending = [self.system.processes[name] for name in names]
        for process in ending:
            process.terminate()
        for process in ending:
            process.wait(within)

    def pid(self, name: str) -> int:
        """Return the id of a running process."""
        return self.system.processes[name].pid

    def kill(self, name: str) -> None:
        """End a process and its children at once, as a power cut would."""
        self._signal_group(name, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """Stop a process and its children without ending them."""
        self._signal_group(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen process continue."""
        self._signal_group(name, signal.SIGCONT)

    def _signal_group(self, name: str, number: signal.Signals) -> None:
        with self._lock, suppress(ProcessLookupError):
            os.killpg(self.system.processes[name].pid, number)

    def children(self, name: str) -> list[psutil.Process]:
        """Return the pool processes of a worker."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid(name)).children()
        return []

    # Servers

    def kill_redis(self, *, for_seconds: float = 0) -> None:
        """Kill Redis, and restart it after some seconds."""
        self._kill_server(self.redis_server, signal.SIGKILL, for_seconds)

    def kill_postgres(self, *, for_seconds: float = 0) -> None:
        """Stop Postgres immediately, as ``pg_ctl -m immediate`` does: it recovers from its log."""
        self._kill_server(self.postgres, signal.SIGQUIT, for_seconds)

    def _kill_server(
        self, server: EmbeddedServer, number: signal.Signals, for_seconds: float
    ) -> None:
        wait_until(lambda: server.running, 60)
        with self._lock:
            self._held_back.add(server.name)
            process = server.process
        assert process is not None
        process.send_signal(number)
        process.wait(20)
        time.sleep(for_seconds)
        with self._lock:
            self._held_back.discard(server.name)
        wait_until(lambda: server.running, 60)

    def refuse_writes(self, refuse: bool) -> None:
        """Make the database read-only, as after a failover to a standby, or writable again."""
        word = "on" if refuse else "off"
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
            )
        # Open sessions, those of the test too, keep the setting with which they began.
        self.engine.dispose()
        self.end_sessions()

    @contextmanager
    def frozen_redis(self) -> Iterator[None]:
        """Freeze Redis for the length of the block."""
        process = self.redis_server.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def redis(self) -> "redis.Redis":
        """Return a client of Redis that does not use the proxy."""
        return redis.Redis.from_url(self.redis_server.url, socket_timeout=5)

    def end_sessions(self) -> int:
        """End every session in Postgres but the test's own; return how many were ended."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            ended = connection.execute(
                text(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'repopulse-%'"
                    " AND application_name <> 'repopulse-test'"
                )
            )
            return int(ended.scalar_one())

    # State

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send one request to the API."""
        return self.system.call(method, path, **arguments)

    def send(self, task: Task, *args: int | str, name: str | None = None) -> None:
        """Send a task.

        :param name: the id of the task; two messages with one id are one message, delivered twice
        """
        settings = Settings(redis_url=SecretStr(self.redis_server.url), lease=LEASE)
        with make_celery(settings, is_api=True) as app:
            app.send_task(task, args=args, task_id=name)

    def follow(self, accounts: Sequence[Account], *, scanned_on: date | None = YESTERDAY) -> None:
        """Follow accounts that were last scanned on a day, with what such a scan leaves behind."""
        with self.engine.begin() as connection:
            follow(connection, self.world, accounts, scanned_on)

    def done(self, day: date | None = None) -> int:
        """Return for how many users a day is settled."""
        with self.engine.connect() as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM users WHERE scanned_on >= :day"),
                    {"day": day or self.world.day},
                ).scalar_one()
            )

    def users(self) -> int:
        """Return how many users are followed."""
        with self.engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM users")).scalar_one())

    @property
    def scan_time(self) -> float:
        """Seconds that all scans take: one after the other, on a machine with other work."""
        return len(self.world.accounts) * (self.simulator.latency + 0.1)

    def wait_until_done(self, count: int, seconds: float = 60) -> None:
        """Wait until the day is settled for some number of users.

        :param seconds: how long that may take beyond the time of the scans
        """

        def enough() -> bool:
            with suppress(DBAPIError):
                self.skip_wait()
                return self.done() >= count
            return False

        wait_until(enough, seconds + self.scan_time)

    def next_day(self, change: Callable[[World], None] | None = None) -> date:
        """Set the time to noon of the next day, at GitHub too.

        :param change: changes the world at GitHub first
        """
        day = self.world.day + timedelta(days=1)
        self.world.day = day
        if change is not None:
            change(self.world)

        def is_set() -> bool:
            # A user who is added between the two settings would be recorded on the wrong day.
            with suppress(DBAPIError):
                self.clock.set(day)
                return True
            return False

        wait_until(is_set, 60)
        return day

    def skip_wait(self) -> None:
        """Advance the clock to the next ``not_before`` if all remaining users only wait for it."""
        with self.engine.connect() as connection:
            wait = connection.execute(
                text(
                    "SELECT CASE WHEN bool_and(lease_until <= repopulse_now())"
                    " THEN extract(epoch FROM min(not_before) - repopulse_now()) END FROM users"
                    " WHERE scanned_on IS NULL OR scanned_on < :day"
                ),
                {"day": self.world.day},
            ).scalar_one()
        if wait is not None and 0 < wait < LONGEST_SKIP:
            self.clock.advance(timedelta(seconds=float(wait)))

    def logs(self) -> dict[str, str]:
        """Return what each process has written."""
        return {
            path.stem: path.read_text(errors="replace")
            for path in sorted(self.system.logs.glob("*.log"))
        }

    # The watch

    def watch(self) -> None:
        """Restart what ended, until the cluster ends."""
        while not self._is_over.wait(RESTART_PAUSE):
            with self._lock:
                if self._is_over.is_set():
                    # The cluster ended while this waited for the lock.
                    break
                for server in (self.postgres, self.redis_server):
                    if not server.running and server.name not in self._held_back:
                        self._count(server.name)
                        server.start(server.port)
                for name, environment in self._wanted.items():
                    if self.system.processes[name].poll() is not None:
                        self._count(name)
                        self.system.kill(name)
                        self.system.start(name, **environment)

    def _count(self, name: str) -> None:
        self.restarts[name] = self.restarts.get(name, 0) + 1

    def end(self) -> None:
        """Stop watching, and end everything that was started."""
        self._is_over.set()
        with self._lock:
            # The watching thread may be waiting for the lock.
            self._wanted.clear()
            for name in list(self.system.processes):
                self.system.kill(name)


@contextmanager
def cluster(
    directory: Path,
    world: World,
    *,
    settings: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    latency: float = 0.05,
    wrap_github: Callable[[Any], Any] | None = None,
    migrated_by: Callable[[str], None] = migrate,
) -> Iterator[Cluster]:
    """Start the servers and GitHub, without users and without processes.

    :param wrap_github: wraps the ASGI application of the simulated GitHub
    :param migrated_by: migrates the database at an address
    """
    simulator = GitHubSimulator(
        world, tokens={"token": None}, limits=limits or Limits.unlimited(), latency=latency
    )
    if wrap_github is not None:
        simulator.app = wrap_github(simulator.app)
    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(directory / "postgres"))
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey"))
        assert postgres.port is not None
        assert valkey.port is not None
        to_postgres = stack.enter_context(Proxy(postgres.port))
        to_redis = stack.enter_context(Proxy(valkey.port))
        github = stack.enter_context(serving(simulator))
        migrated_by(postgres.url)
        engine = common.db.make_engine(postgres.url, process="test", pool_size=8, max_overflow=8)
        stack.callback(engine.dispose)
        clock = Clock(engine)
        clock.set(world.day)
        simulator.date_clock = lambda: time.time() + clock.offset.total_seconds()
        system = System(
            environment={
                **SETTINGS,
                "DATABASE_URL": _through(to_postgres, postgres.url),
                "REDIS_URL": _through(to_redis, valkey.url),
                "GITHUB_API_URL": github,
                "API_PORT": str(free_port()),
                "FLOWER_PORT": str(free_port()),
                **(settings or {}),
            },
            logs=directory / "logs",
        )
        made = Cluster(
            directory,
            world,
            simulator,
            postgres,
            valkey,
            to_postgres,
            to_redis,
            system,
            engine,
            clock,
        )
        watch = threading.Thread(target=made.watch, name="watch", daemon=True)
        watch.start()
        try:
            yield made
        finally:
            made.end()
            watch.join(60)
            # pytest shows this if the test fails.
            for name, written in made.logs().items():
                print(f"--- {name}\n" + "\n".join(written.splitlines()[-60:]))


def _through(proxy: Proxy, url: str) -> str:
    return make_url(url).set(port=proxy.port).render_as_string(hide_password=False)


def follow(
    connection: Connection, world: World, accounts: Sequence[Account], scanned_on: date | None
) -> None:
    """Follow many accounts in two statements: one by one, thousands would take minutes."""
    owned = {
        account.id: [each for each in world.repositories(account) if not each.private]
        for account in accounts
    }
    connection.execute(
        text(
            """
            INSERT INTO users (id, login, name, node_id, scanned_on, repositories)
            SELECT id, login, login, node_id, CAST(:day AS date),
                   CASE WHEN CAST(:day AS date) IS NOT NULL THEN repositories END
            FROM unnest(CAST(:ids AS bigint[]), CAST(:logins AS text[]), CAST(:nodes AS text[]),
                        CAST(:counts AS integer[])) AS made (id, login, node_id, repositories)
            """
        ),
        {
            "day": scanned_on,
            "ids": [account.id for account in accounts],
            "logins": [account.login for account in accounts],
            "nodes": [new_id(NodeType(account.type), account.id) for account in accounts],
            "counts": [len(owned[account.id]) for account in accounts],
        },
    )
    if scanned_on is None:
        return
    pairs = [(account.id, each) for account in accounts for each in owned[account.id]]
    connection.execute(
        text(
            """
            WITH made AS (
                SELECT * FROM unnest(
                    CAST(:owners AS bigint[]), CAST(:ids AS bigint[]), CAST(:names AS text[])
                ) AS made (user_id, id, name)
            ), stored AS (
                INSERT INTO repositories
                    (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)
                SELECT id, user_id, name, false, false, :day, :day FROM made
                RETURNING id, user_id
            )
            INSERT INTO ownerships (user_id, repo_id) SELECT user_id, id FROM stored
            """
        ),
        {
            "day": scanned_on,
            "owners": [owner for owner, _ in pairs],
            "ids": [repository.id for _, repository in pairs],
            "names": [repository.name for _, repository in pairs],
        },
    )
