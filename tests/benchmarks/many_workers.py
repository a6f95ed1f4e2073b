"""Whether many worker processes together keep to GitHub's limits.

Real processes share Postgres, Redis and a simulated GitHub over HTTP whose limits are a part of the
real ones. Where everybody has to wait, the clock that all of them share is moved instead::

    python -m tests.benchmarks.many_workers --processes 4 --users 500 --limits tenth
    python -m tests.benchmarks.many_workers --processes 16 --users 300 --concurrency 2
"""

import argparse
import logging
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import redis
from sqlalchemy import Engine, text

import common.db
import tests.servers
from common import scans, users
from common.settings import Settings
from common.users import TrackedUser
from simulator import GitHubSimulator, Limits, World, serving
from tests.clock import Clock
from tests.worker.stage import TODAY
from worker.collect import Collector
from worker.github.client import make_github

LIMITS = {"full": Limits, "tenth": Limits.tenth, "hundredth": Limits.hundredth}

_DUE = (
    "FROM users WHERE scanned_on IS NULL OR scanned_on < (repopulse_now() AT TIME ZONE 'UTC')::date"
)


def work(environment: dict[str, str], now: Callable[[], float]) -> None:
    """Claim one user after the other and scan it, until nobody is left to scan."""
    logging.disable(logging.WARNING)
    settings = Settings.model_validate(environment)
    engine = common.db.make_engine(settings.database, process="benchmark")
    with redis.Redis.from_url(settings.redis) as client:
        collector = Collector(engine, make_github(settings, client, now=now), settings)
        while True:
            with engine.begin() as connection:
                claims = scans.claim(
                    connection,
                    limit=1,
                    lease=settings.lease,
                    load_lease=settings.load_lease,
                    max_attempts=settings.max_attempts,
                    scan_at=settings.scan_at,
                )
                left = connection.execute(text(f"SELECT count(*) {_DUE}")).scalar_one()
            for claim in claims:
                collector.scan(claim.user_id, is_load=claim.is_load)
            if not left:
                break
            if not claims:
                time.sleep(0.05)
    engine.dispose()


class SharedTime:
    """Seconds that all processes have been moved ahead by."""

    def __init__(self) -> None:
        self.ahead = multiprocessing.get_context("spawn").Value("d", 0.0)

    def now(self) -> float:
        """Return epoch seconds by the shared clock."""
        return time.time() + float(self.ahead.value)


def move_on(engine: Engine, clock: Clock, shared: SharedTime) -> int:
    """Move the clock to where somebody is due again; return how many are left to scan."""
    with engine.begin() as connection:
        left, at_work, wait = connection.execute(
            text(
                "SELECT count(*), count(held_by), extract(epoch FROM"
                f" min(greatest(not_before, lease_until)) - repopulse_now()) {_DUE}"
            )
        ).one()
    if left and not at_work and wait > 2:
        clock.advance(timedelta(seconds=float(wait)))
        shared.ahead.value += float(wait)
    return int(left)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--limits", choices=LIMITS, default="tenth")
    parser.add_argument("--concurrency", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(1)
    world = World.synthetic(
        seed=1, sizes=[dice.randint(1, 9) for _ in range(options.users)], day=TODAY
    )
    shared = SharedTime()
    simulator = GitHubSimulator(
        world,
        limits=LIMITS[options.limits](),
        tokens={"good": None},
        clock=shared.now,
        latency=0.02,
    )
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        servers = stack.enter_context(tests.servers.started(Path(directory)))
        databases = stack.enter_context(tests.servers.databases(servers))
        databases.make_template()
        url = stack.enter_context(databases.fresh())
        github = stack.enter_context(serving(simulator))
        engine = common.db.make_engine(url, process="benchmark")
        stack.callback(engine.dispose)
        clock = Clock(engine)
        # What is 2026-11-23 to the database is so to GitHub: both run on from now.
        clock.set(TODAY)
        with engine.begin() as connection:
            for account in world.accounts:
                users.add(connection, TrackedUser(account.id, account.login, account.login))
        environment = {
            "database_url": url,
            "redis_url": servers.redis_url,
            "github_api_url": github,
            "github_token": "good",
            "github_concurrency": str(options.concurrency),
            "data_dir": directory,
        }
        began, start = time.monotonic(), shared.now()
        context = multiprocessing.get_context("spawn")
        processes = [
            context.Process(target=work, args=(environment, shared.now), daemon=True)
            for _ in range(options.processes)
        ]
        for process in processes:
            process.start()
        while move_on(engine, clock, shared) and time.monotonic() - began < 900:
            time.sleep(0.2)
        for process in processes:
            process.join(30)
        with engine.begin() as connection:
            done, rows = connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM scans WHERE state = 'done'),"
                    " (SELECT count(*) FROM daily_stats)"
                )
            ).one()
    limited = sum(record.status in (403, 429) for record in simulator.requests)
    told = (
        f"{options.processes} processes, {options.users} users, limits {options.limits}",
        f"{done} done, {rows} of {len(world.truth())} rows",
        f"{len(simulator.requests)} requests, {limited} refused for a limit",
        f"{len(simulator.violations)} against a stated wait",
        f"{simulator.peak_in_flight} in flight at most of {options.concurrency} allowed",
        f"{(shared.now() - start) / 3600:.1f} simulated hours",
        f"{time.monotonic() - began:.0f} s here",
    )
    print("; ".join(told))


if __name__ == "__main__":
    main()
