"""Run the migrations: safe to start from several processes at once.

A session lock on a connection of its own lets one process migrate while the others wait and then
find nothing to do. A migration that cannot get a table within seconds fails, rather than stand in
front of all readers.
"""

import time

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.schema import SchemaItem

import common.models
from common.errors import SetupError
from common.settings import load_settings

_LOCK = 7_266_773_001
"""The advisory lock's number; any number that nobody else uses."""

_LOCK_WAIT_SECONDS = 120


def _include(
    _item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: object
) -> bool:
    """Leave the monthly partitions out of the comparison with the models."""
    return not (kind == "table" and name is not None and name.startswith("daily_stats_"))


def _is_at_head(connection: Connection) -> bool:
    heads = set(ScriptDirectory.from_config(context.config).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) == heads


def _take_lock(connection: Connection) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while not connection.execute(
        text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}
    ).scalar():
        if time.monotonic() > deadline:
            raise SetupError("another process has been migrating this database for two minutes")
        time.sleep(0.2)


def _migrate(connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=common.models.Base.metadata,
        include_object=_include,
        transaction_per_migration=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run(engine: Engine) -> None:
    is_plain_upgrade = context.config.attributes.get("fast_path", False)
    with engine.connect() as connection:
        if is_plain_upgrade and _is_at_head(connection):
            return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holder:
        _take_lock(holder)
        with engine.connect() as connection:
            _migrate(connection)


def main() -> None:
    """Take the address that the caller gave, or else the settings', and migrate."""
    url = context.config.attributes.get("url") or load_settings().database
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        connect_args={"application_name": "repopulse-migrate", "connect_timeout": 5},
    )
    try:
        _run(engine)
    except OperationalError as error:
        raise SetupError(f"Postgres does not answer: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


main()
