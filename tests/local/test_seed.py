"""``local.seed``: what the demo has on its first start."""

from datetime import date, timedelta

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine

from api.queries import history, sources
from common.redis_client import make_redis
from common.settings import Settings
from local import seed
from simulator.limits import Limits
from simulator.server import GitHubSimulator
from simulator.world import World
from tests.clock import Clock
from worker.backfill import Backfiller
from worker.collect import Collector
from worker.github.client import GitHub, make_github

TODAY = date(2026, 11, 29)


@pytest.fixture
def demo_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a demo that is filled quickly."""
    monkeypatch.setattr(seed, "FOLLOWED", 1)
    monkeypatch.setattr(seed, "DAYS", 3)
    return settings.model_copy(update={"github_token": SecretStr("demo")})


def make_client(settings: Settings, world: World, client: "redis.Redis") -> GitHub:
    transport = GitHubSimulator(world, limits=Limits.unlimited()).transport()
    return make_github(settings, client, transport=transport)


def test_demo_has_a_repository_with_three_years_of_stars(
    demo_settings: Settings, engine: Engine, clock: Clock
) -> None:
    clock.set(TODAY)
    # The world that the demo's simulator serves.
    world = World.synthetic(accounts=seed.ACCOUNTS, day=TODAY)
    (repository,) = seed.with_star_log(world)

    rows = seed.fill(demo_settings, engine)
    with make_redis(demo_settings) as client:
        github = make_client(demo_settings, world, client)
        collector = Collector(engine, github, demo_settings)
        collector.scan(repository.owner.id)
        reading = Backfiller(engine, github, client, demo_settings).read(repository.id)
        github.close()

    assert rows > 3 * 20
    assert reading.summary.startswith("done: ")
    with engine.connect() as connection:
        points = history.of_repository(connection, repository.id, date(2020, 1, 1), TODAY)
    reconstructed = [
        point for point in points if point.sources.stargazers == sources.GITHUB_HISTORY
    ]
    assert len(reconstructed) > 3 * 365
    assert [point.day for point in points[-4:]] == [
        TODAY - timedelta(days=ago) for ago in (3, 2, 1, 0)
    ]
    assert {point.sources.stargazers for point in points[-4:]} == {sources.OBSERVED}
    # The curve arrives where the observed counts begin.
    last, first_observed = reconstructed[-1].stargazers, points[-4].stargazers
    assert last is not None
    assert first_observed is not None
    assert 0 < last <= first_observed < last + 30


def test_second_run_adds_nothing(demo_settings: Settings, engine: Engine, clock: Clock) -> None:
    clock.set(TODAY)
    seed.fill(demo_settings, engine)

    assert seed.fill(demo_settings, engine) == 0
