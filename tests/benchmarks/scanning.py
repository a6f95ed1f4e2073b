"""Users who are handed out by one fan-out to real workers with their default of four children each;
in front of them the simulator, in a process of its own, which takes 100 ms for each answer. As many
requests are allowed in flight as there are workers. The bound is what the latency alone allows:
requests made times 100 ms, by requests in flight. Every user is settled and each row is right, or
there is no figure. New users have one repository and need two requests each; known users have the
sizes of known owners (most have one repository) and need one request each. The runs are short,
because GitHub allows 900 and 2,000 points a minute and the workers keep to that.
All of it, the simulator too, runs on this machine: beside the latency's bound stands that of its
cores, were they busy with this all the time, and where it is the lower one no ratio can be 1.
"""

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import psutil
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, text

import common.db
from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import Account, GitHubSimulator, Limits, World, serving
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.benchmarks.repository_counts import Distribution, repository_counts
from tests.clock import Clock
from tests.end_to_end.system import System
from tests.end_to_end.system import running as running_system
from tests.factories import ONE_DAY
from tests.faults.cluster import follow
from tests.waiting import wait_until
from tests.worker.stage import TODAY
from worker.heartbeat import path_of

TITLE = "Scanning"

LATENCY = 0.1

WORKERS = (1, 2, 4, 8)

NEW = {1: 40, 2: 60, 4: 100, 8: 120}
"""By workers, how many users are scanned for the first time."""

KNOWN = {1: 60, 2: 100, 4: 140, 8: 160}
"""By workers, how many users are scanned who were scanned yesterday too."""

_SERVERS = {"postgres": "Postgres", "valkey-server": "Valkey"}


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen of one night."""

    users: int
    requests: int
    seconds: float
    processor: dict[str, float]
    """Seconds of processor time, by what took it."""


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of all numbers of workers."""
    figures = [
        _figure("new users", workers, scan(bench, workers, [1] * users, scanned_on=None))
        for workers, users in NEW.items()
    ]
    for workers, users in KNOWN.items():
        sizes = repository_counts(Distribution.RECORDED, users)
        run = scan(bench, workers, sizes, scanned_on=TODAY - ONE_DAY)
        figures.append(_figure("known users", workers, run))
    return figures


def _figure(what: str, workers: int, run: Run) -> Figure:
    bound = run.requests * LATENCY / workers
    each = {name: 1000 * seconds / run.users for name, seconds in run.processor.items()}
    cores = os.cpu_count() or 1
    by_processors = sum(run.processor.values()) / cores
    took = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in each.items())
    return Figure.within(
        f"{what}, {workers} worker{'s' * (workers > 1)}",
        f"{60 * run.users / run.seconds:,.0f} a minute",
        f"latency alone: {60 * run.users / bound:,.0f}; {cores} cores alone:"
        f" {60 * run.users / by_processors:,.0f}, for a user takes (ms): {took}",
        ratio=run.seconds / bound,
        times=1.3,
    )


def _simulate(sizes: list[int], answer: Connection) -> None:
    """Be GitHub until told to stop: the work of a process."""
    simulator = GitHubSimulator(
        World.synthetic(seed=1, sizes=sizes, day=TODAY, large_ids=False),
        tokens={"token": None},
        limits=Limits.unlimited(),
        latency=LATENCY,
    )
    with serving(simulator) as address:
        answer.send(address)
        answer.recv()


