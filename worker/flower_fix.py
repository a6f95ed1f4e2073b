"""A fix for Flower 2.2, which asks only the first of several Sentinels, and counts in database 0.

Delete this module with the first release of Flower that uses all of them; the test of Sentinels
checks it.
"""

from typing import Any

from flower.utils import broker
from redis.asyncio import Redis

from common.redis_address import Sentinels

_make_client: Any = broker.RedisSentinel._get_redis_client  # noqa: SLF001 - there is no public way


def apply(sentinels: Sentinels) -> None:
    """Make Flower's client of the broker ask every Sentinel of an address."""

    def make_client(self: Any, *arguments: Any) -> Any:
        client = _make_client(self, *arguments)
        pool = client.connection_pool
        pool.connection_kwargs["db"] = sentinels.database
        manager = pool.sentinel_manager
        manager.sentinels = [
            Redis(host=host, port=port, **manager.sentinel_kwargs) for host, port in sentinels.hosts
        ]
        return client

    broker.RedisSentinel._get_redis_client = make_client  # noqa: SLF001
