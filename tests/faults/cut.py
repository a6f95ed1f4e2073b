"""The ways in which Redis is not there for those who need it."""

from contextlib import ExitStack
from enum import StrEnum

from tests.faults.cluster import Cluster


class Cut(StrEnum):
    """How Redis is away; each is another path in the code."""

    REFUSED = "refused"
    """Connections are refused, and those there were are reset: it was killed."""
    FROZEN = "frozen"
    """The kernel accepts connections and bytes, and nobody answers: it hangs."""
    SWALLOWED = "swallowed"
    """The same, of something between: the network is cut."""


def cut(cluster: Cluster, how: Cut, outage: ExitStack) -> None:
    """Take Redis away from every process until ``outage`` is closed."""
    match how:
        case Cut.REFUSED:
            cluster.to_redis.refuse()
            outage.callback(cluster.to_redis.heal)
        case Cut.SWALLOWED:
            cluster.to_redis.swallow()
            outage.callback(cluster.to_redis.heal)
        case Cut.FROZEN:
            outage.enter_context(cluster.frozen_redis())
