"""What ``/metrics`` says: who is due, what waits, what GitHub allows; read when asked."""

import logging
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.http.transactions import read
from api.queries.progress import get_progress
from api.status.collection import Overdue
from common import collection
from common.broker import Queue
from common.credentials import is_refused, quota_key
from common.db import outage_reason

log = logging.getLogger(__name__)

_RESOURCES = ("core", "graphql")


class Readings:
    """The gauges of one moment; those of a server that does not answer are left out."""

    def __init__(
        self, database: Engine, redis: Redis, credential_name: str, overdue: Overdue
    ) -> None:
        self._database = database
        self._redis = redis
        self._credential_name = credential_name
        self._overdue = overdue

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all gauges."""
        try:
            yield self._users()
            yield from self._late()
            yield from self._complete()
        except SQLAlchemyError as error:
            reason = outage_reason(error)
            if reason is None:
                raise
            log.warning("metrics without Postgres: %s", reason)
        try:
            yield from self._broker()
            yield from self._github()
        except RedisError as error:
            log.warning("metrics without Redis: %s", error)

    def _users(self) -> GaugeMetricFamily:
        progress = read(self._database, get_progress)
        gauge = GaugeMetricFamily(
            "repopulse_users",
            "Followed users: all, vanished, due today; of those waiting, and failing",
            labels=["what"],
        )
        for what in ("followed", "vanished", "due", "waiting", "failing"):
            gauge.add_metric([what], getattr(progress, what))
        return gauge

    def _late(self) -> Iterator[GaugeMetricFamily]:
        count = self._overdue.count()
        if count is not None:
            yield GaugeMetricFamily(
                "repopulse_overdue_users",
                "Followed users who were not scanned for 26 hours, without the vanished",
                value=count,
            )

    def _complete(self) -> Iterator[GaugeMetricFamily]:
        progress = read(self._database, get_progress)
        if progress.complete is not None:
            age = max(0.0, (progress.now - progress.complete.completed_at).total_seconds())
            yield GaugeMetricFamily(
                "repopulse_complete_fan_out_age_seconds",
                "Time since everybody followed was last found scanned on one day; absent before",
                value=age,
            )

    def _broker(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "repopulse_queue_messages", "Messages that wait in Redis", labels=["queue"]
        )
        for queue in Queue:
            gauge.add_metric([queue], self._redis.llen(queue))
        yield gauge
        yield GaugeMetricFamily(
            "repopulse_unfinished_messages",
            "Messages that a worker has taken and not finished",
            # kombu's name for them.
            value=self._redis.hlen("unacked"),
        )
        age = collection.sweep_age(self._redis)
        if age is not None:
            yield GaugeMetricFamily(
                "repopulse_sweep_age_seconds",
                "Time since a sweep last came to its end; absent while there was none",
                value=age,
            )

    def _github(self) -> Iterator[GaugeMetricFamily]:
        refused = is_refused(self._redis, self._credential_name)
        yield GaugeMetricFamily(
            "repopulse_github_credentials_refused",
            "1 while GitHub refuses the credentials and nothing is asked",
            value=int(refused),
        )
        gauge = GaugeMetricFamily(
            "repopulse_github_points_remaining",
            "What GitHub said is left of the hour; absent while it is not known",
            labels=["resource"],
        )
        for resource in _RESOURCES:
            key = quota_key(self._credential_name, resource)
            remaining = self._redis.hget(key, "remaining")
            if remaining is not None:
                gauge.add_metric([resource], float(remaining))
        yield gauge
        yield self._resets()

    def _resets(self) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily(
            "repopulse_github_reset_seconds",
            "Time until GitHub's hour begins anew; absent while it is not known",
            labels=["resource"],
        )
        # Redis' own clock, by which workers note it.
        seconds, _ = self._redis.time()
        for resource in _RESOURCES:
            resets_at = self._redis.hget(quota_key(self._credential_name, resource), "resets_at")
            if resets_at is not None:
                gauge.add_metric([resource], max(0.0, float(resets_at) - seconds))
        return gauge
