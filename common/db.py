"""The engine, what a transaction is, and in words why there is none.

An engine is made once a process, after the fork, by whoever owns the process: the API's lifespan, a
worker child's start, a test. Its connections say in ``pg_stat_activity`` whose they are.
"""

from collections.abc import Iterable
from enum import StrEnum

import psycopg2.errors
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Outage(StrEnum):
    """Why the database does not do its work now; in all cases it will, once that has passed."""

    UNREACHABLE = "the database does not answer"
    BUSY = "the database is busy"
    DISK_FULL = "the database has no room left"
    READ_ONLY = "the database is read-only"
    NOT_MIGRATED = "the database is not migrated to this release"


_REASONS: tuple[tuple[tuple[type[Exception], ...], Outage], ...] = (
    ((psycopg2.errors.DiskFull,), Outage.DISK_FULL),
    ((psycopg2.errors.ReadOnlySqlTransaction,), Outage.READ_ONLY),
    (
        (
            psycopg2.errors.UndefinedTable,
            psycopg2.errors.UndefinedColumn,
            psycopg2.errors.UndefinedFunction,
        ),
        Outage.NOT_MIGRATED,
    ),
    (
        (
            psycopg2.errors.QueryCanceled,
            psycopg2.errors.LockNotAvailable,
            psycopg2.errors.DeadlockDetected,
            psycopg2.errors.TooManyConnections,
        ),
        Outage.BUSY,
    ),
)


class ContentionError(SQLAlchemyError):
    """Other transactions changed the same rows at each attempt; ``outage_reason`` is ``BUSY``."""


def outage_reason(error: SQLAlchemyError) -> Outage | None:
    """Return why the database could not do its work, or None where the work itself was wrong."""
    if isinstance(error, (PoolTimeoutError, ContentionError)):
        return Outage.BUSY
    if not isinstance(error, DBAPIError):
        return None
    for kinds, reason in _REASONS:
        if isinstance(error.orig, kinds):
            return reason
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return Outage.UNREACHABLE
    return None


def first_line(error: Exception) -> str:
    """Say what a driver said, without the statement and the advice."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def array_literal(numbers: Iterable[int]) -> str:
    """Write numbers as Postgres reads an array: ``CAST(:numbers AS bigint[])``.

    A list would be written, and read, as an expression: a node for each number.
    """
    return "{" + ",".join(map(str, numbers)) + "}"


def make_engine(
    url: str,
    *,
    process: str,
    pool_size: int = 1,
    max_overflow: int = 1,
    statement_timeout: float = 30,
) -> Engine:
    """Make the engine of one process; nothing connects yet.

    :param process: shown as ``application_name`` in ``pg_stat_activity``
    :param statement_timeout: seconds after which Postgres gives a statement up
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        # A request would rather be told 503 than wait half a minute for a connection.
        pool_timeout=4,
        # After Postgres' restart the pool's connections are dead: test one before it is lent.
        pool_pre_ping=True,
        pool_recycle=1800,
        # Parameters hold names that people chose, and must not reach a log through an error.
        hide_parameters=True,
        connect_args={
            "application_name": f"repopulse-{process}",
            "connect_timeout": 3,
            # A peer that vanished without a word is noticed in seconds, not hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 15000,
            # Days are UTC days whatever the server's zone; nothing of ours needs half a minute.
            "options": f"-c timezone=UTC -c statement_timeout={round(statement_timeout * 1000)}"
            " -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000",
        },
    )
    event.listen(engine, "handle_error", _leave_a_read_only_server)
    return engine


def _leave_a_read_only_server(context: ExceptionContext) -> None:
    """Connect anew after a write was refused: the server may have been demoted in a failover."""
    if isinstance(context.original_exception, psycopg2.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
