"""Redis that is killed, frozen, emptied, or out of reach: a hint is lost, and no user."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from simulator import Account, World
from tests.faults.cluster import LEASE, TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, a_world
from tests.faults.cut import Cut, cut
from tests.faults.invariants import check, left
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


def follow_and_wait(cluster: Cluster, account: Account, seconds: float) -> None:
    """Follow one user more, who has to be scanned within so many seconds."""
    cluster.follow([account], scanned_on=None)
    wait_until(lambda: account.login not in left(cluster), seconds)


def test_3_a_worker_outlives_redis_with_one_task_at_work_and_a_child_free(
    make_cluster: MakeCluster, length: Length
) -> None:
    kills = length(2, full=10)
    world = a_world(2 * kills)
    # A scan, perhaps a sweep, and always a child that waits for work.
    cluster = make_cluster(world, knobs={"WORKER_CONCURRENCY": "3"})
    cluster.start("worker", "beat")
    worker = cluster.pid("worker")

    for kill in range(kills):
        first, second = world.accounts[2 * kill : 2 * kill + 2]
        cluster.simulator.reset_records()
        # Longer than Redis is away.
        cluster.simulator.latency = 4.0
        cluster.follow([first], scanned_on=None)
        wait_until(lambda: cluster.simulator.peak_in_flight > 0, 60)
        cluster.kill_redis(for_seconds=2)
        cluster.simulator.latency = 0.05
        follow_and_wait(cluster, second, 15)

    # Better than to be back within ten seconds.
    assert cluster.pid("worker") == worker
    assert not cluster.restarts.get("worker")
    check(cluster)


def test_4_a_redis_that_froze_and_then_dropped_everybody(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = a_world(length(40, full=400))
    *known, late = world.accounts
    # A few at a time: somebody has to be left.
    cluster = make_cluster(world, latency=0.3, knobs={"HIGH_WATER": "6"})
    cluster.follow(known)
    cluster.start("worker", "beat")
    cluster.wait_until_done(1)

    with cluster.frozen_redis():
        time.sleep(length(8, full=40))
    with cluster.redis() as client:
        assert client.client_kill_filter(_type="normal", skipme=True) > 0

    follow_and_wait(cluster, late, 60)
    check(cluster)
    assert not cluster.restarts.get("worker")


def test_5_a_redis_that_forgets_everything_again_and_again(
    make_cluster: MakeCluster, length: Length
) -> None:
    users, losses = length(60, full=1000), length(3, full=15)
    # Large enough to share no request: nobody who was lost is taken along with another.
    world = World.synthetic(seed=7, sizes=[70] * users, day=TODAY)
    # What is queued or taken is lost; the rest waits in Postgres.
    cluster = make_cluster(world, latency=0.2, knobs={"HIGH_WATER": str(users // 6)})
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat")
    lost = 0

    for loss in range(losses):
        cluster.wait_until_done(1 + loss * users // (losses * 2))
        with cluster.redis() as client:
            lost += client.llen("scan") + client.hlen("unacked")
            client.flushall()

    assert lost > 0
    # The last that was lost is claimed again when its lease and a sweep have passed.
    check(cluster, seconds=LEASE + 1 + length(20, full=300))


def body_of(number: int, account: Account) -> dict[str, object]:
    """Ask for one account by its id, for the next by its login."""
    if number % 2:
        return {"login": account.login}
    return {"id": account.id, "login": account.login, "name": account.login}


def put_all(cluster: Cluster, accounts: Sequence[Account]) -> list[tuple[int, float]]:
    """Follow accounts from forty threads at once; return each answer's code, and its seconds."""

    def put(number: int, account: Account) -> tuple[int, float]:
        begun = time.monotonic()
        answer = client.put("/v1/users", json=body_of(number, account))
        return answer.status_code, time.monotonic() - begun

    with (
        # No connection is kept: of many threads one could be about to use what another closes.
        httpx.Client(
            base_url=cluster.system.address,
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client,
        ThreadPoolExecutor(40) as pool,
    ):
        return list(pool.map(put, itertools.count(), accounts))


def follow_without_redis(make_cluster: MakeCluster, length: Length, how: Cut) -> None:
    """Follow users while Redis is away: nobody waits long, and everybody is scanned afterwards."""
    bursts = length(2, full=10)
    world = a_world(50 * bursts)
    cluster = make_cluster(world)
    cluster.start("api", "worker", "beat")
    answers = []

    with ExitStack() as outage:
        begun = time.monotonic()
        cut(cluster, how, outage)
        for burst in range(bursts):
            answers += put_all(cluster, world.accounts[50 * burst : 50 * burst + 50])
            # They come all through the outage.
            until = begun + length(8, full=60) * (burst + 1) / bursts
            time.sleep(max(0.0, until - time.monotonic()))

    assert {code for code, _ in answers} == {201, 202}
    seconds = sorted(second for _, second in answers)
    # The short form runs beside other tests, which take their part of the processors.
    assert seconds[int(len(seconds) * 0.99) - 1] < length(5, full=2)
    wait_until(lambda: cluster.users() == len(world.accounts), 60)
    check(cluster)


def test_6_users_are_followed_while_redis_refuses(
    make_cluster: MakeCluster, length: Length
) -> None:
    follow_without_redis(make_cluster, length, Cut.REFUSED)


@pytest.mark.parametrize("how", [Cut.SWALLOWED, Cut.FROZEN])
def test_7_users_are_followed_while_redis_does_not_answer(
    make_cluster: MakeCluster, length: Length, how: Cut
) -> None:
    follow_without_redis(make_cluster, length, how)
