"""All users are due at once, none has been scanned since yesterday; their sizes have the form of
known owners (seven of eight own one repository, the tail up to 300). Real beat, Postgres, Valkey,
and one real worker with its four children: sweeps claim, messages go out and are taken, users are
begun and settled, and the queue is filled again when it runs low. Left out is what a scan does in
between, GitHub's answers and the rows, which are measured elsewhere (see "Scanning"): in their
place the users of a message are settled in one transaction. Timed from the first claim to the last
user settled, or for 100 seconds: the whole is then reckoned at that pace, which a line shows to
stay the same. Memory is the proportional set size, of beat and of the worker with its children, at
its largest in the first and in the last third; messages and bytes in Redis are the most seen.
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
from tests.benchmarks.spread import Spread, sizes_of
from tests.clock import Clock
from tests.servers import ROOT
from tests.waiting import wait_until
from tests.worker.stage import TODAY

TITLE = "Fan-out"

USERS = (100_000, 1_000_000)

LIMIT = 100.0
"""Seconds after which the rest of a run is reckoned at its pace."""

MOST_MINUTES = 5.0
"""What is aimed at for a million users."""


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
    figures = []
    for users in USERS:
        with bench.databases.fresh() as url, _engine(url) as engine:
            follow(engine, users)
            figures += _figures(users, hand_out(bench, engine, url, users))
    return figures


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = common.db.make_engine(url, process="benchmark", statement_timeout=300)
    yield engine
    engine.dispose()


def follow(engine: Engine, users: int) -> None:
    """Follow users as a day of scans leaves them behind; it is noon of the day after."""
    Clock(engine).set(TODAY)
    with engine.begin() as connection:
        connection.execute(
            text(
                """
                INSERT INTO users (id, login, name, node_id, scanned_on, repositories)
                SELECT number, 'user-' || number, 'User ' || number, 'U_' || number,
                       (repopulse_now() AT TIME ZONE 'UTC')::date - 1,
                       (CAST(:sizes AS integer[]))[1 + number % cardinality(:sizes)]
                FROM generate_series(1, :users) AS number
                """
            ),
            {"users": users, "sizes": sizes_of(Spread.RECORDED, 1000)},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE users"))


def hand_out(bench: Bench, engine: Engine, url: str, users: int) -> Seen:
    """Let beat and a worker do their work until all are settled."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": bench.servers.redis_url,
        "DATA_DIR": str(bench.directory / f"fan-out-{users}"),
        "GITHUB_TOKEN": "token",
        # Nobody listens there, and nobody asks.
        "GITHUB_API_URL": "http://127.0.0.1:9",
        # The first comes soon.
        "SWEEP_INTERVAL": "5",
        "LOG_LEVEL": "WARNING",
    }
    with (
        redis.Redis.from_url(bench.servers.redis_url) as client,
        (bench.directory / f"fan-out-{users}.log").open("wb") as log,
    ):
        client.flushall()
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
            for module in ("tests.benchmarks.settler", "worker.beat")
        ]
        try:
            return _watch(client, engine, users, *processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


def _watch(
    client: "redis.Redis",
    engine: Engine,
    users: int,
    worker: subprocess.Popen[bytes],
    beat: subprocess.Popen[bytes],
) -> Seen:
    """Look at everything now and then until all users are settled or the time is up."""

    def claimed() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM scans")).scalar_one())

    wait_until(lambda: claimed() > 0, 60)
    seen, began, done = Seen(), time.monotonic(), 0
    while done < users and time.monotonic() - began < LIMIT:
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
        time.sleep(min(3.0, users / 100_000))
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


def _figures(users: int, seen: Seen) -> list[Figure]:
    what = f"{users:,} users"
    done, seconds = seen.done[-1], seen.seconds[-1]
    minutes = seconds / 60 * users / done
    told = f"{minutes:.1f} min, {done / seconds:,.0f} users a second"
    if done < users:
        told += f" (at the pace of the first {done:,})"
    is_aim = users == max(USERS)
    return [
        Figure(
            f"{what} handed out and settled",
            told,
            "",
            aim=f"under {MOST_MINUTES:g} min" if is_aim else "",
            met=minutes < MOST_MINUTES if is_aim else None,
        ),
        _pace(f"{what}: users a second", seen),
        _flat(f"{what}: memory of beat", seen.beat),
        _flat(f"{what}: memory of the worker with its children", seen.worker),
        Figure(
            f"{what}: most in Redis",
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


def _flat(what: str, bytes_seen: list[int]) -> Figure:
    """Compare the largest of the last third with the largest of the first."""
    third = max(1, len(bytes_seen) // 3)
    first, last = max(bytes_seen[:third]), max(bytes_seen[-third:])
    return Figure.within(
        what,
        f"{last / 1024**2:.0f} MB in the last third",
        f"{first / 1024**2:.0f} MB in the first",
        ratio=last / first,
        times=1.1,
    )
