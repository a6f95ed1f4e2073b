"""GitHub that tells clients to wait, and GitHub that is down at midnight."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, pairwise

import pytest
from sqlalchemy import RowMapping, text

from simulator import Fault, FaultKind, GitHubSimulator, Limits
from simulator.faults import Matcher, RequestView
from tests.faults.cluster import LEASE, TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check
from tests.faults.messages import messages
from tests.faults.proxy import Proxy
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

VISIBILITY_TIMEOUT = LEASE * 0.75

GRACE = 3.0
"""Seconds in which requests that had a permit before GitHub said to wait still arrive; a busy
machine takes more than one second on a busy machine."""

STORM = (
    Fault(FaultKind.SECONDARY_LIMIT, status=403, retry_after=5),
    Fault(FaultKind.SECONDARY_LIMIT, status=429, retry_after=6),
    Fault(FaultKind.PRIMARY_LIMIT, seconds=5),
)

OUTAGE = (
    Fault(FaultKind.SERVER_ERROR, status=500),
    Fault(FaultKind.RESET),
    Fault(FaultKind.SERVER_ERROR, status=503),
)


def fail_in_turn(simulator: GitHubSimulator, faults: Sequence[Fault]) -> None:
    """Let every request from now on get one of the faults, in turn."""
    turns = count()
    now = 0

    def is_turn_of(number: int) -> Matcher:
        def match(_: RequestView) -> bool:
            nonlocal now
            if number == 0:
                # The first fault is asked first, once for each request.
                now = next(turns) % len(faults)
            return now == number

        return match

    for number, fault in enumerate(faults):
        simulator.fail(fault, times=None, match=is_turn_of(number))


def waits(cluster: Cluster) -> int:
    """Count the orders to wait; those within the grace belong to requests under way."""
    faulty = [request.at for request in cluster.simulator.requests if request.fault is not None]
    return len(faulty[:1]) + sum(after - before > GRACE for before, after in pairwise(faulty))


def test_14_no_request_is_sent_while_github_says_to_wait(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(40, full=200), largest=60)
    limits = replace(Limits.unlimited(), grace=GRACE)
    # Users are due again and again, and a fan-out may take only six seconds here.
    cluster = make_cluster(world, latency=0.02, limits=limits, settings={"HIGH_WATER": "50"})
    cluster.follow(world.accounts)
    fail_in_turn(cluster.simulator, STORM)
    cluster.start("worker", "worker-2", "beat")
    seen = []

    def is_over() -> bool:
        seen.extend(messages(cluster))
        return waits(cluster) >= length(3, full=25)

    wait_until(is_over, length(60, full=240))
    cluster.simulator.heal()

    check(cluster)
    assert cluster.simulator.violations == []
    assert max(message.countdown for message in seen) < VISIBILITY_TIMEOUT
    for name in ("worker", "worker-2"):
        assert "scan waiting" in cluster.logs()[name]


def records(cluster: Cluster, day: date) -> Sequence[RowMapping]:
    """Return the records of a day's scans."""
    with cluster.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT state, reason, recorded FROM scans WHERE day = :day"),
            {"day": day},
        )
        return rows.mappings().all()


def wait_until_all_failed(cluster: Cluster, day: date) -> None:
    """Wait until the scan of each due user has failed on a day."""
    due = text("SELECT count(*) FROM users WHERE not_before <= repopulse_now()")

    def have_failed() -> bool:
        with cluster.engine.connect() as connection:
            if connection.execute(due).scalar_one():
                return False
        found = records(cluster, day)
        return len(found) == len(cluster.world.accounts) and all(
            record["state"] in ("failed", "set_aside") for record in found
        )

    wait_until(have_failed, 120)


def test_14_users_are_scanned_after_github_was_down_at_midnight(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(30, full=100), largest=20)
    tomorrow = TODAY + timedelta(days=1)
    cluster = make_cluster(world, latency=0.01)
    address = cluster.system.environment["GITHUB_API_URL"]
    with Proxy(int(address.rpartition(":")[2])) as to_github:
        cluster.system.environment["GITHUB_API_URL"] = f"http://127.0.0.1:{to_github.port}"
        cluster.clock.set(datetime.combine(TODAY, time(23, 50), UTC))
        cluster.follow(world.accounts)
        fail_in_turn(cluster.simulator, OUTAGE)
        cluster.start("worker", "beat")
        wait_until_all_failed(cluster, TODAY)

        to_github.refuse()
        world.day = tomorrow
        cluster.clock.set(datetime.combine(tomorrow, time(0, 10), UTC))
        for _ in range(length(2, full=8)):
            wait_until_all_failed(cluster, tomorrow)
            cluster.clock.advance(timedelta(hours=1, minutes=1))

        cluster.simulator.heal()
        to_github.heal()
        cluster.clock.advance(timedelta(hours=1, minutes=1))
        check(cluster)

    # The gap stays, and its reason is recorded.
    of_yesterday = records(cluster, TODAY)
    assert len(of_yesterday) == len(world.accounts)
    assert {(record["state"], record["recorded"]) for record in of_yesterday} == {("failed", 0)}
    assert all(record["reason"] for record in of_yesterday), of_yesterday
