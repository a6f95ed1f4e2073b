"""The condition of the collection: who is due, what waits, what GitHub allows, who is at work."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

from celery import Celery
from kombu.exceptions import KombuError, OperationalError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from api.http.transactions import read
from api.queries.progress import Progress, get_progress
from api.status.readiness import Probe
from common import collection, credentials
from common.broker import Queue

log = logging.getLogger(__name__)

_RESOURCES = {"graphql": "GraphQL points", "core": "REST requests"}

_TIME_TO_ANSWER = 1.0
"""Seconds that workers have; those that are at work answer, too: their main process does."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What GitHub said is left of an hour."""

    name: str
    remaining: int
    limit: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Broker:
    """What Redis knows."""

    waiting: dict[str, int]
    """Messages by queue."""
    at_work: int
    """Messages that a worker has taken and not finished."""
    sweep_age: float | None
    """Seconds since a sweep last came to its end."""
    is_refused: bool
    """GitHub refuses the credential."""
    is_anonymous: bool
    allowances: list[Allowance] = field(default_factory=list)
    limited_until: datetime | None = None
    """When the last limit that GitHub met us with ends or ended: nobody asks before that moment."""
    limit_reason: str = ""
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """The condition at one moment; None is what was not to be had."""

    progress: Progress
    broker: Broker | None
    workers: list[str] | None


class Condition:
    """Asks Postgres, Redis and the workers."""

    def __init__(
        self, database: Engine, redis: Redis, credential_name: str, celery: Celery
    ) -> None:
        self._database = database
        self._redis = redis
        self._credential_name = credential_name
        self._celery = celery
        # One thread, and with it one queue for their answers.
        self._workers = Probe(self._ask_workers, if_silent=None)

    async def show(self) -> Shown:
        """Return the condition.

        :raise SQLAlchemyError: Postgres does not say
        """
        progress, broker, workers = await asyncio.gather(
            run_in_threadpool(read, self._database, get_progress),
            run_in_threadpool(self._ask_redis),
            self._workers.ask(),
        )
        return Shown(progress, broker, workers)

    def close(self) -> None:
        """Ask no more."""
        self._workers.close()

    def _ask_redis(self) -> Broker | None:
        try:
            return self._read()
        except (RedisError, OSError) as error:
            log.warning("condition without Redis: %s", error)
            return None

    def _read(self) -> Broker:
        seconds, _ = self._redis.time()
        now = datetime.fromtimestamp(seconds, UTC)
        limited_until, reason = self._redis.hmget(
            credentials.block_key(self._credential_name), "blocked_until", "reason"
        )
        end = _moment(limited_until)
        return Broker(
            waiting={queue.value: self._redis.llen(queue) for queue in Queue},
            # kombu's name for them.
            at_work=self._redis.hlen("unacked"),
            sweep_age=collection.sweep_age(self._redis),
            is_refused=credentials.is_refused(self._redis, self._credential_name),
            is_anonymous=self._credential_name == credentials.fingerprint(None),
            allowances=[
                allowance
                for resource in _RESOURCES
                if (allowance := self._allowance(resource)) and allowance.resets_at > now
            ],
            limited_until=end,
            limit_reason=_text(reason),
            is_limited=end is not None and end > now,
        )

    def _allowance(self, resource: str) -> Allowance | None:
        limit, remaining, resets_at = self._redis.hmget(
            credentials.quota_key(self._credential_name, resource),
            "limit",
            "remaining",
            "resets_at",
        )
        end = _moment(resets_at)
        if limit is None or remaining is None or end is None:
            return None
        return Allowance(_RESOURCES[resource], max(0, int(remaining)), int(limit), end)

    def _ask_workers(self) -> list[str] | None:
        try:
            answers = self._celery.control.ping(timeout=_TIME_TO_ANSWER)
        except (OperationalError, KombuError, RedisError, OSError) as error:
            log.warning("workers cannot be asked: %s", error)
            return None
        return sorted(name for answer in answers for name in answer)


def _text(stored: bytes | str | None) -> str:
    return stored.decode(errors="replace") if isinstance(stored, bytes) else stored or ""


def _moment(epoch: bytes | str | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(float(epoch), UTC)
