"""Whether the operator's own servers answer; the addresses are never shown.

An address holds a password, and the drivers' messages may quote parts of a malformed one.
"""

import time
from collections.abc import Callable

import psycopg2
from redis.exceptions import AuthenticationError, RedisError

from common.errors import SetupError
from common.redis_access import find_obstacle
from common.redis_client import connect
from local.errors import LocalError

PATIENCE = 5.0
"""Seconds that a server may take to start."""

REFUSED = "connection refused"
STARTING = "it is starting up"
NO_CONNECTION = "no connection"
MAY_PASS = {REFUSED, STARTING, NO_CONNECTION}

REASONS = {
    "authentication failed": "it refuses the user or the password",
    "no password supplied": "it requires a password",
    "Authentication required": "it requires a password",
    "does not exist": "it has no such database or user",
    "could not translate": "the host's name is unknown",
    "Name or service not known": "the host's name is unknown",
    "nodename nor servname": "the host's name is unknown",
    "refused": REFUSED,
    "starting up": STARTING,
    "LOADING": STARTING,
}
"""Parts of the drivers' messages, and what they mean."""


def check_servers(database_url: str | None, redis_url: str | None, redis_prefix: str = "") -> None:
    """Check those of the two that are given.

    :param redis_prefix: what precedes the keys in Redis

    :raise LocalError: one does not answer
    """
    if database_url:
        check_postgres(database_url)
    if redis_url:
        check_redis(redis_url, redis_prefix)


def check_postgres(url: str) -> None:
    """Connect once.

    :raise LocalError: the server does not answer
    """
    address = url.replace("postgresql+psycopg2://", "postgresql://", 1)

    def connect() -> None:
        psycopg2.connect(address, connect_timeout=3).close()

    _check("Postgres", "DATABASE_URL", connect)


def check_redis(url: str, prefix: str = "") -> None:
    """Connect once.

    :raise LocalError: the server does not answer, or cannot do the work
    """
    obstacle = None

    def find() -> None:
        nonlocal obstacle
        with connect(url, prefix) as client:
            obstacle = find_obstacle(client, is_consumer=True)

    _check("Redis", "REDIS_URL", find)
    if obstacle is not None and not obstacle.may_pass:
        raise LocalError(f"Redis at REDIS_URL {obstacle.words}")


def _check(name: str, setting: str, ask: Callable[[], None]) -> None:
    """Ask the server until it answers or cannot be expected to."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except AuthenticationError:
            reason = "it refuses the password"
        except (psycopg2.OperationalError, RedisError) as error:
            reason = _reason(str(error))
        except (psycopg2.Error, ValueError, SetupError):
            reason = "the address is malformed"
        if time.monotonic() > deadline or reason not in MAY_PASS:
            raise LocalError(
                f"{name} at {setting} does not answer ({reason}): "
                f"correct the address or start it, or unset {setting} to use the embedded one"
            ) from None
        time.sleep(0.25)


def _reason(message: str) -> str:
    return next((reason for part, reason in REASONS.items() if part in message), NO_CONNECTION)
