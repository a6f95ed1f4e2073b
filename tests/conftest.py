"""Fixtures of all tests: real servers, a database for each test, settings, a clock."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Connection, Engine

import common.db
import tests.servers
from common.settings import RedisSettings, Settings
from tests.clock import Clock
from tests.servers import Databases, Servers

# The developer's own settings must not reach the tests, nor the variables that Postgres' client
# library reads: the tests would use, and empty, the developer's servers.
_OURS = {name.upper() for name in Settings.model_fields}
for _name in list(os.environ):
    _upper = _name.upper()
    if {_upper, _upper.removesuffix("_FILE")} & _OURS or _name.startswith("PG"):
        del os.environ[_name]
for _settings in (RedisSettings, Settings):
    _settings.model_config["env_file"] = None

SECONDS_WITH_PROCESSES = 600


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give tests that start or break processes more time than pyproject.toml gives to others."""
    if config.getoption("timeout") is not None:
        return
    for item in items:
        marked = item.get_closest_marker("end_to_end") or item.get_closest_marker("fault")
        if marked and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS_WITH_PROCESSES))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Postgres and Redis of this pytest process."""
    with tests.servers.started(tmp_path_factory.mktemp("servers")) as started:
        yield started


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Iterator[Databases]:
    """Return what makes databases: migrated like ``database_url``, or empty."""
    with tests.servers.databases(servers) as made:
        made.make_template()
        yield made


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """Return the address of a migrated database for this test only."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """Return the address of an empty Redis."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Return the engine of the test itself; the code under test makes its own."""
    made = common.db.make_engine(database_url, process="test", pool_size=4, max_overflow=12)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """Return a connection that commits each statement, so that all processes see it.

    For several statements in one transaction there is ``engine.begin()``.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as opened:
        yield opened


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Return the default settings on this test's servers; ``model_copy(update=…)`` changes some."""
    return Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        data_dir=tmp_path / "data",
    )


@pytest.fixture
def clock(engine: Engine) -> Clock:
    """Return the clock of this test's database."""
    return Clock(engine)
