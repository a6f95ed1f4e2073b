"""Fill the demo: follow a dozen simulated accounts, with their last 60 days recorded.

What was before these days is left to the workers, which read the histories of stars.

``python -m local.seed`` runs beside the product, on the same settings. The past
goes through the ordinary code, day by day, against a simulated GitHub in this process that shows
that day; it grows from the same seed as the one that is served, so that the recorded past and the
coming days are one history. Today is left to the workers. A second run adds nothing.
"""

import logging
import sys
from datetime import date, timedelta

from pydantic import SecretStr
from sqlalchemy import Engine

from common import backfills, clock, lookups, users
from common.broker import Task, make_celery, send
from common.db import make_engine
from common.errors import exit_with_message
from common.log import configure
from common.redis_client import make_redis
from common.settings import Settings, load_settings
from simulator.entities import Repository
from simulator.limits import Limits
from simulator.server import GitHubSimulator
from simulator.world import World
from worker.collect import Collector
from worker.github.client import make_github
from worker.lookup import Resolver

ACCOUNTS = 14
"""Accounts of the simulated GitHub; the last two are left for the user of the demo to add."""

FOLLOWED = 12
DAYS = 60

_PACE = {"core": (100_000, 100_000), "graphql": (100_000, 100_000)}
"""Points a minute: the simulator in this process has no limits."""

_LEASE = 600.0
"""Seconds in which the sweep leaves the new users to this program."""


def fill(settings: Settings, engine: Engine) -> int:
    """Record the past of every account of the simulated world.

    :return: how many daily rows were recorded
    """
    with engine.begin() as connection:
        today = clock.today(connection)
        if users.page(connection, limit=1):
            return 0
    world = World.synthetic(accounts=ACCOUNTS, day=today)
    simulator = GitHubSimulator(world, limits=Limits.unlimited())
    # A credential of its own, so that the past does not use up the budget of today.
    past = settings.model_copy(update={"github_token": SecretStr("the-past")})
    with make_redis(settings) as client:
        github = make_github(past, client, transport=simulator.transport(), pace=_PACE)
        collector = Collector(engine, github, settings)
        resolver = Resolver(engine, github, settings)
        try:
            rows = sum(
                _record_past(world, collector, _follow(engine, resolver, account.login), today)
                for account in world.accounts[:FOLLOWED]
            )
        finally:
            github.close()
    for repository in with_star_log(world):
        # Before the histories that the sweep will find: this one, then the others of its owner.
        for repositories in ([repository], world.repositories(repository.owner)):
            starred = [each.id for each in repositories if world.counts(each.id).stargazers]
            with engine.begin() as connection:
                backfills.add(connection, starred)
    return rows


def with_star_log(world: World) -> list[Repository]:
    """Return the repositories of a world of which each star is known."""
    return [repository for repository in world.repositories() if repository.stars is not None]


def send_today(settings: Settings, engine: Engine) -> int:
    """Let the workers record today, of every followed user.

    :return: how many there are
    """
    with engine.begin() as connection:
        followed = users.page(connection)
    celery = make_celery(settings)
    for user in followed:
        send(celery, Task.LOAD_USER, user.id, login=user.login)
    return len(followed)


def _follow(engine: Engine, resolver: Resolver, login: str) -> int:
    with engine.begin() as connection:
        lookup, _ = lookups.get_or_create(connection, login, lease=_LEASE)
    user = resolver.resolve(lookup.id).new_user
    if user is None:
        sys.exit(f"the demo could not follow {login}")
    return user.id


def _record_past(world: World, collector: Collector, user_id: int, today: date) -> int:
    """Record a user's past at once: a sweep that came in between would settle today first."""
    rows = 0
    for days in range(DAYS, 0, -1):
        world.day = today - timedelta(days=days)
        rows += collector.scan(user_id, day=world.day).rows
    world.day = today
    return rows


def main() -> None:
    """Fill the demo and let the workers record today."""
    settings = load_settings()
    configure(settings.model_copy(update={"log_level": "WARNING"}))
    engine = make_engine(settings.database, process="demo")
    try:
        rows = fill(settings, engine)
        if not rows:
            print("the demo's accounts exist already", flush=True)
            return
        followed = send_today(settings, engine)
        print(f"{followed} accounts followed, {DAYS} days and {rows} rows recorded", flush=True)
        print("the histories of stars follow, from the workers, in a minute or two", flush=True)
    finally:
        engine.dispose()
    logging.shutdown()


if __name__ == "__main__":
    with exit_with_message():
        main()
