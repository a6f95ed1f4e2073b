"""How far the database's clock is from GitHub's, as the last scan found; kept in Redis.

The day of a row has to be GitHub's day, so scans are put off while the days differ. Nothing else
depends on the error: it is what readiness, metrics and the status page show.
"""

from dataclasses import dataclass
from datetime import timedelta

import redis

from common.duration import format_duration
from common.redis_client import own_key

_KEY = "repopulse:github:clock"

_EXPIRES = 26 * 3600
"""Seconds: a day without any scan, and then the error is unknown."""

MOST = timedelta(minutes=5)
"""A larger error is reported."""


@dataclass(frozen=True, slots=True)
class ClockError:
    """What the last scan found.

    :param ahead: how far the database's clock is ahead of GitHub's; negative if it is behind
    :param is_other_day: it is another UTC day at GitHub, so nothing is recorded
    """

    ahead: timedelta
    is_other_day: bool

    def __str__(self) -> str:
        size = format_duration(abs(self.ahead).total_seconds())
        side = "ahead of" if self.ahead > timedelta() else "behind"
        effect = ", on another day: nothing is recorded until it is set right"
        return f"the database's clock is {size} {side} GitHub's{effect * self.is_other_day}"

    @property
    def is_large(self) -> bool:
        """Whether the error is larger than delays and a leap second explain."""
        return abs(self.ahead) > MOST


def record(client: "redis.Redis", error: ClockError) -> ClockError | None:
    """Store what a scan found; return what the scan before it found, or None.

    :raise redis.RedisError: Redis does not answer
    """
    seconds = error.ahead.total_seconds()
    before = client.set(
        own_key(client, _KEY), f"{seconds:.0f} {int(error.is_other_day)}", ex=_EXPIRES, get=True
    )
    return _parse(before)


def read(client: "redis.Redis") -> ClockError | None:
    """Return what the last scan found, or None if that is not known.

    :raise redis.RedisError: Redis does not answer
    """
    return _parse(client.get(own_key(client, _KEY)))


def _parse(stored: object) -> ClockError | None:
    if not isinstance(stored, bytes):
        return None
    seconds, is_other_day = stored.split()
    return ClockError(timedelta(seconds=float(seconds)), is_other_day == b"1")
