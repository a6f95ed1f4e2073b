"""100,000 users are due at once, and none has been scanned since yesterday. Real beat, Postgres
and Valkey, and one real worker with its four children: sweeps claim, each user's task is sent and
taken, each user is begun and settled, and the queue is filled again when it runs low. Left out is
what a scan does in between, GitHub's answers and the rows, which are measured elsewhere (see
"Scanning"). Timed from the first claim to the last user settled. Memory is the proportional set
size, of beat and of the worker with its children. Celery remembers the time limit of each task
until it would have passed, even if the task has ended: the worker grows until then and not beyond.
Leases last 240 seconds here instead of 1,200, so that the limit, half a lease, passes early in the
run. Messages and bytes in Redis are the most seen.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import redis
from sqlalchemy import Engine, text

import common.db
from common import broker
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.clock import Clock
from tests.servers import ROOT
from tests.waiting import wait_until
from tests.worker.stage import TODAY

TITLE = "Fan-out"

USERS = 100_000

LEASE = 240.0
"""Seconds; the default is 1,200."""

TIME_LIMIT = LEASE / 2
"""Seconds that a task may take, see ``common.broker``."""

MAX_MINUTES = 15.0
"""The aim for all users."""

GIVE_UP_AFTER = 3600.0
"""Seconds."""


@dataclass
class Seen:
    """What was seen while users were handed out."""

    seconds: list[float] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    beat: list[int] = field(default_factory=list)
    worker: list[int] = field(default_factory=list)
    redis: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of handing out many users."""
    with bench.databases.fresh() as url, _engine(url) as engine:
        track(engine, USERS)
        return _figures(hand_out(bench, engine, url))


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = common.db.make_engine(url, process="benchmark", statement_timeout=300)
    yield engine
    engine.dispose()


def track(engine: Engine, users: int) -> None:
    """Track users as a day of scans leaves them; it is noon of the next day."""
    Clock(engine).set(TODAY)
    with engine.begin() as connection:
        connection.execute(
            text(
                """
                INSERT INTO users (id, login, name, node_id, scanned_on, repositories)
                SELECT number, 'user-' || number, 'User ' || number, 'U_' || number,
                       (repopulse_now() AT TIME ZONE 'UTC')::date - 1, 1
                FROM generate_series(1, :users) AS number
                """
            ),
            {"users": users},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE users"))


def hand_out(bench: Bench, engine: Engine, url: str) -> Seen:
    """Run beat and a worker until all users are settled."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": bench.servers.redis_url,
        "DATA_DIR": str(bench.directory / "fan-out"),
        "GITHUB_TOKEN": "token",
        "BACKFILL": "off",
        # Nothing listens there, and no request is sent.
        "GITHUB_API_URL": "http://127.0.0.1:9",
        # The first comes soon.
        "SWEEP_INTERVAL": "5",
        "LEASE": str(LEASE),
        "LOG_LEVEL": "WARNING",
    }
    with (
        redis.Redis.from_url(bench.servers.redis_url) as client,
        (bench.directory / "fan-out.log").open("wb") as log,
    ):
        client.flushall()
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
            for module in ("tests.benchmarks.settler", "worker.beat")
        ]
        try:
            return _watch(client, engine, *processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _watch(
    client: "redis.Redis",
    engine: Engine,
    worker: subprocess.Popen[bytes],
    beat: subprocess.Popen[bytes],
) -> Seen:
    """Sample progress and memory until all users are settled."""

    def claimed() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM scans")).scalar_one())

    wait_until(lambda: claimed() > 0, 60)
    seen, began, done = Seen(), time.monotonic(), 0
    while done < USERS:
        assert time.monotonic() - began < GIVE_UP_AFTER, f"{done} of {USERS} users settled"
        with engine.connect() as connection:
            done = connection.execute(
                text("SELECT count(*) FROM scans WHERE finished_at IS NOT NULL")
            ).scalar_one()
        seen.seconds.append(time.monotonic() - began)
        seen.done.append(done)
        seen.beat.append(_memory(beat))
        seen.worker.append(_memory(worker))
        seen.redis.append(client.info("memory")["used_memory"])
        seen.messages.append(broker.queue_lengths(client).work_queued)
        time.sleep(2)
    with engine.connect() as connection:
        settled, attempts = connection.execute(
            text("SELECT count(*), sum(attempts) FROM scans WHERE state = 'done'")
        ).one()
    assert settled == attempts, f"{settled} users were claimed {attempts} times"
    assert settled >= done
    return seen


def _memory(process: subprocess.Popen[bytes]) -> int:
    """Return the proportional set size of a process and its children, in bytes."""
    whole = psutil.Process(process.pid)
    total = 0
    for each in (whole, *whole.children(recursive=True)):
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            # A child that has done its thousand tasks gives way to another.
            continue
    return total


def _figures(seen: Seen) -> list[Figure]:
    minutes = seen.seconds[-1] / 60
    return [
        Figure(
            f"{USERS:,} users handed out and settled",
            f"{minutes:.1f} min, {USERS / seen.seconds[-1]:,.0f} users a second",
            "",
            aim=f"under {MAX_MINUTES:g} min",
            met=minutes < MAX_MINUTES,
        ),
        _pace("users a second", seen),
        _flat("memory of beat", seen, seen.beat),
        _flat("memory of the worker with its children", seen, seen.worker),
        Figure(
            "most in Redis",
            f"{max(seen.redis) / 1024**2:.1f} MB, {max(seen.messages):,} messages",
            f"at the start {seen.redis[0] / 1024**2:.1f} MB",
            aim="at most HIGH_WATER messages",
            met=max(seen.messages) <= 2000,
        ),
    ]


def _pace(what: str, seen: Seen) -> Figure:
    """Compare the second half's pace with the first half's."""
    middle, last = len(seen.done) // 2, len(seen.done) - 1
    first = seen.done[middle] / seen.seconds[middle]
    second = (seen.done[last] - seen.done[middle]) / (seen.seconds[last] - seen.seconds[middle])
    return Figure(
        what,
        f"{second:,.0f} in the second half",
        f"{first:,.0f} in the first",
        f"{second / first:.2f}",
    )


def _flat(what: str, seen: Seen, bytes_seen: list[int]) -> Figure:
    """Compare the largest after the first time limit with the largest until a little after it."""
    end = next(
        (index for index, second in enumerate(seen.seconds) if second > 1.25 * TIME_LIMIT),
        len(seen.seconds) // 2,
    )
    start, before, after = bytes_seen[0], max(bytes_seen[:end]), max(bytes_seen[end:])
    return Figure.within(
        what,
        f"{after / 1024**2:.0f} MB after the time limit",
        f"{before / 1024**2:.0f} MB until then, {start / 1024**2:.0f} MB at the start",
        ratio=after / before,
        times=1.05,
    )
