"""Messages that are delivered several times: the work is done once."""

import re

import pytest

from common.broker import Task
from simulator import World
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster
from tests.faults.invariants import check
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

ENDED = re.compile(r"message of \S+ for user \d+: (\w+)")


def outcomes(cluster: Cluster) -> list[str]:
    """Return how each message ended, by the workers' logs: a state, or ``nothing``."""
    return [
        state
        for name, written in cluster.logs().items()
        if name.startswith("worker")
        for state in ENDED.findall(written)
    ]


@pytest.mark.parametrize("is_same_message", [False, True], ids=["three messages", "one message"])
def test_12_a_scan_is_done_once_though_its_message_comes_three_times(
    make_cluster: MakeCluster, length: Length, is_same_message: bool
) -> None:
    users = length(16, full=200)
    world = World.synthetic(seed=7, sizes=[3] * (users + 1), day=TODAY)
    first, *others = world.accounts
    cluster = make_cluster(world, latency=0.2)
    cluster.follow(world.accounts)
    # Four pool processes, so that both messages of a pair run at once.
    cluster.start("worker", "worker-2", LOG_LEVEL="DEBUG")

    # Until GitHub has sent its limits, one request goes at a time, and no sweep here would send
    # the scans again that had to wait.
    cluster.send(Task.SCAN_USER, first.id, TODAY.isoformat())
    cluster.wait_until_done(1)

    def deliver(copies: int) -> None:
        for account in others:
            name = f"scan-{account.id}" if is_same_message else None
            for _ in range(copies):
                cluster.send(Task.SCAN_USER, account.id, TODAY.isoformat(), name=name)

    deliver(2)
    cluster.wait_until_done(users + 1)
    deliver(1)

    check(cluster)
    # The last message may be between the queue and the messages that are taken.
    wait_until(lambda: len(outcomes(cluster)) >= users * 3 + 1, 60)
    ended = outcomes(cluster)
    assert len(ended) == users * 3 + 1
    assert ended.count("done") == users + 1
    # The other messages came too late and did nothing.
    assert set(ended) == {"done", "nothing"}
    # A message that is delivered again while its task runs may be the only one left, so it is
    # carried out too.
    asked = [request for request in cluster.simulator.requests if request.path == "/graphql"]
    assert len(asked) <= users * (2 if is_same_message else 1) + 1
