"""Messages that come again, at once or later: each does nothing where another did it."""

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

OWN_REQUEST = 70
"""Repositories of a user who shares a request with nobody, and needs no second one."""


def outcomes(cluster: Cluster) -> list[str]:
    """Return how the task of each message ended, by the workers' logs: a state, or nothing."""
    return [
        state
        for name, written in cluster.logs().items()
        if name.startswith("worker")
        for state in ENDED.findall(written)
    ]


@pytest.mark.parametrize("is_same_message", [False, True], ids=["three messages", "one message"])
def test_12_every_message_comes_three_times_and_two_of_them_at_once(
    make_cluster: MakeCluster, length: Length, is_same_message: bool
) -> None:
    users = length(16, full=200)
    world = World.synthetic(seed=7, sizes=[OWN_REQUEST] * (users + 1), day=TODAY)
    first, *others = world.accounts
    cluster = make_cluster(world, latency=0.2)
    cluster.follow(world.accounts)
    # Four children: both messages of a pair are at work at once.
    cluster.start("worker", "worker-2", LOG_LEVEL="DEBUG")

    # By then GitHub has told its limits: until then one request goes at a time, and nobody sweeps
    # here who had to stand aside.
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
    # The last one may be on its way between the queue and those that are taken.
    wait_until(lambda: len(outcomes(cluster)) >= users * 3 + 1, 60)
    ended = outcomes(cluster)
    assert len(ended) == users * 3 + 1
    assert ended.count("done") == users + 1
    # The surplus did nothing: it came too late.
    assert set(ended) == {"done", "nothing"}
    # A message that comes again while its task runs may be the last one left: it asks GitHub too.
    asked = [request for request in cluster.simulator.requests if request.path == "/graphql"]
    assert len(asked) <= users * (2 if is_same_message else 1) + 1
