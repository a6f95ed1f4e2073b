"""A worker or beat that cannot start says why: in its log, and through Redis on ``/readyz``.

Its restart policy starts it again and again, each time with the same line. So a report that is not
repeated for some minutes is of a process that is gone.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

import redis

from common import problems
from common.errors import SetupError
from common.log import redact
from common.settings import RedisSettings, load_redis_settings

_TIMEOUT = 2
"""Seconds."""

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
    with suppress(redis.RedisError), _connect(settings) as client:
        problems.end(client, problems.START, _name(starter))


def _report(settings: RedisSettings, starter: Starter, line: str) -> None:
    with _connect(settings) as client:
        problems.report(client, problems.START, _name(starter), "cannot start", line)


def _connect(settings: RedisSettings) -> "redis.Redis":
    return redis.Redis.from_url(
        settings.redis, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
    )


def _name(starter: Starter) -> str:
    return f"{starter}@{socket.gethostname()}"
