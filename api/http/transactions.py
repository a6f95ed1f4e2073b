"""One transaction per request: ``read`` or ``transact``, run again once if its session ended.

Postgres ends sessions when it restarts, fails over, or an administrator ends them. Clients do not
notice, because the work runs once more on a new connection. A commit that was not confirmed is not
repeated: it may have been carried out, and the work's result would be wrong.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from common.db import first_line

log = logging.getLogger(__name__)

T = TypeVar("T")


class UnknownCommitError(SQLAlchemyError):
    """The session ended during a commit: the changes are saved completely or not at all."""


def read(database: Engine, work: Callable[[Connection], T], *, is_snapshot: bool = False) -> T:
    """Return the result of some work that changes nothing.

    :param is_snapshot: everything the work reads is as of one moment
    """
    if is_snapshot:
        database = _snapshots_of(database)

    def attempt() -> T:
        # Rolled back at the end: a session that ends there costs one retry and no answer.
        with database.connect() as connection:
            return work(connection)

    return _retry_once(attempt)


def open_snapshot(database: Engine, work: Callable[[Connection], T]) -> tuple[Connection, T]:
    """Do some work that changes nothing, and keep its transaction open for more.

    Everything that is read in it is as of one moment. It is not repeated once this has returned.

    :return: the connection, which the caller closes, and the work's result
    """
    database = _snapshots_of(database)

    def attempt() -> tuple[Connection, T]:
        connection = database.connect()
        try:
            return connection, work(connection)
        except BaseException:
            connection.close()
            raise

    return _retry_once(attempt)


def transact(database: Engine, work: Callable[[Connection], T]) -> T:
    """Do some work in one transaction, commit it, and return the work's result.

    :raise UnknownCommitError: the session ended during the commit
    """

    def attempt() -> T:
        with database.connect() as connection, connection.begin() as transaction:
            result = work(connection)
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise UnknownCommitError(first_line(error)) from error
                raise
            return result

    return _retry_once(attempt)


def _snapshots_of(database: Engine) -> Engine:
    return database.execution_options(isolation_level="REPEATABLE READ")


def _retry_once(attempt: Callable[[], T]) -> T:
    try:
        return attempt()
    except DBAPIError as error:
        # Also set if the server became read-only: after a failover another server takes writes.
        if not error.connection_invalidated:
            raise
        log.warning("database session ended, retrying once: %s", first_line(error))
    return attempt()
