"""Messages that are delivered several times: the work is done once."""

import threading
from ast import literal_eval
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from common.broker import Task, make_celery
from common.settings import Settings
from simulator import World
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster
from tests.faults.invariants import check
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


@contextmanager
def collected_results(cluster: Cluster) -> Iterator[list[str]]:
    """Collect the results of scans from Celery's events, as Flower does."""
    app = make_celery(Settings(redis_url=SecretStr(cluster.redis_server.url)))
    scans: set[str] = set()
    results: list[str] = []

    def note_scan(event: dict[str, Any]) -> None:
        if event["name"] == Task.SCAN_USER:
            scans.add(event["uuid"])

    def note_result(event: dict[str, Any]) -> None:
        if event["uuid"] in scans:
            # As Python writes a string.
            results.append(literal_eval(event["result"]))

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(
            connection,
            handlers={"task-received": note_scan, "task-succeeded": note_result},
        )
        thread = threading.Thread(target=receiver.capture, kwargs={"wakeup": False})
        thread.start()
        try:
            yield results
        finally:
            receiver.should_stop = True
            thread.join(10)


@pytest.mark.parametrize("is_same_message", [False, True], ids=["three messages", "one message"])
def test_12_a_scan_is_done_once_though_its_message_comes_three_times(
    make_cluster: MakeCluster, length: Length, is_same_message: bool
) -> None:
    users = length(16, full=200)
    world = World.synthetic(seed=7, sizes=[3] * (users + 1), day=TODAY)
    first, *others = world.accounts
    cluster = make_cluster(world, latency=0.2)
    cluster.follow(world.accounts)
    with collected_results(cluster) as results:
        # Four pool processes, so that both messages of a pair run at once.
        cluster.start("worker", "worker-2")

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
        wait_until(lambda: len(results) >= users * 3 + 1, 60)

    check(cluster)
    ends = Counter(result.partition(" ")[0] for result in results)
    # The other messages came too late.
    assert ends == {"done:": users + 1, "nothing": users * 2}, results
    # A message that is delivered again while its task runs may be the only one left, so it is
    # carried out too.
    asked = [request for request in cluster.simulator.requests if request.path == "/graphql"]
    assert len(asked) <= users * (2 if is_same_message else 1) + 1
