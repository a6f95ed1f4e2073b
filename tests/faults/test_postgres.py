"""Postgres that is stopped during the work, and sessions that are ended."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


@dataclass
class Answers:
    """The answers of the API to its clients, and how long they took."""

    statuses: list[tuple[float, int]] = field(default_factory=list)
    """The time of each answer, and its status."""
    slowest: float = 0.0

    def last(self) -> int:
        """Return the newest status, 0 before the first answer."""
        return self.statuses[-1][1] if self.statuses else 0


@contextmanager
def asking(cluster: Cluster, clients: int = 4) -> Iterator[Answers]:
    """Let clients read and write until the end of the block."""
    answers = Answers()
    is_over = threading.Event()
    account = cluster.world.accounts[0]
    calls = [
        ("GET", "/v1/users?limit=5", None),
        ("GET", f"/v1/users/{account.id}/stats?date_to={cluster.world.day}", None),
        ("PUT", "/v1/users", {"id": account.id, "login": account.login}),
    ]

    def ask() -> None:
        with httpx.Client(base_url=cluster.system.address, timeout=30) as client:
            while not is_over.is_set():
                for method, path, body in calls:
                    begun = time.monotonic()
                    status = client.request(method, path, json=body).status_code
                    now = time.monotonic()
                    answers.slowest = max(answers.slowest, now - begun)
                    answers.statuses.append((now, status))
                time.sleep(0.01)

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(ask) for _ in range(clients)]
        try:
            yield answers
        finally:
            is_over.set()
            for each in running:
                each.result()


def test_8_nothing_is_lost_when_postgres_is_stopped_during_scans(
    make_cluster: MakeCluster, length: Length
) -> None:
    users, stops = length(120, full=1000), length(4, full=12)
    world = make_world(users, largest=60)
    cluster = make_cluster(world, latency=0.1)
    cluster.follow(world.accounts)
    cluster.start("api", "worker", "worker-2", "beat")
    dice = random.Random(8)
    with asking(cluster, 2) as answers:
        for stop in range(stops):
            cluster.wait_until_done(min(users, (stop + 1) * users // (stops + 1)), 60)
            # This meets the workers during a fetch, a write or a commit.
            time.sleep(dice.uniform(0, 0.2))
            cluster.kill_postgres(for_seconds=1)
            back = time.monotonic()
            wait_until(lambda: answers.last() == 200, 10)
            # A 200 from before the stop does not count.
            wait_until(
                lambda: any(at > back and status == 200 for at, status in answers.statuses),  # noqa: B023 - called at once
                10,
            )

    assert {status for _, status in answers.statuses} == {200, 503}
    assert answers.slowest < 5
    check(cluster)


def test_9_no_call_fails_when_sessions_are_ended_again_and_again(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(150, full=1500), largest=60)
    cluster = make_cluster(world, latency=0.1)
    cluster.follow(world.accounts)
    cluster.start("api", "worker", "worker-2", "beat")
    ended = 0
    with asking(cluster) as answers:
        for _ in range(length(5, full=15)):
            time.sleep(2)
            ended += cluster.end_sessions()

    assert ended > 20
    assert {status for _, status in answers.statuses} == {200}
    check(cluster)
