"""Servers that the person brought along: whether they answer, without ever showing an address.

An address holds a password, and the drivers' messages may quote parts of a malformed one.
"""

import time
from contextlib import closing

import psycopg2
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from local.errors import LocalError

PATIENCE = 5.0
"""Seconds that a server may take to come up beside us."""


def check_postgres(url: str) -> None:
    """Connect once.

    :raise LocalError: it does not answer
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with closing(
                psycopg2.connect(
                    url.replace("postgresql+psycopg2://", "postgresql://", 1), connect_timeout=3
                )
            ):
                return
        except psycopg2.OperationalError as error:
            reason = _reason(str(error))
        except psycopg2.Error:
            reason = "the address is malformed"
        if time.monotonic() > deadline or not _may_pass(reason):
            raise LocalError(
                f"Postgres at DATABASE_URL does not answer ({reason}): "
                "correct the address or start it, or unset DATABASE_URL to use the embedded one"
            ) from None
        time.sleep(0.25)


def check_redis(url: str) -> None:
    """Ping once.

    :raise LocalError: it does not answer
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with closing(Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)) as client:
                client.ping()
                return
        except ValueError:
            reason = "the address is malformed"
        except AuthenticationError:
            reason = "it refuses the password"
        except RedisError as error:
            reason = _reason(str(error))
        if time.monotonic() > deadline or not _may_pass(reason):
            raise LocalError(
                f"Redis at REDIS_URL does not answer ({reason}): "
                "correct the address or start it, or unset REDIS_URL to use the embedded one"
            ) from None
        time.sleep(0.25)


def _reason(message: str) -> str:
    known = {
        "authentication failed": "it refuses the user or the password",
        "no password supplied": "it wants a password",
        "Authentication required": "it wants a password",
        "does not exist": "it has no such database or user",
        "could not translate": "the host's name is unknown",
        "Name or service not known": "the host's name is unknown",
        "nodename nor servname": "the host's name is unknown",
        "refused": "connection refused",
        "starting up": "it is starting up",
        "LOADING": "it is starting up",
    }
    return next((said for part, said in known.items() if part in message), "no connection")


def _may_pass(reason: str) -> bool:
    return reason in {"connection refused", "it is starting up", "no connection"}
