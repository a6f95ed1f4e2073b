"""What a worker or beat needs to start, and why it cannot: in its log, and on ``/readyz``.

Its restart policy starts it again and again, each time with the same line. So a report that is not
repeated for some minutes is of a process that is gone.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

import redis
from sqlalchemy.exc import SQLAlchemyError

from common import installation, problems, redis_access, redis_claim
from common.db import make_engine
from common.errors import SetupError
from common.log import redact
from common.redis_client import make_redis
from common.settings import RedisSettings, Settings, load_redis_settings

_MAX_LENGTH = 300


class Starter(StrEnum):
    """The processes without which nothing is recorded."""

    WORKER = "worker"
    BEAT = "beat"


@contextmanager
def reported_failure(starter: Starter) -> Iterator[None]:
    """Report why a process cannot start.

    :raise SetupError: it cannot
    """
    try:
        yield
    except SetupError as error:
        line = redact(str(error))[:_MAX_LENGTH]
        with suppress(redis.RedisError, ValueError, SetupError):
            _report(load_redis_settings(), starter, line)
        raise


def report_success(settings: RedisSettings, starter: Starter) -> None:
    """Report that a process has what it needs; if Redis does not answer, time does it."""
    with suppress(redis.RedisError), make_redis(settings) as client:
        problems.end(client, problems.START, _name(starter))


def check_redis(settings: RedisSettings) -> None:
    """Make sure that Redis can do the work, if it answers.

    :raise SetupError: it cannot until the operator changes something
    """
    try:
        with make_redis(settings) as client:
            obstacle = redis_access.find_obstacle(client, is_consumer=True)
    except redis.AuthenticationError as error:
        raise SetupError("Redis refuses the user or the password of REDIS_URL") from error
    except (redis.RedisError, OSError):
        return
    if obstacle is not None and not obstacle.may_pass:
        raise SetupError(f"Redis {obstacle.words}")


def claim_redis(settings: Settings) -> None:
    """Write beside the queues which installation uses them.

    Beat may run without ``DATABASE_URL``, and then leaves it to the workers. If Postgres or Redis
    does not answer, or the tables are not there yet, nothing is known: the next connection to the
    broker and the next fan-out do the same.

    :raise SetupError: another installation uses them; that is not reported, as the report would
        reach the other one
    """
    if settings.database_url is None:
        return
    engine = make_engine(settings.database, process="start")
    try:
        with suppress(SQLAlchemyError, redis.RedisError, OSError):
            with engine.connect() as connection:
                this = installation.read(connection)
            with make_redis(settings) as client:
                redis_claim.claim(client, this.id)
    finally:
        engine.dispose()


def _report(settings: RedisSettings, starter: Starter, line: str) -> None:
    with make_redis(settings) as client:
        problems.report(client, problems.START, _name(starter), "cannot start", line)


def _name(starter: Starter) -> str:
    return f"{starter}@{socket.gethostname()}"
