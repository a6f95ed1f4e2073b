"""Whether the parts answer that the API needs, asked in bounded time and told without addresses."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from alembic.script import ScriptDirectory
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from api.errors import in_a_line
from common import credentials

log = logging.getLogger(__name__)

T = TypeVar("T")

OK = "ok"
_SILENT = "does not answer"
_UNKNOWN = "not known: Postgres does not answer"
_NO_REDIS = "not known: Redis does not answer"
_REFUSED = "GitHub refuses them: nothing is recorded until they are changed"

CREDENTIALS = "credentials"
"""The part without which requests can be served, and nothing is recorded."""

_PATIENCE = 2.5
"""Seconds that a part may take to answer."""

_MIGRATIONS = Path(__file__).parent.parent / "migrations"


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

    def __init__(self, database: Engine, redis: Redis, credential_name: str) -> None:
        self._database = database
        self._redis = redis
        self._credential_name = credential_name
        # Read once: what this release needs does not change while it runs.
        self._heads = frozenset(ScriptDirectory(str(_MIGRATIONS)).get_heads())
        self._database_probe = Probe(self._ask_database, if_silent=(_SILENT, _UNKNOWN))
        self._redis_probe = Probe(self._ask_redis, if_silent=(_SILENT, _NO_REDIS))

    async def run(self) -> dict[str, str]:
        """Return for each part ``ok``, or in words what is wrong."""
        (postgres, migrations), (redis, token) = await asyncio.gather(
            self._database_probe.ask(), self._redis_probe.ask()
        )
        return {
            "postgres": postgres,
            "redis": redis,
            "migrations": migrations,
            CREDENTIALS: token,
        }

    def close(self) -> None:
        """End the threads."""
        self._database_probe.close()
        self._redis_probe.close()

    def _ask_database(self) -> tuple[str, str]:
        try:
            with self._database.begin() as connection:
                revisions = connection.execute(text("SELECT version_num FROM alembic_version"))
                found = frozenset(revisions.scalars())
        except ProgrammingError:
            return OK, "the database is empty: run `python -m migrations`"
        except SQLAlchemyError as error:
            log.warning("not ready: Postgres: %s", in_a_line(error))
            return _SILENT, _UNKNOWN
        if found == self._heads:
            return OK, OK
        return OK, (
            f"the database is at {_named(found)}, this release needs {_named(self._heads)}:"
            " run `python -m migrations`"
        )

    def _ask_redis(self) -> tuple[str, str]:
        try:
            is_refused = credentials.is_refused(self._redis, self._credential_name)
        except AuthenticationError:
            return "refuses our password", _NO_REDIS
        except (RedisError, OSError) as error:
            log.warning("not ready: Redis: %s", error)
            return _SILENT, _NO_REDIS
        return OK, _REFUSED if is_refused else OK


def _named(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"
