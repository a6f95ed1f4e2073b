"""The requests of all API processes together, whichever of them Prometheus asks.

Each process adds what it counted to a hash in Redis every few seconds, and before it answers
``/metrics``. A process that is killed loses the counts since then.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Annotated

import redis
from fastapi import Depends, Request

from api.http.traffic import Traffic
from common import counters
from common.counters import Counted

log = logging.getLogger(__name__)

_INTERVAL = 5.0
"""Seconds between two additions; Prometheus asks every half minute."""

_TIMEOUT = 2.5
"""Seconds that a question may take."""


class SharedTraffic:
    """Adds one process's requests to those of all, and reads these.

    :param own: what this process counted
    :param client: used by one thread at a time, apart from those that serve requests
    """

    def __init__(self, own: Traffic, client: "redis.Redis") -> None:
        self._own = own
        self._client = client
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="traffic")
        self._is_away = False

    async def read(self) -> dict[str, float] | None:
        """Return what all processes counted, this one's last request included.

        None if Redis does not answer: this process's counts alone would look like a restart.
        """
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._publish_and_read)
        try:
            return await asyncio.wait_for(reading, _TIMEOUT)
        except TimeoutError:
            return None

    async def publish_regularly(self) -> None:
        """Add what was counted to Redis, until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._publish)

    def close(self) -> None:
        """Add what was counted to Redis for the last time, unless it did not answer just now."""
        if not self._is_away:
            self._thread.submit(self._publish)
        self._thread.shutdown()

    def _publish(self) -> bool:
        try:
            self._own.publish(self._client)
        except (redis.RedisError, OSError) as error:
            if not self._is_away:
                log.warning("requests not counted, will retry: %s", error)
            self._is_away = True
            return False
        self._is_away = False
        return True

    def _publish_and_read(self) -> dict[str, float] | None:
        if not self._publish():
            return None
        try:
            return counters.read(self._client, key=Counted.API)
        except (redis.RedisError, OSError):
            return None


@asynccontextmanager
async def sharing(own: Traffic, client: "redis.Redis") -> AsyncIterator[SharedTraffic]:
    """Share one process's requests until the end of the block."""
    shared = SharedTraffic(own, client)
    publishing = asyncio.create_task(shared.publish_regularly())
    try:
        yield shared
    finally:
        publishing.cancel()
        await asyncio.to_thread(shared.close)


async def _traffic(request: Request) -> SharedTraffic:
    traffic: SharedTraffic = request.state.traffic
    return traffic


AllTraffic = Annotated[SharedTraffic, Depends(_traffic)]
"""The application's ``SharedTraffic``, for endpoints."""
