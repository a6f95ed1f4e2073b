"""16 clients ask a real API process for 60 seconds, each one call after the other: lists of users,
repositories and scans, rows of users and repositories as JSON, CSV and NDJSON, growth, charts and
badges, pages, and `PUT` of users who are followed already; 400 addresses, drawn by chance. The 735
owners of well-known repositories with half a year of real counters where the file of them is at
hand, else made-up ones. Each address is asked for once before, so that what is kept is kept.

An error is an answer other than 200, none, or another body than at the first time (pages differ in
what they say of the time). Memory is what the API has to itself, its unique set size, as the mean
of the last ten seconds of the first half minute, and of the second.
"""

import http.client
import json
import random
import statistics
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

import psutil

from common.db import make_engine
from common.users import TrackedUser
from simulator import World
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, percentile
from tests.benchmarks.replay import replay
from tests.clock import Clock
from tests.end_to_end.system import System, running
from tests.end_to_end.test_real_counters import COUNTERS

TITLE = "The API under load"

CLIENTS = 16
SECONDS = 60.0
DAYS = 180
ADDRESSES = 400
DAY = date(2025, 9, 30)

_MOST_GROWTH = 1.03


@dataclass(frozen=True, slots=True)
class Call:
    """One call, without its client."""

    kind: str
    path: str
    method: str = "GET"
    body: str | None = None


@dataclass
class Told:
    """What clients were told."""

    bodies: dict[Call, int] = field(default_factory=dict)
    """A number that stands for the body of the first answer."""
    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of the API under load."""
    if COUNTERS.exists():
        world = World.recorded(COUNTERS, day=DAY)
    else:
        world = World.synthetic(seed=1, accounts=735, day=DAY)
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        Clock(engine).set(DAY)
        users = replay(engine, world, days=DAYS)
        engine.dispose()
        system = bench.api(url, "load")
        with running(system, "api"):
            calls = _calls(world, users)
            told = Told()
            _ask(system, told, [calls[number::CLIENTS] for number in range(CLIENTS)])
            told.taken.clear()
            memory = _load(system, told, calls)
            assert "Traceback" not in system.log("api")
    return _figures(told, memory)


def _calls(world: World, users: list[TrackedUser]) -> list[Call]:
    dice = random.Random(1)
    calls = [Call("users", "/v1/users"), Call("users", "/v1/users?limit=100"), Call("page", "/")]
    while len(calls) < ADDRESSES:
        user = dice.choice(users)
        owned = world.repositories(world.account_by_id(user.id))
        if not owned:
            continue
        repo_id = dice.choice(owned).id
        mine, its = f"/v1/users/{user.id}", f"/v1/repos/{repo_id}"
        calls += [
            Call("stats", f"{mine}/stats"),
            Call("stats", f"{mine}/stats?date_from=2025-04-04"),
            Call("csv", f"{mine}/stats?format=csv&date_from=2025-04-04"),
            Call("csv", f"{its}/stats?format=ndjson"),
            Call("growth", f"{mine}/growth?by=forks"),
            Call("repos", f"{mine}/repos?sort=stargazers_7d"),
            Call("repo stats", f"{its}/stats?date_from=2025-04-04"),
            Call("scans", f"{mine}/scans"),
            Call("chart", f"{its}/chart.svg?metric=all"),
            Call("chart", f"{mine}/chart.svg"),
            Call("badge", f"{its}/badge.svg"),
            Call("page", f"/users/{user.id}"),
            Call("page", f"/repos/{repo_id}"),
            Call(
                "PUT",
                "/v1/users",
                "PUT",
                json.dumps({"id": user.id, "login": user.login, "name": user.name}),
            ),
        ]
    return calls


def _load(system: System, told: Told, calls: list[Call]) -> tuple[float, float, float]:
    """Ask for so many seconds; return the memory before, at the end of each half, in MB."""
    before = _memory(system)
    begun = time.monotonic()
    halves: tuple[list[float], list[float]] = ([], [])
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            half, into = divmod(time.monotonic() - begun, SECONDS / 2)
            if half < 2 and into > SECONDS / 3:
                halves[int(half)].append(_memory(system))

    with ThreadPoolExecutor(1) as watcher:
        watching = watcher.submit(watch)
        try:
            _ask(system, told, [calls] * CLIENTS, until=begun + SECONDS)
        finally:
            over.set()
        watching.result()
    return before, statistics.mean(halves[0]), statistics.mean(halves[1])


def _ask(system: System, told: Told, planned: list[list[Call]], until: float | None = None) -> None:
    """Let clients make their calls, one after the other; by chance until a moment, if given."""

    def work(number: int) -> None:
        client = http.client.HTTPConnection(
            "127.0.0.1", int(system.environment["API_PORT"]), timeout=60
        )
        if until is None:
            for call in planned[number]:
                _make(client, call, told)
        else:
            dice = random.Random(number)
            while time.monotonic() < until:
                _make(client, dice.choice(planned[number]), told)
        client.close()

    with ThreadPoolExecutor(len(planned)) as pool:
        list(pool.map(work, range(len(planned))))


def _make(client: http.client.HTTPConnection, call: Call, told: Told) -> None:
    headers = {} if call.body is None else {"Content-Type": "application/json"}
    begun = time.perf_counter()
    try:
        client.request(call.method, call.path, call.body, headers)
        answer = client.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        told.errors.append(f"{call.method} {call.path}: {error!r}")
        client.close()
        return
    told.taken[call.kind].append(time.perf_counter() - begun)
    number = len(body) > 0 if call.kind == "page" else hash(body)
    if answer.status != 200 or told.bodies.setdefault(call, number) != number:
        told.errors.append(f"{call.method} {call.path}: {answer.status}, {len(body)} bytes")


def _memory(system: System) -> float:
    return float(psutil.Process(system.processes["api"].pid).memory_full_info().uss) / 1e6


def _figures(told: Told, memory: tuple[float, float, float]) -> list[Figure]:
    every = [seconds for taken in told.taken.values() for seconds in taken]

    def shown(taken: list[float]) -> str:
        half, most = (percentile(taken, part) * 1000 for part in (0.5, 0.99))
        return f"median {half:.0f} ms, 99th percentile {most:.0f} ms"

    for error in told.errors[:10]:
        print(error)
    before, first, second = memory
    return [
        Figure(f"all calls, {len(every) / SECONDS:,.0f} a second", shown(every), ""),
        *(Figure(kind, shown(taken), "") for kind, taken in sorted(told.taken.items())),
        Figure("errors", f"{len(told.errors)} of {len(every):,}", "", "", "none", not told.errors),
        Figure.within(
            "memory at the end",
            f"{second:.0f} MB",
            f"{first:.0f} MB half a minute before, {before:.0f} MB at the beginning",
            ratio=second / first,
            times=_MOST_GROWTH,
        ),
    ]
