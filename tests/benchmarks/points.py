"""Points and requests of users on their second day, when all of them are known: real Postgres and
Valkey, the real claims, messages and scans, and the simulator with GitHub's documented cost formula
(bare `totalCount` connections counted) and GitHub's own limits; when all users have to wait, all
clocks are advanced instead. Compared with one point for each user and each further page of a
hundred repositories. Users have sizes in the form of 735 owners of well-known repositories (seven
of eight own one; the tail is stretched to 300), or spread evenly over the magnitudes 1 to 300.
"""

import math
from collections import Counter
from datetime import timedelta

import redis
from pydantic import SecretStr

import common.db
from common.settings import Settings
from simulator import World
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.benchmarks.repository_counts import Distribution, repository_counts
from tests.clock import Clock
from tests.worker.stage import TODAY, Stage
from worker.collect import Collector

TITLE = "Points and requests at GitHub"

USERS = {Distribution.RECORDED: 600, Distribution.WIDE: 100}


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of both spreads."""
    return [figure for spread, users in USERS.items() for figure in _measure(bench, spread, users)]


def minimum(sizes: list[int]) -> int:
    """Return the points below which users cannot be scanned one by one: one a page."""
    return sum(max(1, math.ceil(size / 100)) for size in sizes)


def _measure(bench: Bench, spread: Distribution, users: int) -> list[Figure]:
    sizes = repository_counts(spread, users)
    with (
        bench.databases.fresh() as url,
        redis.Redis.from_url(bench.servers.redis_url) as client,
    ):
        client.flushall()
        settings = Settings(
            database_url=SecretStr(url), redis_url=SecretStr(bench.servers.redis_url)
        )
        engine = common.db.make_engine(url, process="benchmark", pool_size=2)
        world = World.synthetic(seed=1, sizes=sizes, day=TODAY, large_ids=False)
        stage = Stage(engine, settings, Clock(engine), client, world=world)
        for account in world.accounts:
            if account is not stage.viewer:
                stage.follow(account)
        collector = stage.collector()
        _record_day(stage, collector)
        stage.next_day()
        stage.simulator.requests.clear()
        _record_day(stage, collector)
        engine.dispose()
    return _figures(stage, spread, sizes)


def _record_day(stage: Stage, collector: Collector) -> None:
    """Sweep until everybody is scanned, and look at what was recorded."""
    began = stage.clock.now()
    while True:
        stage.sweep(collector)
        waits = stage.value(
            "SELECT extract(epoch FROM min(greatest(not_before, lease_until)) - repopulse_now())"
            " FROM users WHERE scanned_on IS NULL"
            " OR scanned_on < (repopulse_now() AT TIME ZONE 'UTC')::date"
        )
        if waits is None:
            break
        assert stage.clock.now() - began < timedelta(hours=11), "the day is over"
        stage.clock.advance(timedelta(seconds=max(1.0, float(str(waits)) + 1)))
    day = stage.clock.today()
    rows = stage.value("SELECT count(*) FROM daily_stats WHERE date = :day", day=day)
    assert rows == len(stage.world.truth(day)), f"{rows} rows"


def _figures(stage: Stage, spread: Distribution, sizes: list[int]) -> list[Figure]:
    points: Counter[str] = Counter()
    for record in stage.simulator.requests:
        # In REST, which has no points, a request counts as one.
        points[str(record.resource)] += record.cost
    assert not stage.simulator.violations, "asked against a wait"
    total, least, repositories = sum(points.values()), minimum(sizes), sum(sizes)
    per_thousand = 1000 / repositories
    what = f"{len(sizes)} users, {repositories:,} repositories, {spread}"
    return [
        Figure.within(
            f"points for 1,000 repositories a day: {what}",
            f"{total * per_thousand:.1f}",
            f"one for each page of 100: {least * per_thousand:.1f}",
            ratio=total / least,
            times=1.2,
        ),
        Figure(
            f"requests for 1,000 repositories a day: {what}",
            f"{len(stage.simulator.requests) * per_thousand:.1f}",
            f"one for each user: {len(sizes) * per_thousand:.1f}",
        ),
    ]
