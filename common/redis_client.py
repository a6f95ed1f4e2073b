"""The client of Redis, and the names of an installation's keys.

``REDIS_PREFIX`` precedes every key of an installation, so that several can share one Redis. Keys
below ``repopulse:github:<fingerprint>:`` have no prefix: GitHub's limits belong to the credential,
whichever installation uses it.
"""

from typing import Any, cast

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from common.errors import SetupError
from common.redis_address import (
    WITHOUT_STRICTNESS,
    Sentinels,
    read_sentinels,
    read_tls,
    sentinel_options,
    with_tls,
)
from common.settings import RedisSettings

_TIMEOUT = 2
"""Seconds."""


class Client(redis.Redis):
    """A client that knows what precedes the keys of its installation."""

    prefix = ""
    sentinels: Sentinel | None = None
    """Tells which server is the master; None if there is one server."""

    def close(self) -> None:
        """Close all connections."""
        super().close()
        if self.sentinels is not None:
            self.sentinels.close()


class _Sentinel(Sentinel):
    """Says in a few words that no master is known, and why if that is because of TLS."""

    def discover_master(self, service_name: str) -> Any:
        """Return host and port of the master."""
        try:
            return super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError as error:
            # Its message has all parameters of each client.
            words = f"no Sentinel knows a master {service_name!r}"
            if not self.sentinel_kwargs.get("ssl"):
                raise MasterNotFoundError(words) from error
        try:
            self.sentinels[0].ping()
        except redis.RedisError as cause:
            raise MasterNotFoundError(words) from cause
        raise MasterNotFoundError(words)


def own_key(client: "redis.Redis", name: str) -> str:
    """Return the key of an installation for which other installations have one of their own."""
    return client.prefix + name if isinstance(client, Client) else name


def make_redis(settings: RedisSettings) -> Client:
    """Make a client of Redis that gives up within seconds; nothing connects yet.

    :raise SetupError: the URL has options that Redis' client does not know
    """
    return connect(settings.redis, settings.redis_prefix)


def connect(url: str, prefix: str = "") -> Client:
    """Make such a client of an address; see ``make_redis``."""
    options: dict[str, Any] = {
        "socket_timeout": _TIMEOUT,
        "socket_connect_timeout": _TIMEOUT,
        "health_check_interval": 25,
    }
    try:
        sentinels = read_sentinels(url)
        if sentinels is None:
            options |= WITHOUT_STRICTNESS if read_tls(url) else {}
            client = cast("Client", Client.from_url(url, **options))
        else:
            client = _connect_to_master(url, sentinels, options)
        # An unknown option shows only where a connection is made; it does not connect.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (TypeError, ValueError) as error:
        # The message may quote a value.
        raise SetupError("invalid setting: REDIS_URL: invalid URL, or an unknown option") from error
    client.prefix = prefix
    return client


def _connect_to_master(url: str, sentinels: Sentinels, options: dict[str, Any]) -> Client:
    manager = _Sentinel(  # type: ignore[no-untyped-call]
        sentinels.hosts,
        sentinel_kwargs=sentinel_options(url, sentinels, _TIMEOUT),
        db=sentinels.database,
        username=sentinels.username,
        password=sentinels.password,
        **options,
        **with_tls(read_tls(url)),
    )
    client: Client = manager.master_for(  # type: ignore[no-untyped-call]
        sentinels.master_name, Client
    )
    client.sentinels = manager
    return client
