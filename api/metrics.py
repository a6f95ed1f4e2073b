"""What ``/metrics`` says: who is due, what waits, what GitHub allows; read when asked."""

import logging
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text

from common.broker import Queue
from common.credentials import is_refused, quota_key

log = logging.getLogger(__name__)

_RESOURCES = ("core", "graphql")


class Readings:
    """The gauges of one moment; those of a server that does not answer are left out."""

    def __init__(self, database: Engine, redis: Redis, credential_name: str) -> None:
        self._database = database
        self._redis = redis
        self._credential_name = credential_name

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all gauges."""
        yield from self._users()
        try:
            yield from self._broker()
            yield from self._github()
        except RedisError as error:
            log.warning("metrics without Redis: %s", error)

    def _users(self) -> Iterator[GaugeMetricFamily]:
        with self._database.begin() as connection:
            counts = connection.execute(
                text(
                    """
                    SELECT count(*) AS followed,
                           count(*) FILTER (WHERE state = 'vanished') AS vanished,
                           count(*) FILTER (WHERE is_due) AS due,
                           count(*) FILTER (WHERE is_due AND is_waiting) AS waiting,
                           count(*) FILTER (WHERE is_due AND attempts > 1) AS failing
                    FROM (
                        SELECT state, attempts, not_before > repopulse_now() AS is_waiting,
                               scanned_on IS NULL
                               OR scanned_on < (repopulse_now() AT TIME ZONE 'UTC')::date AS is_due
                        FROM users
                    ) AS users
                    """
                )
            ).one()
        gauge = GaugeMetricFamily(
            "repopulse_users",
            "Followed users: all, vanished, due today; of those waiting, and failing",
            labels=["what"],
        )
        for what, count in counts._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name for it
            gauge.add_metric([what], count)
        yield gauge

    def _broker(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "repopulse_queue_messages", "Messages that wait in Redis", labels=["queue"]
        )
        for queue in Queue:
            gauge.add_metric([queue], self._redis.llen(queue))
        yield gauge

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
