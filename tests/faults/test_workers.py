"""Workers, and their pool processes, that are killed."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from common import users
from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import Account, World
from simulator.node_ids import NodeType, new_id
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.deadly_accounts import DeadlyAccounts
from tests.faults.invariants import check
from tests.faults.messages import messages
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


def test_1_no_scan_is_lost_when_workers_are_killed_again_and_again(
    make_cluster: MakeCluster, length: Length
) -> None:
    users, kills = length(400, full=5000), length(8, full=25)
    world = make_world(users, largest=30)
    cluster = make_cluster(world, latency=0.1)
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat")
    dice = random.Random(1)
    cluster.wait_until_done(1)

    for kill in range(kills):
        before = cluster.done()
        cluster.wait_until_done(min(users, before + users // (kills * 2)), 60)
        time.sleep(dice.uniform(0, 0.3))
        cluster.kill(f"worker{'-2' if kill % 2 else ''}")

    assert cluster.restarts["worker"] + cluster.restarts["worker-2"] >= kills - 1
    # Half of them are left.
    check(cluster, seconds=length(90, full=600))


def busy_children(cluster: Cluster, name: str) -> list[psutil.Process]:
    """Return the pool processes of a worker that are connected to GitHub now."""
    port = int(cluster.system.environment["GITHUB_API_URL"].rpartition(":")[2])
    return [
        child
        for child in cluster.children(name)
        if any(
            connection.status == psutil.CONN_ESTABLISHED and connection.raddr.port == port
            for connection in child.net_connections(kind="tcp")
        )
    ]


def test_2_a_worker_survives_when_a_pool_process_is_killed(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(40, full=200), largest=60)
    cluster = make_cluster(world, latency=0.3)
    cluster.follow(world.accounts)
    cluster.start("worker", "beat")
    parent = cluster.pid("worker")
    # Once GitHub has sent its limits, more than one request may be under way.
    cluster.wait_until_done(1)

    for _ in range(length(3, full=10)):
        victims = wait_until(lambda: busy_children(cluster, "worker"), 20)
        siblings = [child for child in cluster.children("worker") if child != victims[0]]
        victims[0].kill()
        wait_until(lambda: not victims[0].is_running())  # noqa: B023 - called at once
        # The other processes and their worker keep running.
        assert all(sibling.is_running() for sibling in siblings)

    check(cluster)
    assert cluster.pid("worker") == parent
    assert "worker" not in cluster.restarts


def test_2_the_message_of_a_killed_child_comes_again(make_cluster: MakeCluster) -> None:
    world = World.synthetic(seed=7, sizes=[1] * 6, day=TODAY)
    cluster = make_cluster(world, latency=2)
    cluster.follow(world.accounts)
    cluster.start("worker", "beat")
    (victim,) = wait_until(lambda: busy_children(cluster, "worker"), 20)

    victim.kill()

    again = wait_until(lambda: [each for each in messages(cluster) if each.countdown > 0], 20)
    (message,) = again
    assert message.arguments[0] in {account.id for account in world.accounts}
    check(cluster)


def test_2_a_load_whose_worker_is_killed_is_taken_up_again_within_two_minutes(
    make_cluster: MakeCluster,
) -> None:
    world = World.synthetic(seed=7, sizes=[3], day=TODAY)
    # The default leases.
    cluster = make_cluster(world, latency=60, settings={"LEASE": "1200", "LOAD_LEASE": "45"})
    cluster.follow(world.accounts, scanned_on=None)
    cluster.start("worker", "beat")
    wait_until(lambda: busy_children(cluster, "worker"), 20)
    cluster.simulator.latency = 0.05

    cluster.kill("worker")

    # The killed task's message comes back only after a quarter of an hour.
    cluster.wait_until_done(1, 120)
    assert states(cluster, world.accounts) == ["done"]


def states(cluster: Cluster, accounts: Sequence[Account]) -> list[str]:
    with cluster.engine.connect() as connection:
        return list(
            connection.execute(
                text("SELECT state FROM scans WHERE user_id = ANY(:ids) ORDER BY user_id"),
                {"ids": [account.id for account in accounts]},
            ).scalars()
        )


def test_13_a_user_whose_scan_kills_its_worker_is_set_aside_and_all_others_are_scanned(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(40, full=400))
    most = length(3, full=5)
    deadly = world.accounts[10:12]
    nodes = [new_id(NodeType(account.type), account.id) for account in deadly]
    made: list[DeadlyAccounts] = []

    def wrap(app: Any) -> DeadlyAccounts:
        made.append(DeadlyAccounts(app, child=nodes[0], worker=nodes[1]))
        return made[0]

    cluster = make_cluster(world, wrap_github=wrap, settings={"MAX_ATTEMPTS": str(most)})
    cluster.follow(world.accounts[:10])
    cluster.start("worker", "worker-2", "beat")
    # Until GitHub has sent its limits, REST's too, one request goes at a time, and the permit
    # of a killed one expires after forty seconds.
    cluster.wait_until_done(10)
    cluster.follow(world.accounts[10:])

    def are_set_aside_alone() -> bool:
        cluster.skip_wait()
        return (
            states(cluster, deadly) == ["set_aside"] * 2
            and cluster.done() == len(world.accounts) - 2
        )

    wait_until(are_set_aside_alone, 120)
    kills = dict(made[0].kills)
    # The claim after the last attempt sets the user aside until tomorrow, and is still carried out.
    assert all(0 < count <= most + 1 for count in kills.values()), kills

    # Not before tomorrow.
    for _ in range(4):
        cluster.clock.advance(timedelta(minutes=30))
        time.sleep(0.5)
    assert made[0].kills == kills

    for account in deadly:
        with cluster.engine.begin() as connection:
            users.delete(connection, account.id)
    check(cluster)


def in_flight(cluster: Cluster) -> int:
    """Return how many messages the workers have taken and not finished."""
    with cluster.redis() as client:
        return int(client.hlen("unacked"))


SHIFTED_CLOCK = str(Path(__file__).parent / "shifted_clock")


def test_15_workers_on_hosts_whose_clocks_differ_restart_while_tasks_run(
    make_cluster: MakeCluster,
) -> None:
    world = make_world(40, largest=60)
    # A task takes a minute here.
    cluster = make_cluster(world, latency=60, settings={"LEASE": "240"})
    cluster.follow(world.accounts)
    cluster.start("worker", CLOCK_SHIFT="600", PYTHONPATH=SHIFTED_CLOCK)
    cluster.start("worker-2", CLOCK_SHIFT="-600", PYTHONPATH=SHIFTED_CLOCK)
    cluster.start("beat")
    wait_until(lambda: in_flight(cluster) >= 2 and cluster.simulator.peak_in_flight > 0, 60)
    cluster.stop("beat")

    begun = time.monotonic()
    cluster.stop("worker", "worker-2", within=15)

    # Docker waits ten seconds by default; the compose file says twenty.
    assert time.monotonic() - begun < 10
    wait_until(lambda: in_flight(cluster) == 0, 5)
    cluster.simulator.latency = 0.05
    cluster.start("worker", CLOCK_SHIFT="600", PYTHONPATH=SHIFTED_CLOCK)
    cluster.start("worker-2", CLOCK_SHIFT="-600", PYTHONPATH=SHIFTED_CLOCK)
    cluster.start("beat")
    check(cluster)


def test_15_a_late_message_records_the_day_on_which_it_is_taken(
    make_cluster: MakeCluster,
) -> None:
    world = make_world(10)
    cluster = make_cluster(world)
    cluster.follow(world.accounts)
    app = make_celery(Settings(redis_url=SecretStr(cluster.redis_server.url)))
    for account in world.accounts:
        assert send(app, Task.SCAN_USER, account.id, TODAY.isoformat())

    tomorrow = cluster.next_day()
    cluster.start("worker", "beat")
    cluster.wait_until_done(10)

    check(cluster, days=[tomorrow])
