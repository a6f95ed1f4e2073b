"""Redis that is killed, frozen, emptied or unreachable: messages are lost, users are not."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from simulator import Account, World
from tests.faults.cluster import LEASE, TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check, unscanned
from tests.faults.redis_outage import RedisOutage, take_redis_away
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


def follow_and_wait(cluster: Cluster, account: Account, seconds: float) -> None:
    """Follow one more user, and wait until the user is scanned."""
    cluster.follow([account], scanned_on=None)
    wait_until(lambda: account.login not in unscanned(cluster), seconds)


def test_3_a_worker_survives_redis_while_one_task_runs_and_a_process_is_idle(
    make_cluster: MakeCluster, length: Length
) -> None:
    kills = length(2, full=10)
    world = make_world(2 * kills)
    # One process for a scan, one for a sweep, and one that waits for work.
    cluster = make_cluster(world, settings={"WORKER_CONCURRENCY": "3"})
    cluster.start("worker", "beat")
    worker = cluster.pid("worker")

    for kill in range(kills):
        first, second = world.accounts[2 * kill : 2 * kill + 2]
        cluster.simulator.reset_records()
        # The answer takes longer than Redis is away.
        cluster.simulator.latency = 4.0
        cluster.follow([first], scanned_on=None)
        wait_until(lambda: cluster.simulator.peak_in_flight > 0, 60)
        cluster.kill_redis(for_seconds=2)
        cluster.simulator.latency = 0.05
        follow_and_wait(cluster, second, 15)

    assert cluster.pid("worker") == worker
    assert not cluster.restarts.get("worker")
    check(cluster)


def test_4_a_worker_survives_a_redis_that_freezes_and_then_drops_its_clients(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(40, full=400))
    *known, late = world.accounts
    # A few at a time, so that users are left.
    cluster = make_cluster(world, latency=0.3, settings={"HIGH_WATER": "6"})
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


def test_5_no_user_is_lost_when_redis_is_emptied_again_and_again(
    make_cluster: MakeCluster, length: Length
) -> None:
    users, losses = length(60, full=1000), length(3, full=15)
    world = World.synthetic(seed=7, sizes=[3] * users, day=TODAY)
    # Only what is queued or taken is lost; the rest waits in Postgres.
    cluster = make_cluster(world, latency=0.2, settings={"HIGH_WATER": str(users // 6)})
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat")
    lost = 0

    for loss in range(losses):
        cluster.wait_until_done(1 + loss * users // (losses * 2))
        with cluster.redis() as client:
            lost += client.llen("scan") + client.hlen("unacked")
            client.flushall()

    assert lost > 0
    # A lost user is claimed again by the first sweep after the lease.
    check(cluster, seconds=LEASE + 1 + length(20, full=300))


def body_of(number: int, account: Account) -> dict[str, object]:
    """Return a body with the id for one account, and with the login alone for the next."""
    if number % 2:
        return {"login": account.login}
    return {"id": account.id, "login": account.login, "name": account.login}


def put_all(cluster: Cluster, accounts: Sequence[Account]) -> list[tuple[int, float]]:
    """Follow accounts from forty threads; return each answer's status and its seconds."""

    def put(number: int, account: Account) -> tuple[int, float]:
        begun = time.monotonic()
        answer = client.put("/v1/users", json=body_of(number, account))
        return answer.status_code, time.monotonic() - begun

    with (
        # Without kept connections: a thread could use one that another is closing.
        httpx.Client(
            base_url=cluster.system.address,
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client,
        ThreadPoolExecutor(40) as pool,
    ):
        return list(pool.map(put, itertools.count(), accounts))


def follow_without_redis(make_cluster: MakeCluster, length: Length, how: RedisOutage) -> None:
    """Follow users while Redis is away: all answers are quick, and all users are scanned later."""
    bursts = length(2, full=10)
    world = make_world(50 * bursts)
    cluster = make_cluster(world)
    cluster.start("api", "worker", "beat")
    answers = []

    with ExitStack() as outage:
        begun = time.monotonic()
        take_redis_away(cluster, how, outage)
        for burst in range(bursts):
            answers += put_all(cluster, world.accounts[50 * burst : 50 * burst + 50])
            # Spread the bursts over the whole outage.
            until = begun + length(8, full=60) * (burst + 1) / bursts
            time.sleep(max(0.0, until - time.monotonic()))

    assert {code for code, _ in answers} == {201, 202}
    seconds = sorted(second for _, second in answers)
    # The short form runs at the same time as other tests, which use the processors too.
    assert seconds[int(len(seconds) * 0.99) - 1] < length(5, full=2)
    wait_until(lambda: cluster.users() == len(world.accounts), 60)
    check(cluster)


def test_6_users_are_followed_while_redis_refuses(
    make_cluster: MakeCluster, length: Length
) -> None:
    follow_without_redis(make_cluster, length, RedisOutage.REFUSED)


@pytest.mark.parametrize("how", [RedisOutage.SWALLOWED, RedisOutage.FROZEN])
def test_7_users_are_followed_while_redis_does_not_answer(
    make_cluster: MakeCluster, length: Length, how: RedisOutage
) -> None:
    follow_without_redis(make_cluster, length, how)
