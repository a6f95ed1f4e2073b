"""The ways in which Redis can be away."""

from contextlib import ExitStack
from enum import StrEnum

from tests.faults.cluster import Cluster


class RedisOutage(StrEnum):
    """How Redis is away; the code has a path for each."""

    REFUSED = "refused"
    """Connections are refused and existing ones reset, as if Redis was killed."""
    FROZEN = "frozen"
    """The kernel accepts connections and bytes, and Redis does not answer: it hangs."""
    SWALLOWED = "swallowed"
    """Connections and bytes are accepted and go nowhere, as if the network was cut."""


def take_redis_away(cluster: Cluster, how: RedisOutage, outage: ExitStack) -> None:
    """Take Redis away from every process until ``outage`` is closed."""
    match how:
        case RedisOutage.REFUSED:
            cluster.to_redis.refuse()
            outage.callback(cluster.to_redis.heal)
        case RedisOutage.SWALLOWED:
            cluster.to_redis.swallow()
            outage.callback(cluster.to_redis.heal)
        case RedisOutage.FROZEN:
            outage.enter_context(cluster.frozen_redis())
