"""Whether the parts answer that the API needs, asked in bounded time and told without addresses."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.http.transactions import read
from api.status.collection import Overdue, Sweeps
from common import credentials
from common.db import Outage, first_line, outage_reason

log = logging.getLogger(__name__)

T = TypeVar("T")

OK = "ok"
_SILENT = "does not answer"
_UNKNOWN = "not known: Postgres does not answer"
_NO_REDIS = "not known: Redis does not answer"
_NO_TABLES = "not known: the database is not migrated"
_COUNTING = "not known yet: they are being counted"
_REFUSED = "GitHub refuses them: nothing is recorded until they are changed"
_READ_ONLY = "is read-only: nothing can be stored"
_EMPTY = "the database is empty: run `python -m migrations`"

CREDENTIALS = "credentials"
USERS = "users"
QUEUE = "queue"

COLLECTION = frozenset({CREDENTIALS, USERS, QUEUE})
"""The parts without which requests can be served, and something is not recorded."""

_PATIENCE = 2.5
"""Seconds that a part may take to answer."""

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


class Probe(Generic[T]):
    """Asks one question in a thread of its own, which a frozen server may hold, and no other."""

    def __init__(self, question: Callable[[], T], *, if_silent: T) -> None:
        self._question = question
        self._if_silent = if_silent
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")

    async def ask(self) -> T:
        """Return the answer, or what stands for none in time."""
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._question)
        try:
            return await asyncio.wait_for(asked, _PATIENCE)
        except TimeoutError:
            return self._if_silent

    def close(self) -> None:
        """Ask no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Checks:
    """The checks of one application."""

    def __init__(
        self,
        database: Engine,
        redis: Redis,
        credential_name: str,
        *,
        overdue: Overdue,
        sweeps: Sweeps,
    ) -> None:
        self._database = database
        self._redis = redis
        self._credential_name = credential_name
        self._overdue = overdue
        self._sweeps = sweeps
        self._database_probe = Probe(self._ask_database, if_silent=(_SILENT, _UNKNOWN))
        self._redis_probe = Probe(self._ask_redis, if_silent=(_SILENT, _NO_REDIS, _NO_REDIS))
        # Apart: counting many users takes longer than an answer may wait.
        self._users_probe = Probe(self._ask_users, if_silent=_COUNTING)

    async def run(self) -> dict[str, str]:
        """Return for each part ``ok``, or in words what is wrong."""
        (postgres, migrations), (redis, token, queue), users = await asyncio.gather(
            self._database_probe.ask(), self._redis_probe.ask(), self._users_probe.ask()
        )
        return {
            "postgres": postgres,
            "redis": redis,
            "migrations": migrations,
            CREDENTIALS: token,
            # What cannot be asked for is one fault, not two.
            USERS: _UNKNOWN if postgres == _SILENT else users,
            QUEUE: queue,
        }

    def close(self) -> None:
        """End the threads."""
        for probe in (self._database_probe, self._redis_probe, self._users_probe):
            probe.close()

    def _ask_database(self) -> tuple[str, str]:
        try:
            is_read_only, found = read(self._database, _look)
            if is_read_only:
                # Sessions stay so when the server is not any more: ask in a new one.
                self._database.dispose()
                is_read_only, found = read(self._database, _look)
            return _READ_ONLY if is_read_only else OK, self._compare(found)
        except SQLAlchemyError as error:
            if outage_reason(error) is Outage.NOT_MIGRATED:
                return OK, _EMPTY
            log.warning("not ready: Postgres: %s", first_line(error))
            return _SILENT, _UNKNOWN

    def _compare(self, found: frozenset[str]) -> str:
        # A revision that we do not know is a later release's, and those only add: in an upgrade of
        # many hosts the tables come first, and whoever is not replaced yet goes on.
        needed, known = _revisions()
        if found == needed or not found <= known:
            return OK
        return (
            f"the database is at {_named(found)}, this release needs {_named(needed)}:"
            " run `python -m migrations`"
        )

    def _ask_redis(self) -> tuple[str, str, str]:
        try:
            is_refused = credentials.is_refused(self._redis, self._credential_name)
            queue = self._sweeps.verdict()
        except AuthenticationError:
            return "refuses our password", _NO_REDIS, _NO_REDIS
        except (RedisError, OSError) as error:
            log.warning("not ready: Redis: %s", error)
            return _SILENT, _NO_REDIS, _NO_REDIS
        return OK, _REFUSED if is_refused else OK, queue or OK

    def _ask_users(self) -> str:
        try:
            return self._overdue.verdict() or OK
        except SQLAlchemyError as error:
            reason = outage_reason(error)
            return _NO_TABLES if reason is Outage.NOT_MIGRATED else _UNKNOWN


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Return the revisions that this release needs, and all that it knows."""
    # A sixth of the time in which the API is loaded, and nobody else needs it there.
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    migrations = ScriptDirectory(str(_MIGRATIONS))
    known = frozenset(each.revision for each in migrations.walk_revisions())
    return frozenset(migrations.get_heads()), known


def _look(connection: Connection) -> tuple[bool, frozenset[str]]:
    """Return whether the server refuses writes, as a standby does, and where its schema is."""
    mode = connection.execute(text("SHOW transaction_read_only")).scalar_one()
    revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return mode == "on", frozenset(revisions)


def _named(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"
