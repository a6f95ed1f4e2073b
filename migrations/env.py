"""Run the migrations: safe to start from several processes at once.

A session lock on a connection of its own lets one process migrate while the others wait and then
find nothing to do. While a migration waits for a table that somebody reads for long, as a backup
does, all later readers wait behind it: so it lets them pass after half a second, and tries again.
"""

import time

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.schema import SchemaItem

import common.models
from common.errors import SetupError
from common.settings import load_settings

_LOCK = 7_266_773_001
"""The advisory lock's number; any number that nobody else uses."""

_LOCK_WAIT_SECONDS = 120

_TABLE_WAIT = "500ms"
_TABLE_WAITS_SECONDS = 120
_PAUSE_SECONDS = 1
"""Between two waits for a table, longer than one of them."""


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
    deadline = time.monotonic() + _TABLE_WAITS_SECONDS
    while not _get_through(connection):
        if time.monotonic() > deadline:
            raise SetupError(
                "a table that has to change has been in use for two minutes:"
                " look for long transactions in pg_stat_activity, then migrate again"
            )
        time.sleep(_PAUSE_SECONDS)


def _get_through(connection: Connection) -> bool:
    """Run what is left of the migrations; return whether no table was in somebody's hands."""
    connection.execute(text(f"SET lock_timeout = '{_TABLE_WAIT}'"))
    connection.commit()
    try:
        _run_migrations(connection)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        connection.rollback()
        return False
    return True


def _run_migrations(connection: Connection) -> None:
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
