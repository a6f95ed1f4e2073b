"""What processes count for Prometheus: hashes in Redis, which the API's ``/metrics`` shows.

A field is the name of a counter and its labels: ``requests:core:data``. The counts of all workers
add up, and those of all API processes, and survive their restarts. If Redis is emptied they begin
at 0 again, which Prometheus expects of counters.
"""

from collections.abc import Mapping
from enum import StrEnum

import redis

from common.redis_client import own_key
from common.states import ScanState


class Counted(StrEnum):
    """The hashes, by who counts."""

    WORKERS = "repopulse:counters"
    """With the fields below."""
    API = "repopulse:http"
    """With those of ``api.http.traffic``."""


SCANS = "scans"
"""By outcome: scans of a user that were settled or rescheduled."""
ROWS = "rows"
"""Daily rows that were new or changed."""
REQUESTS = "requests"
"""By resource and meaning of the answer: requests to GitHub."""
DURATIONS = "durations"
"""By resource and upper bound in seconds: requests to GitHub that took no longer, and longer than
the bound before."""
SECONDS = "seconds"
"""By resource: the time of all requests to GitHub together."""

OUTCOMES = tuple(state for state in ScanState if state is not ScanState.CLAIMED)

RESOURCES = ("core", "graphql")

MEANINGS = (
    *("data", "partial", "unchanged", "moved", "gone", "blocked", "limited", "try_again"),
    *("credentials_refused", "query_wrong"),
)
"""What an answer of GitHub can mean; ``worker.github`` has the enumeration."""

BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "20.0", "30.0", "+Inf")
"""Upper bounds of durations, in seconds."""


def field(counter: str, *labels: str) -> str:
    """Return the field of one series."""
    return ":".join((counter, *labels))


def add(
    client: "redis.Redis", counts: Mapping[str, float], *, key: Counted = Counted.WORKERS
) -> None:
    """Add to the counters, all at once.

    :param counts: by field
    :raise redis.RedisError: Redis does not answer
    """
    with client.pipeline() as pipeline:
        for name, count in counts.items():
            pipeline.hincrbyfloat(own_key(client, key), name, count)
        pipeline.execute()


def read(client: "redis.Redis", *, key: Counted = Counted.WORKERS) -> dict[str, float]:
    """Return the counters by field; a field without counts is missing.

    :raise redis.RedisError: Redis does not answer
    """
    stored = client.hgetall(own_key(client, key))
    return {
        name.decode() if isinstance(name, bytes) else name: float(count)
        for name, count in stored.items()
    }
