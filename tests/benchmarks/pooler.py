"""The same work with the address of PgBouncer, in transaction mode and all else as by default,
instead of Postgres' own. `GET /v1/users/{id}/stats` of 100 repositories and a year and `PUT` of new
users by id are sent by one client to two API processes on one database, in turns. Rows are recorded
as above, for 200 users with 100 repositories each, one transaction a user. Known users are scanned
as above, by one worker.
"""

import itertools
import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta

import httpx

from common import repositories, stats
from common.db import make_engine
from common.repositories import Counts
from tests import factories
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, percentile
from tests.benchmarks.reading import Request, ask, fetch
from tests.benchmarks.replay import fill
from tests.benchmarks.repository_counts import Distribution, repository_counts
from tests.benchmarks.scanning import scan
from tests.end_to_end.system import running
from tests.factories import ONE_DAY
from tests.other_servers import pgbouncer
from tests.servers import Databases, databases
from tests.worker.stage import TODAY

TITLE = "Through PgBouncer"

REPOSITORIES = 100
DAYS = 365
UNTIL = date(2026, 11, 24)

ROUNDS = 5
READS = 20
PUTS = 60
WRITTEN_USERS = 200
SCANNED_USERS = 60

Taken = dict[str, list[float]]
"""Seconds, by the kind of work and address: "cold direct", "cold pooled"."""


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of both addresses."""
    if shutil.which("pgbouncer") is None:
        return [Figure("not measured: PgBouncer is not installed", "", "")]
    with (
        pgbouncer(bench.directory / "pgbouncer", bench.servers.postgres_url) as pooler,
        databases(replace(bench.servers, pooler_url=pooler)) as pooled,
    ):
        taken = _call(bench, pooled)
        written = _record(pooled)
        sizes = repository_counts(Distribution.RECORDED, SCANNED_USERS)
        seconds = [
            scan(each, 1, sizes, scanned_on=TODAY - ONE_DAY).seconds
            for each in (bench, replace(bench, databases=pooled))
        ]
    return [
        _milliseconds("stats, cold, median", taken, "cold", 0.5),
        _milliseconds("stats, asked again, unchanged (304), median", taken, "unchanged", 0.5),
        _milliseconds("`PUT` of a new user, median", taken, "put", 0.5),
        _milliseconds("`PUT` of a new user, 99th percentile", taken, "put", 0.99),
        _rate("rows recorded", "rows/s", REPOSITORIES * WRITTEN_USERS, *written),
        _rate("known users, 1 worker", "a minute", 60 * SCANNED_USERS, *seconds),
    ]


def _milliseconds(what: str, taken: Taken, kind: str, part: float) -> Figure:
    direct, pooled = (
        percentile(taken[f"{kind} {address}"], part) * 1000 for address in ("direct", "pooled")
    )
    return Figure(what, f"{pooled:.1f} ms", f"direct {direct:.1f} ms", f"{pooled / direct:.2f}")


def _rate(what: str, unit: str, count: int, direct: float, pooled: float) -> Figure:
    return Figure(
        what,
        f"{count / pooled:,.0f} {unit}",
        f"direct {count / direct:,.0f} {unit}",
        f"{pooled / direct:.2f}",
    )


def _call(bench: Bench, pooled: Databases) -> Taken:
    """Read and write through two APIs on one database."""
    taken: Taken = defaultdict(list)
    with pooled.fresh() as pooled_url, ExitStack() as stack:
        direct_url = pooled.direct(pooled_url)
        engine = make_engine(direct_url, process="benchmark")
        users = fill(engine, users=10, each=REPOSITORIES, days=DAYS, until=UNTIL)
        engine.dispose()
        first = UNTIL - timedelta(days=DAYS - 1)
        path = f"/v1/users/{users[3].id}/stats?date_to={UNTIL}&date_from="
        ports = {}
        for address, url in (("direct", direct_url), ("pooled", pooled_url)):
            system = bench.api(url, address)
            stack.enter_context(running(system, "api"))
            ports[address] = int(system.environment["API_PORT"])
        body, etag = fetch(ports["direct"], f"{path}{first}")
        # A day before the first row asks for the same rows in other words: nothing of it is kept.
        earlier = (first - timedelta(days=ago) for ago in itertools.count(1))
        ids = itertools.count(10_000_000)
        for _ in range(ROUNDS):
            for address, port in ports.items():
                assert fetch(port, f"{path}{first}")[0] == body
                cold = [
                    Request(port, f"{path}{day}", 200, len(body))
                    for day in itertools.islice(earlier, READS)
                ]
                same = Request(port, f"{path}{first}", 304, 0, (("If-None-Match", etag),))
                taken[f"cold {address}"] += ask(iter(cold).__next__, 1, READS)
                taken[f"unchanged {address}"] += ask(itertools.repeat(same).__next__, 1, READS)
                taken[f"put {address}"] += _follow(port, itertools.islice(ids, PUTS))
    return taken


def _follow(port: int, ids: Iterator[int]) -> list[float]:
    """Follow new users; return how long each answer took."""
    taken = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        client.get("/v1/users?limit=1").raise_for_status()
        for number in ids:
            begun = time.perf_counter()
            answer = client.put("/v1/users", json={"id": number, "login": f"user-{number}"})
            taken.append(time.perf_counter() - begun)
            assert answer.status_code == 201, answer.text
    return taken


def _record(pooled: Databases) -> tuple[float, float]:
    """Write a day's rows of many users; return the median seconds, direct and pooled."""
    taken: Taken = defaultdict(list)
    with pooled.fresh() as pooled_url:
        engines = {
            "direct": make_engine(pooled.direct(pooled_url), process="benchmark"),
            "pooled": make_engine(pooled_url, process="benchmark"),
        }
        owners = {}
        days = [UNTIL + timedelta(days=ahead) for ahead in range(2 * ROUNDS)]
        with engines["direct"].begin() as connection:
            for day in days:
                stats.create_partitions(connection, day)
            for _ in range(WRITTEN_USERS):
                user = factories.add_user(connection)
                seen = [factories.make_repository() for _ in range(REPOSITORIES)]
                repositories.save(connection, user.id, UNTIL, seen)
                owners[user.id] = {each.id: Counts(each.id % 997, 1, 1) for each in seen}
        for (address, engine), day in zip(itertools.cycle(engines.items()), days, strict=False):
            begun = time.perf_counter()
            with engine.connect() as connection:
                for user_id, counts in owners.items():
                    with connection.begin():
                        stats.write(connection, user_id, day, counts)
            taken[address].append(time.perf_counter() - begun)
        for engine in engines.values():
            engine.dispose()
    return statistics.median(taken["direct"]), statistics.median(taken["pooled"])
