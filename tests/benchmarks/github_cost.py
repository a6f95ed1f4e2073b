"""What recording costs at GitHub: points and requests of a first load and of a second day.

Real Postgres and Valkey, the real collection, and the simulator with GitHub's documented cost
formula (bare ``totalCount`` connections counted) and limits; all clocks are moved instead of waited
for::

    python -m tests.benchmarks.github_cost --users 1000 --spread recorded
    python -m tests.benchmarks.github_cost --users 1000 --spread wide
    python -m tests.benchmarks.github_cost --users 200 --spread recorded --no-token

Spreads: ``recorded`` has the form of 735 owners of well-known repositories (seven of eight own one;
the tail, up to 30, is stretched tenfold to 300), ``wide`` spreads sizes evenly over the magnitudes
1 to 300.
"""

import argparse
import logging
import math
import random
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import redis
from pydantic import SecretStr

import common.db
import tests.servers
from common.settings import Settings
from tests.clock import Clock
from tests.github_simulator import World
from tests.worker.stage import TODAY, TOKEN, Stage
from worker.collect import Collector

_RECORDED = {1: 875.0, 2: 63.9, 3: 30.0, 4: 12.2, 5: 8.1, 9: 6.8, 12: 2.6, 30: 1.4}
"""Of a thousand owners, how many have about so many repositories."""


def sizes_of(spread: str, users: int) -> list[int]:
    """Make up how many repositories each user has."""
    dice = random.Random(1)
    if spread == "wide":
        return [round(math.exp(dice.uniform(0, math.log(300)))) for _ in range(users)]
    drawn = dice.choices(list(_RECORDED), list(_RECORDED.values()), k=users)
    return [size if size == 1 else 10 * size for size in drawn]


def minimum(sizes: list[int]) -> float:
    """Return the points below which the formula allows nothing, were nothing rounded.

    One request for each list or page of a list, one for the watchers of each repository.
    """
    return sum(max(1, math.ceil(size / 100)) + size for size in sizes) / 100


def record_day(stage: Stage, collector: Collector, *, hours: float) -> float:
    """Sweep until everybody is scanned or the time is up; return the simulated hours it took."""
    began = stage.clock.now()
    while stage.clock.now() - began < timedelta(hours=hours):
        stage.sweep(collector)
        waits = stage.value(
            "SELECT extract(epoch FROM min(greatest(not_before, lease_until)) - repopulse_now())"
            " FROM users WHERE scanned_on IS NULL"
            " OR scanned_on < (repopulse_now() AT TIME ZONE 'UTC')::date"
        )
        if waits is None:
            break
        stage.clock.advance(timedelta(seconds=max(1.0, float(str(waits)) + 1)))
    return (stage.clock.now() - began) / timedelta(hours=1)


def report(stage: Stage, what: str, least: float, hours: float, seconds: float) -> None:
    """Print one line for one day, and forget its requests."""
    points: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for record in stage.simulator.requests:
        points[str(record.resource)] += record.cost
        requests[str(record.resource)] += 1
    scanned = stage.value(
        "SELECT count(*) FROM users"
        " WHERE scanned_on = (repopulse_now() AT TIME ZONE 'UTC')::date AND missing_since IS NULL"
    )
    rows = stage.value(
        "SELECT count(*) FROM daily_stats WHERE date = (repopulse_now() AT TIME ZONE 'UTC')::date"
    )
    total = sum(points.values())
    print(
        f"{what}: {scanned} users, {rows} rows; graphql {requests['graphql']} requests"
        f" {points['graphql']} points, core {requests['core']} requests;"
        f" {total / least:.2f} times the minimum of {least:.1f};"
        f" {len(stage.simulator.violations)} asked against a wait;"
        f" {stage.simulator.peak_in_flight} in flight at most; {hours:.1f} simulated hours,"
        f" {seconds:.0f} s here",
        flush=True,
    )
    stage.simulator.requests.clear()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--spread", choices=("recorded", "wide"), default="recorded")
    parser.add_argument("--no-token", action="store_true")
    options = parser.parse_args()
    sizes = sizes_of(options.spread, options.users)
    # A refusal or a wait is counted here, not told.
    logging.disable(logging.WARNING)
    with (
        tempfile.TemporaryDirectory() as directory,
        tests.servers.started(Path(directory)) as servers,
        tests.servers.databases(servers) as databases,
        redis.Redis.from_url(servers.redis_url) as client,
    ):
        databases.make_template()
        with databases.fresh() as url:
            settings = Settings(database_url=SecretStr(url), redis_url=SecretStr(servers.redis_url))
            engine = common.db.make_engine(url, process="benchmark", pool_size=2)
            world = World.synthetic(seed=1, sizes=sizes, day=TODAY, large_ids=False)
            stage = Stage(engine, settings, Clock(engine), client, world=world)
            _measure(stage, sizes, no_token=options.no_token)
            engine.dispose()


def _measure(stage: Stage, sizes: list[int], *, no_token: bool) -> None:
    for account in stage.world.accounts:
        if account is not stage.viewer:
            stage.follow(account)
    print(f"{len(sizes)} users, {sum(sizes)} repositories, sizes {min(sizes)} to {max(sizes)}")
    collector = stage.collector(token=None if no_token else TOKEN)
    least = minimum(sizes)
    if no_token:
        # Each page of a list and each repository is a request of its own.
        least *= 100
    for what in ("first load", "second day"):
        began = time.monotonic()
        hours = record_day(stage, collector, hours=23)
        report(stage, what, least, hours, time.monotonic() - began)
        stage.next_day()


if __name__ == "__main__":
    main()
