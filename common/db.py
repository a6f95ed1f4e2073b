"""The SQLAlchemy engine, and why Postgres could not do its work.

Each process makes one engine, after the fork: in the API's lifespan, at the start of a worker
child. Its connections name the process in ``pg_stat_activity``.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

import psycopg2.errors
import psycopg2.extensions
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import SetupError

OLDEST_POSTGRES = 15
"""The oldest major version that is supported."""


class Outage(StrEnum):
    """Why the database cannot do its work now, although it can later."""

    UNREACHABLE = "the database does not answer"
    BUSY = "the database is busy"
    FULL = "the database or its role allows no more connections"
    DISK_FULL = "the disk of the database is full"
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
        ),
        Outage.BUSY,
    ),
)

_NO_MORE_CONNECTIONS = ("too many connections", "too many clients", "remaining connection slots")
"""Parts of Postgres' messages when a limit of the server, the database or the role is reached."""


class ContentionError(SQLAlchemyError):
    """Other transactions changed the same rows at each attempt; counts as ``Outage.BUSY``."""


def outage_reason(error: SQLAlchemyError) -> Outage | None:
    """Return why the database could not do its work, or None if the statement itself is wrong."""
    if isinstance(error, (PoolTimeoutError, ContentionError)):
        return Outage.BUSY
    if not isinstance(error, DBAPIError):
        return None
    for kinds, reason in _REASONS:
        if isinstance(error.orig, kinds):
            return reason
    # A refused connection has no error code.
    if any(words in str(error.orig) for words in _NO_MORE_CONNECTIONS):
        return Outage.FULL
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return Outage.UNREACHABLE
    return None


def first_line(error: Exception) -> str:
    """Return the first line of a driver's message, without statement and SQLAlchemy's link."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


ROWS_PER_STATEMENT = 5000
"""For writes from arrays: larger arrays cost more than fewer statements save."""


def array_literal(numbers: Iterable[int]) -> str:
    """Return numbers as Postgres writes an array, for ``CAST(:numbers AS bigint[])``.

    psycopg2 would write a list as an expression, which Postgres parses into a node per number.
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
    """Return the engine of a process; it connects at the first use.

    :param process: part of the ``application_name`` in ``pg_stat_activity``
    :param statement_timeout: seconds after which Postgres cancels a statement
    :raise SetupError: the URL cannot be used
    """
    engine = create_engine(
        read_url(url),
        pool_size=pool_size,
        max_overflow=max_overflow,
        # Seconds; the API answers 503 after that, rather than keep a request waiting.
        pool_timeout=4,
        # After a restart of Postgres the connections in the pool are dead: test before use.
        pool_pre_ping=True,
        pool_recycle=1800,
        # Parameters hold data of users, which must not reach the log in an error message.
        hide_parameters=True,
        connect_args={
            "application_name": f"repopulse-{process}",
            "connect_timeout": 3,
            # Notice a dead peer within seconds, not hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 15000,
            "client_encoding": "utf8",
        },
    )
    set_in_each_transaction(
        engine,
        # Days are UTC days, whatever the server's time zone.
        timezone="UTC",
        statement_timeout=f"{round(statement_timeout * 1000)}ms",
        lock_timeout="5s",
        idle_in_transaction_session_timeout="60s",
    )
    event.listen(engine, "handle_error", _disconnect_from_read_only_server)
    event.listen(engine, "checkin", _forget_isolation)
    return engine


_IS_FIRST = "repopulse.is_first"
"""In a connection's ``info``: the next statement is the first of its transaction."""


def set_in_each_transaction(engine: Engine, **parameters: str) -> None:
    """Have each transaction of an engine begin with some parameters of Postgres.

    Parameters of a session do not survive a pooler such as PgBouncer, which gives each transaction
    any of its sessions, and which refuses them in the start-up packet. They are sent with the first
    statement, which saves a round trip. Postgres applies them to that statement too, because it
    prepares each only when its turn comes. A cursor of the driver's own must not be the first.
    """
    prefix = "".join(f"SET LOCAL {name} = '{value}'; " for name, value in parameters.items())

    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.info[_IS_FIRST] = options.get("isolation_level") != "AUTOCOMMIT"

    def add_prefix(
        connection: Connection,
        _cursor: object,
        statement: str,
        arguments: object,
        *_others: object,
    ) -> tuple[str, object]:
        if connection.info.get(_IS_FIRST):
            connection.info[_IS_FIRST] = False
            statement = prefix + statement
        return statement, arguments

    event.listen(engine, "begin", begin)
    event.listen(engine, "before_cursor_execute", add_prefix, retval=True)


_ADDRESS = re.compile(
    r"(?P<login>[^/]*//(?:[^:/@]*(?::[^@]*)?@)?)(?P<hosts>[^/?]*)(?P<rest>.*)", re.DOTALL
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^]]+)\]|(?P<name>[^]:[]*))(?::(?P<port>\d*))?")


def read_url(address: str) -> URL:
    """Return a URL that libpq understands.

    It may have several hosts, as libpq writes them: ``host1:5432,host2:5432``. Of these a
    connection goes to the first that answers and is what ``target_session_attrs`` asks for.

    :raise SetupError: it cannot be read; the message does not quote it, as it holds a password
    """
    try:
        url = _with_hosts(address)
        parameters = url.translate_connect_args(username="user", database="dbname")
        psycopg2.extensions.make_dsn(None, **parameters, **url.query)
    except (ArgumentError, ValueError):
        raise SetupError(
            "invalid setting: DATABASE_URL: invalid URL: in a password, write / as %2F, # as %23"
            " and @ as %40"
        ) from None
    except psycopg2.ProgrammingError as error:
        raise SetupError(f"invalid setting: DATABASE_URL: {first_line(error)}") from None
    return url


def _with_hosts(address: str) -> URL:
    """Return a URL in which several hosts are where SQLAlchemy has them: in the query."""
    found = _ADDRESS.fullmatch(address)
    if found is None or "," not in found["hosts"]:
        return make_url(address)
    hosts, ports = [], []
    for each in found["hosts"].split(","):
        parts = _HOST.fullmatch(each)
        if parts is None:
            raise ValueError(each)
        hosts.append(parts["ipv6"] or parts["name"])
        ports.append(parts["port"] or "5432")
    url = make_url(found["login"] + found["rest"])
    return url.update_query_dict({"host": ",".join(hosts), "port": ",".join(ports)})


def _forget_isolation(driver: psycopg2.extensions.connection | None, _record: object) -> None:
    """Set the isolation level of a connection in the pool back to Postgres' default.

    SQLAlchemy sets it back to ``READ COMMITTED`` by name. Then psycopg2 takes a round trip at the
    next use, when the test of the connection has switched autocommit on and off.
    """
    if driver is not None and not driver.closed:
        driver.isolation_level = None


def _disconnect_from_read_only_server(context: ExceptionContext) -> None:
    """Drop the connection after a refused write: a failover may have demoted the server."""
    if isinstance(context.original_exception, psycopg2.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
