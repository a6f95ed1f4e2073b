"""Run the migrations; several processes may start this at once.

One process migrates under an advisory lock, held by a transaction of its own; the others wait and
then find nothing to do. Nothing is set or locked for longer than a transaction: a pooler may give
each transaction another session. While a migration waits for a table that a long transaction
reads, such as a backup, all later readers queue behind it. So it gives up after half a second, lets
them pass, and tries again.
"""

import time

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg2.errors import (
    DuplicateFunction,
    DuplicateObject,
    DuplicateTable,
    InsufficientPrivilege,
    LockNotAvailable,
)
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.sql.schema import SchemaItem

import common.tables
from common import environment
from common.db import (
    OLDEST_POSTGRES,
    Outage,
    first_line,
    outage_reason,
    read_url,
    set_in_each_transaction,
)
from common.errors import SetupError
from common.settings import load_settings

_LOCK = 7_266_773_001
"""The number of the advisory lock; nothing else uses it."""

_LOCK_WAIT_SECONDS = 120
"""How long to wait for another process that migrates."""

_TABLE_LOCK_TIMEOUT = "500ms"
_TABLE_WAIT_SECONDS = 120
"""How long to try again for a table that is in use."""
_RETRY_SECONDS = 1
"""The pause between two attempts, longer than ``_TABLE_LOCK_TIMEOUT``."""


def _include(
    _item: SchemaItem, name: str | None, kind: str, _reflected: bool, _other: object
) -> bool:
    """Exclude the monthly partitions from the comparison with the tables."""
    return not (kind == "table" and name is not None and name.startswith("daily_stats_"))


def _check_server(connection: Connection) -> None:
    """Refuse a server or a database on which this release would lose rows.

    :raise SetupError: with what to do
    """
    version, number, encoding = connection.execute(
        text(
            "SELECT current_setting('server_version'), current_setting('server_version_num'),"
            " current_setting('server_encoding')"
        )
    ).one()
    if int(number) < OLDEST_POSTGRES * 10_000:
        raise SetupError(
            f"this is Postgres {version}, Repopulse needs {OLDEST_POSTGRES} or newer:"
            " upgrade it, or set DATABASE_URL to another server"
        )
    if encoding != "UTF8":
        # Names with an accent or an emoji could not be stored, nor their users' rows.
        raise SetupError(
            f"the database has the encoding {encoding}, Repopulse needs UTF8: create a database"
            " with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _is_at_head(connection: Connection) -> bool:
    heads = set(ScriptDirectory.from_config(context.config).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) == heads


def _take_lock(connection: Connection) -> None:
    """Take the advisory lock, until the transaction ends."""
    # The transaction idles for as long as the migrations run.
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while not connection.execute(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}
    ).scalar():
        if time.monotonic() > deadline:
            raise SetupError(
                "another process has been migrating this database for two minutes:"
                " look for it in pg_stat_activity (application_name repopulse-migrate)"
            )
        time.sleep(0.2)


def _migrate(connection: Connection) -> None:
    deadline = time.monotonic() + _TABLE_WAIT_SECONDS
    while not _try_to_migrate(connection):
        if time.monotonic() > deadline:
            raise SetupError(
                "a table that has to change has been in use for two minutes:"
                " look for long transactions in pg_stat_activity, then migrate again"
            )
        time.sleep(_RETRY_SECONDS)


def _try_to_migrate(connection: Connection) -> bool:
    """Run the pending migrations; return False if a table was in use."""
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
        target_metadata=common.tables.metadata,
        include_object=_include,
        transaction_per_migration=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run(engine: Engine) -> None:
    is_plain_upgrade = context.config.attributes.get("fast_path", False)
    with engine.connect() as connection:
        _check_server(connection)
        if is_plain_upgrade and _is_at_head(connection):
            return
    with engine.begin() as holder:
        _take_lock(holder)
        with engine.connect() as connection:
            _migrate(connection)


def _message(engine: Engine, error: DBAPIError) -> str:
    """Return in one line why the migrations failed and what to do.

    :raise DBAPIError: the error itself, if the migrations are wrong
    """
    name, database = engine.url.username, engine.url.database
    if isinstance(error.orig, InsufficientPrivilege):
        return (
            f"{first_line(error)}: the role {name} must own Repopulse's tables and may need"
            f" GRANT CREATE ON SCHEMA public TO {name}"
        )
    if isinstance(error.orig, DuplicateTable | DuplicateObject | DuplicateFunction):
        return (
            f"{first_line(error)}: the database {database} holds tables of another program:"
            " give Repopulse a database of its own"
        )
    reason = outage_reason(error)
    if reason is None:
        raise error
    what = "Postgres does not answer" if reason is Outage.UNREACHABLE else reason
    return f"{what}: {first_line(error)}"


def main() -> None:
    """Migrate the database of the URL that the caller gave, or else of the settings."""
    environment.remove_foreign()
    url = context.config.attributes.get("url") or load_settings().database
    engine = create_engine(
        read_url(url),
        poolclass=pool.NullPool,
        connect_args={
            "application_name": "repopulse-migrate",
            "connect_timeout": 5,
            "client_encoding": "utf8",
        },
    )
    set_in_each_transaction(engine, timezone="UTC", lock_timeout=_TABLE_LOCK_TIMEOUT)
    try:
        _run(engine)
    except DBAPIError as error:
        raise SetupError(_message(engine, error)) from error
    except CommandError as error:
        raise SetupError(
            f"the table alembic_version is not from Repopulse, or from a later release ({error}):"
            " give Repopulse a database of its own, or run the newer release"
        ) from error
    finally:
        engine.dispose()


main()
