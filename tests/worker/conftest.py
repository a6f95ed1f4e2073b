from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Engine

from common.redis_client import make_redis
from common.settings import Settings
from tests.clock import Clock
from tests.worker.stage import Stage
from worker.collect import Collector


@pytest.fixture
def redis_client(settings: Settings) -> Iterator["redis.Redis"]:
    with make_redis(settings) as client:
        yield client


@pytest.fixture
def stage(engine: Engine, settings: Settings, clock: Clock, redis_client: "redis.Redis") -> Stage:
    return Stage(engine, settings, clock, redis_client)


@pytest.fixture
def collector(stage: Stage) -> Collector:
    """A collector with a token."""
    return stage.collector()
