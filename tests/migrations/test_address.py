"""The options in an address of Postgres count for migrations, API and workers alike."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from common import clock, stats
from common.db import make_engine
from tests import factories
from tests.servers import Databases, Servers, migrate

DAY = date(2031, 5, 17)


@pytest.fixture
def url(databases: Databases, servers: Servers) -> Iterator[str]:
    """Return an address whose tables are to be in a schema ``app``."""
    with databases.fresh(migrated=False) as empty:
        # Not through a pooler, which would refuse the options.
        direct = make_url(servers.postgres_url).set(database=make_url(empty).database)
        with create_engine(direct, poolclass=NullPool).begin() as connection:
            connection.execute(text("CREATE SCHEMA app"))
        yield direct.update_query_dict({"options": "-csearch_path=app"}).render_as_string(
            hide_password=False
        )


def test_tables_and_partitions_are_made_and_used_in_the_schema_of_the_address(url: str) -> None:
    migrate(url)
    engine = make_engine(url, process="test")
    with engine.begin() as connection:
        assert stats.create_partitions(connection, DAY)
        user = factories.add_user(connection)
        repository = factories.add_repository(connection, user, 7)
        factories.add_rows(connection, user, repository, {DAY: (1, 2, 3)})
        schemas = connection.execute(
            text(
                "SELECT DISTINCT schemaname FROM pg_tables"
                " WHERE tablename ~ '^(users|daily_stats.*|alembic_version)$'"
            )
        ).scalars()
        assert list(schemas) == ["app"]
        assert clock.now(connection).tzinfo is not None
    engine.dispose()


def test_our_own_parameters_hold_beside_the_options_of_the_address(url: str) -> None:
    engine = make_engine(url, process="test", statement_timeout=7)
    with engine.begin() as connection:
        shown = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("search_path", "timezone", "statement_timeout", "lock_timeout")
        ]
    engine.dispose()

    assert shown == ["app", "UTC", "7s", "5s"]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_are_utc_days_whatever_the_zone_of_the_role(database_url: str, zone: str) -> None:
    engine = make_engine(database_url, process="test")
    name = make_url(database_url).database
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET timezone = '{zone}'"))
    engine.dispose()
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SELECT CAST(timestamptz '2026-11-28 23:30Z' AS date)")) == (
            date(2026, 11, 28)
        )
    engine.dispose()
