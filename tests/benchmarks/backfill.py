"""Star histories of three and a half years, seven pages each, which one worker reads one after the
other. In front of it the simulator takes 100 ms for each answer. The minimum of requests is the
number of pages, besides one query for each repository that asks whether it is public; the bound of
the speed is what the latency of both allows, one request at a time. Every day of each history is
right, or there is no figure. GitHub's quota lets a token read 3,500 pages an hour. The last figures
are of an idle sweep with 20,000 histories that wait.
"""

import statistics
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day

import redis
from pydantic import SecretStr
from sqlalchemy import Connection, text

import common.db
from common import backfills, star_gains
from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import GitHubSimulator, Limits, World, serving
from simulator.star_history import weeks
from simulator.star_log import StarLog
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.clock import Clock
from tests.end_to_end.system import System, running
from tests.faults.cluster import follow
from tests.waiting import wait_until
from tests.worker.stage import TODAY

TITLE = "Reading star histories"

LATENCY = 0.1

REPOSITORIES = 40

WAITING = 20_000

FIRST = date(2023, 6, 1)

Gains = dict[tuple[int, date], int]


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of reading, and of what waits."""
    requests, pages, seconds = read(bench)
    bound = (pages + REPOSITORIES) * LATENCY
    return [
        Figure.within(
            f"requests for {REPOSITORIES} repositories",
            f"{requests:,}",
            f"pages: {pages:,}",
            ratio=requests / pages,
            times=1,
        ),
        Figure.within(
            "repositories",
            f"{60 * REPOSITORIES / seconds:,.0f} a minute, {60 * pages / seconds:,.0f} pages",
            f"latency alone: {60 * REPOSITORIES / bound:,.0f}",
            ratio=seconds / bound,
            times=1.5,
        ),
        *queue(bench),
    ]


def read(bench: Bench) -> tuple[int, int, float]:
    """Let a worker read all histories; return requests, the pages that there are, and seconds."""
    world = World(day=TODAY)
    world.set_time(time_of_day(12))
    account = world.add_account("octocat")
    created = datetime.combine(FIRST, time_of_day(), UTC)
    for number in range(REPOSITORIES):
        stars = StarLog.random(number, FIRST, TODAY, a_day=1)
        world.add_repository(account, f"r{number}", stars=stars, created_at=created)
    repositories = world.repositories(account)
    pages = sum(len(weeks(each, world.now)) // 30 + 1 for each in repositories)
    simulator = GitHubSimulator(
        world, tokens={"token": None}, limits=Limits.unlimited(), latency=LATENCY
    )
    place = bench.directory / "backfill"
    with (
        bench.databases.fresh() as url,
        serving(simulator) as github,
        redis.Redis.from_url(bench.servers.redis_url) as client,
    ):
        client.flushall()
        engine = common.db.make_engine(url, process="benchmark")
        clock = Clock(engine)
        clock.set(TODAY)
        simulator.date_clock = lambda: time.time() + clock.offset.total_seconds()
        system = System(
            environment={
                "DATABASE_URL": url,
                "REDIS_URL": bench.servers.redis_url,
                "GITHUB_API_URL": github,
                "GITHUB_TOKEN": "token",
                "LOG_LEVEL": "WARNING",
                "DATA_DIR": str(place),
            },
            logs=place,
        )
        with engine.begin() as connection:
            follow(connection, world, [account], TODAY)
            backfills.add(connection, [each.id for each in repositories])
        with running(system, "worker"), make_celery(_settings(bench)) as app:
            assert send(app, Task.SWEEP)
            wait_until(lambda: simulator.requests, 60)
            began = time.monotonic()

            def is_done() -> bool:
                with engine.connect() as connection:
                    return not connection.execute(
                        text("SELECT count(*) FROM backfills WHERE state <> 'done'")
                    ).scalar_one()

            wait_until(is_done, 300)
            seconds = time.monotonic() - began
        with engine.connect() as connection:
            found = _stored(connection)
        engine.dispose()
    last = star_gains.last_ended_day(world.now)
    expected = {
        (each.id, day): gained
        for each in repositories
        if each.stars is not None
        for day, gained in each.stars.gained(world.now).items()
        if day <= last
    }
    assert found == expected, "days are missing or wrong"
    requests = sum(record.path.endswith("/history") for record in simulator.requests)
    return requests, pages, seconds


def queue(bench: Bench) -> list[Figure]:
    """Return what an idle sweep does while many histories wait."""
    with bench.databases.fresh() as url:
        engine = common.db.make_engine(url, process="benchmark")
        Clock(engine).set(TODAY)
        with engine.begin() as connection:
            _fill(connection)
        looks, claims = [], []
        for _ in range(5):
            with engine.begin() as connection:
                began = time.perf_counter()
                backfills.add_due(connection, TODAY, after=0, limit=10_000)
                looks.append(time.perf_counter() - began)
        for _ in range(20):
            with engine.connect() as connection:
                connection.begin()
                began = time.perf_counter()
                assert len(backfills.claim(connection, most=1, lease=45)) == 1
                claims.append(time.perf_counter() - began)
                # So that the next one finds the same.
                connection.rollback()
        engine.dispose()
    return [
        Figure.under(
            f"the claim of one of {WAITING:,} that wait",
            1000 * statistics.median(claims),
            "ms",
            most=10,
        ),
        Figure.under(
            "a look at 10,000 repositories", 1000 * statistics.median(looks), "ms", most=500
        ),
    ]


def _fill(connection: Connection) -> None:
    for statement in (
        "INSERT INTO users (id, login, name, scanned_on) VALUES (1, 'octocat', 'o', :day)",
        (
            "INSERT INTO repositories"
            " (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)"
            " SELECT n, 1, 'r' || n, false, false, CAST(:day AS date) - 400, :day"
            " FROM generate_series(1, :number) AS n"
        ),
        "INSERT INTO ownerships (user_id, repo_id) SELECT 1, id FROM repositories",
        (
            "INSERT INTO daily_stats (repo_id, date, user_id, stargazers, forks, watchers)"
            " SELECT id, CAST(:day AS date) - ago, 1, 5, 1, 1"
            " FROM repositories, generate_series(0, 30) AS ago"
        ),
        "INSERT INTO backfills (repo_id) SELECT id FROM repositories",
    ):
        connection.execute(text(statement), {"day": TODAY, "number": WAITING})
    connection.execute(text("ANALYZE"))


def _stored(connection: Connection) -> Gains:
    rows = connection.execute(
        text("SELECT repo_id, day, gained_first FROM star_gains WHERE gained_first > 0")
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _settings(bench: Bench) -> Settings:
    return Settings(redis_url=SecretStr(bench.servers.redis_url))