@contextmanager
def _github(sizes: list[int]) -> Iterator[tuple[str, int]]:
    """Run GitHub in a process of its own; give its address and the process's id."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_simulate, args=(sizes, theirs), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield ours.recv(), process.pid
    finally:
        ours.send("stop")
        process.join(20)


def scan(bench: Bench, workers: int, sizes: list[int], *, scanned_on: date | None) -> Run:
    """Let workers scan users once; every child has had another user before."""
    warming = [1] * workers * 8
    world = World.synthetic(seed=1, sizes=[*warming, *sizes], day=TODAY, large_ids=False)
    first, measured = world.accounts[: len(warming)], world.accounts[len(warming) :]
    place = bench.directory / f"scanning-{workers}-{len(sizes)}-{sum(sizes)}"
    with (
        bench.databases.fresh() as url,
        _github([*warming, *sizes]) as (github, simulator),
        redis.Redis.from_url(bench.servers.redis_url) as client,
    ):
        client.flushall()
        engine = common.db.make_engine(url, process="benchmark")
        Clock(engine).set(TODAY)
        names = [f"worker-{number}" for number in range(workers)]
        system = System(
            environment={
                "DATABASE_URL": url,
                "REDIS_URL": bench.servers.redis_url,
                "GITHUB_API_URL": github,
                "GITHUB_TOKEN": "token",
                "BACKFILL": "off",
                "GITHUB_CONCURRENCY": str(workers),
                "LOG_LEVEL": "WARNING",
            },
            logs=place,
        )
        with running_system(system):
            for name in names:
                system.start(name, DATA_DIR=str(place / name))
            _wait_until_ready([place / name for name in names])
            _hand_out(engine, bench, world, first, scanned_on=None)
            httpx.delete(f"{github}/_simulator/requests").raise_for_status()
            before = _processor_time(simulator, system)
            began = time.monotonic()
            _hand_out(engine, bench, world, measured, scanned_on=scanned_on)
            seconds = time.monotonic() - began
            after = _processor_time(simulator, system)
            requests = httpx.get(f"{github}/_simulator").json()["requests"]
        with engine.connect() as connection:
            rows = connection.execute(
                text("SELECT repo_id, stargazers, forks, watchers FROM daily_stats")
            ).all()
        truth = world.truth(TODAY)
        expected = {
            (repo_id, each.stargazers, each.forks, each.watchers) for repo_id, each in truth.items()
        }
        assert {tuple(row) for row in rows} == expected, "rows are missing or wrong"
        engine.dispose()
    processor = {name: taken - before.get(name, 0) for name, taken in after.items()}
    return Run(len(sizes), sum(requests.values()), seconds, processor)


def _wait_until_ready(places: Sequence[Path]) -> None:
    """Wait until each worker takes messages."""

    def are_ready() -> bool:
        return all(path_of(Settings(data_dir=place), is_beat=False).exists() for place in places)

    wait_until(are_ready, 60)


def _hand_out(
    engine: Engine,
    bench: Bench,
    world: World,
    accounts: Sequence[Account],
    *,
    scanned_on: date | None,
) -> None:
    """Follow accounts, send a fan-out, and wait for the last scan."""
    with engine.begin() as connection:
        follow(connection, world, accounts, scanned_on)
    with make_celery(Settings(redis_url=SecretStr(bench.servers.redis_url))) as app:
        assert send(app, Task.FAN_OUT)

    def is_done() -> bool:
        with engine.connect() as connection:
            left = connection.execute(
                text("SELECT count(*) FROM users WHERE scanned_on IS DISTINCT FROM :day"),
                {"day": TODAY},
            )
            return not left.scalar_one()

    wait_until(is_done, 120)


def _processor_time(simulator: int, system: System) -> dict[str, float]:
    """Return the seconds of processor time that everybody has taken so far."""
    taken: dict[str, float] = defaultdict(float)
    taken["GitHub"] = _seconds_of(psutil.Process(simulator))
    for process in system.processes.values():
        worker = psutil.Process(process.pid)
        taken["workers"] += sum(map(_seconds_of, (worker, *worker.children(recursive=True))))
    for server in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if (name := _SERVERS.get(server.name())) is not None:
                taken[name] += _seconds_of(server)
    return taken


def _seconds_of(process: psutil.Process) -> float:
    """Return the seconds that a process and its ended children have taken."""
    return float(sum(process.cpu_times()[:4]))
