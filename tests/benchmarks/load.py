"""16 clients call a real API process for 60 seconds, each without a pause: lists of users,
repositories and scans, rows of users and repositories as JSON, CSV and NDJSON, growth, charts and
badges, pages, and `PUT` of users who are followed already; 400 addresses, chosen at random. The
data are the 735 owners of well-known repositories with half a year of real counters if their file
is available, and made-up ones otherwise. Each address is called once before, which fills the
caches.

An error is an answer other than 200, no answer, or a body that differs from the first one (pages
may differ, as they show the time). Memory is the unique set size of the API, as the mean of the
last ten seconds of each half minute.
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
    """One call of the API."""

    kind: str
    path: str
    method: str = "GET"
    body: str | None = None


@dataclass
class Answers:
    """The answers to all clients."""

    bodies: dict[Call, int] = field(default_factory=dict)
    """A hash of the first body of each call."""
    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


def measure(bench: Bench) -> list[Figure]:
    """Measure the API under load."""
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
            answers = Answers()
            _ask(system, answers, [calls[number::CLIENTS] for number in range(CLIENTS)])
            answers.taken.clear()
            memory = _load(system, answers, calls)
            assert "Traceback" not in system.log("api")
    return _figures(answers, memory)


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
            Call("page", f"/u/{user.login}"),
            Call("page", f"/repos/{repo_id}"),
            Call(
                "PUT",
                "/v1/users",
                "PUT",
                json.dumps({"id": user.id, "login": user.login, "name": user.name}),
            ),
        ]
    return calls


def _load(system: System, answers: Answers, calls: list[Call]) -> tuple[float, float, float]:
    """Call for ``SECONDS``; return the memory before and at the end of each half, in MB."""
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
            _ask(system, answers, [calls] * CLIENTS, until=begun + SECONDS)
        finally:
            over.set()
        watching.result()
    return before, statistics.mean(halves[0]), statistics.mean(halves[1])


def _ask(
    system: System, answers: Answers, planned: list[list[Call]], until: float | None = None
) -> None:
    """Let clients make their calls one after the other, or at random until a moment."""

    def work(number: int) -> None:
        client = http.client.HTTPConnection(
            "127.0.0.1", int(system.environment["API_PORT"]), timeout=60
        )
        if until is None:
            for call in planned[number]:
                _make(client, call, answers)
        else:
            dice = random.Random(number)
            while time.monotonic() < until:
                _make(client, dice.choice(planned[number]), answers)
        client.close()

    with ThreadPoolExecutor(len(planned)) as pool:
        list(pool.map(work, range(len(planned))))


def _make(client: http.client.HTTPConnection, call: Call, answers: Answers) -> None:
    headers = {} if call.body is None else {"Content-Type": "application/json"}
    begun = time.perf_counter()
    try:
        client.request(call.method, call.path, call.body, headers)
        answer = client.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        answers.errors.append(f"{call.method} {call.path}: {error!r}")
        client.close()
        return
    answers.taken[call.kind].append(time.perf_counter() - begun)
    number = len(body) > 0 if call.kind == "page" else hash(body)
    if answer.status != 200 or answers.bodies.setdefault(call, number) != number:
        answers.errors.append(f"{call.method} {call.path}: {answer.status}, {len(body)} bytes")


def _memory(system: System) -> float:
    return float(psutil.Process(system.processes["api"].pid).memory_full_info().uss) / 1e6


def _figures(answers: Answers, memory: tuple[float, float, float]) -> list[Figure]:
    every = [seconds for taken in answers.taken.values() for seconds in taken]

    def shown(taken: list[float]) -> str:
        half, most = (percentile(taken, part) * 1000 for part in (0.5, 0.99))
        return f"median {half:.0f} ms, 99th percentile {most:.0f} ms"

    for error in answers.errors[:10]:
        print(error)
    before, first, second = memory
    return [
        Figure(f"all calls, {len(every) / SECONDS:,.0f} a second", shown(every), ""),
        *(Figure(kind, shown(taken), "") for kind, taken in sorted(answers.taken.items())),
        Figure(
            "errors", f"{len(answers.errors)} of {len(every):,}", "", "", "none", not answers.errors
        ),
        Figure.within(
            "memory at the end",
            f"{second:.0f} MB",
            f"{first:.0f} MB half a minute before, {before:.0f} MB at the beginning",
            ratio=second / first,
            times=_MOST_GROWTH,
        ),
    ]
