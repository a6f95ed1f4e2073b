"""One transaction of a request, and the second attempt at it where its session was ended.

Postgres ends sessions when it is restarted, fails over or is told to; a client need not hear of
that, because every call may be carried out twice. Where there is no connecting there is no second
attempt.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from common.db import first_line

log = logging.getLogger(__name__)

T = TypeVar("T")


def transact(database: Engine, work: Callable[[Connection], T], *, is_snapshot: bool = False) -> T:
    """Do some work in one transaction, and once more on a fresh connection if its session ended.

    :param is_snapshot: all that the work reads is as of one moment

    A session that ends at the commit leaves open whether that happened: work whose result depends
    on it keeps what the first attempt saw.
    """
    if is_snapshot:
        database = database.execution_options(isolation_level="REPEATABLE READ")
    try:
        return _attempt(database, work)
    except DBAPIError as error:
        # Also where the server has become read-only: another may have taken over.
        if not error.connection_invalidated:
            raise
        log.warning("database session ended, trying once more: %s", first_line(error))
    return _attempt(database, work)


def _attempt(database: Engine, work: Callable[[Connection], T]) -> T:
    with database.begin() as connection:
        return work(connection)
