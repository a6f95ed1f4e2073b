"""Whether the collection goes on: who is overdue, and whether tasks are sent and taken."""

import time
from threading import Lock

from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.http.transactions import read
from api.queries.progress import count_overdue
from common import broker, collection
from common.db import Outage, outage_reason

_PATIENCE = 26
"""Hours from one settled scan to the next: a day, and room for a night that takes longer."""

_WORTH_REMEMBERING = 0.5
"""Seconds that a count takes where there are some hundred thousand users."""

_REST = 20
"""A count is remembered so many times as long as it took: Postgres is busy with it for a twentieth
of the time at most, however often somebody asks."""

_QUIET = 300
_QUIET_SWEEPS = 5
"""Seconds, or sweeps where these come seldom, without a sweep before something is wrong."""


class Overdue:
    """Counts the users who were not scanned for 26 hours."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._counting = Lock()
        self._count: int | None = None
        self._remembered_until = 0.0

    def count(self) -> int | None:
        """Return how many there are, or were a moment ago where counting takes long.

        :return: None where it takes longer than a statement may
        :raise SQLAlchemyError: Postgres does not say
        """
        with self._counting:
            begun = time.monotonic()
            if begun >= self._remembered_until:
                self._count = self._count_now()
                took = time.monotonic() - begun
                if took >= _WORTH_REMEMBERING:
                    self._remembered_until = begun + took * (1 + _REST)
            return self._count

    def verdict(self) -> str | None:
        """Say in words what is wrong, or None.

        :raise SQLAlchemyError: Postgres does not say
        """
        count = self.count()
        if count == 0:
            return None
        if count is None:
            return "not known: counting them takes too long"
        subject = "1 user was" if count == 1 else f"{count} users were"
        return f"{subject} not scanned for {_PATIENCE} hours"

    def _count_now(self) -> int | None:
        try:
            return read(
                self._database, lambda connection: count_overdue(connection, hours=_PATIENCE)
            )
        except SQLAlchemyError as error:
            if outage_reason(error) is not Outage.BUSY:
                raise
            return None


class Sweeps:
    """Looks whether a sweep comes to its end from time to time."""

    def __init__(self, redis: Redis, interval: float) -> None:
        self._redis = redis
        self._longest = max(_QUIET, _QUIET_SWEEPS * interval)
        self._silent_since: float | None = time.monotonic()
        """Since when there is no note at all: our own start, or when Redis was emptied."""

    def verdict(self) -> str | None:
        """Say in words what is wrong, or None.

        :raise RedisError: Redis does not answer
        """
        age = collection.sweep_age(self._redis)
        if age is None:
            if self._silent_since is None:
                self._silent_since = time.monotonic()
            quiet = time.monotonic() - self._silent_since
        else:
            self._silent_since = None
            quiet = age
        if quiet < self._longest:
            return None
        # Each sweep is a message of this queue, which workers look at before the others.
        if self._redis.llen(broker.Queue.CONTROL):
            waiting = sum(self._redis.llen(queue) for queue in broker.Queue)
            last = (
                "there was no sweep yet" if age is None else f"the last sweep was {_ago(age)} ago"
            )
            messages = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
            return f"nobody takes tasks: {messages}, {last}"
        return f"no sweep for {_ago(quiet)}: beat does not run, or the log of the workers says more"


def _ago(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    if minutes < 48 * 60:
        return f"{minutes // 60} hours"
    return f"{minutes // (24 * 60)} days"
