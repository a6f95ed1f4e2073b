"""Every process and server is killed in turn while users are added."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from simulator import Account
from tests.faults.cluster import Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


def put(cluster: Cluster, account: Account) -> int:
    """Repeat a call until it is accepted; return its status."""

    def accepted() -> int:
        try:
            status = cluster.call("PUT", "/v1/users", json={"login": account.login}).status_code
        except httpx.TransportError:
            return 0
        return status if status in (200, 201, 202) else 0

    return wait_until(accepted, 60)


def test_killing_every_process_in_turn_loses_and_doubles_nothing(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(100, full=500))
    step = len(world.accounts) // 10
    cluster = make_cluster(world)
    cluster.start("api", "worker", "beat")
    kills: tuple[Callable[[], None], ...] = (
        lambda: cluster.kill("worker"),
        lambda: cluster.kill("beat"),
        lambda: cluster.kill("api"),
        lambda: cluster.kill("worker"),
        cluster.kill_redis,
        cluster.kill_postgres,
    )
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(put, cluster, account) for account in world.accounts]
        for number, kill in enumerate(kills, start=1):
            cluster.wait_until_done(step * number)
            kill()
        for answer in answers:
            answer.result()

    cluster.wait_until_done(len(world.accounts), 120)
    check(cluster)
    assert cluster.users() == len(world.accounts)
    assert set(cluster.restarts) == {"worker", "beat", "api", "Postgres", "Valkey"}
