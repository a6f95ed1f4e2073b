"""GitHub that says to wait, and GitHub that is down over midnight."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, pairwise

import pytest
from sqlalchemy import RowMapping, text

from simulator import Fault, FaultKind, GitHubSimulator, Limits
from simulator.faults import Matcher, RequestView
from tests.faults.cluster import LEASE, TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, a_world
from tests.faults.invariants import check
from tests.faults.messages import messages
from tests.faults.proxy import Proxy
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

VISIBILITY_TIMEOUT = LEASE * 0.75

GRACE = 3.0
"""Seconds for which those who had leave when GitHub said to wait are on their way: more than one
on a busy machine."""

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
    """Let every request from now on meet one of the faults, each in its turn."""
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
    """Count how often everybody was told to wait: what comes within the grace was under way."""
    told = [request.at for request in cluster.simulator.requests if request.fault is not None]
    return len(told[:1]) + sum(after - before > GRACE for before, after in pairwise(told))


def test_14_a_storm_of_limits(make_cluster: MakeCluster, length: Length) -> None:
    world = a_world(length(40, full=200), largest=60)
    limits = replace(Limits.unlimited(), grace=GRACE)
    # All of them are due again and again: a fan-out has six seconds here, and sends a few.
    cluster = make_cluster(world, latency=0.02, limits=limits, knobs={"HIGH_WATER": "50"})
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
    """Return what is recorded of a day's scans."""
    with cluster.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT state, reason, recorded FROM scans WHERE day = :day"),
            {"day": day},
        )
        return rows.mappings().all()


def wait_until_all_failed(cluster: Cluster, day: date) -> None:
    """Wait until GitHub was asked in vain, for a day, for each user who was due."""
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


def test_14_github_down_over_midnight(make_cluster: MakeCluster, length: Length) -> None:
    world = a_world(length(30, full=100), largest=20)
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

    # A gap stays a gap, and says why.
    of_yesterday = records(cluster, TODAY)
    assert len(of_yesterday) == len(world.accounts)
    assert {(record["state"], record["recorded"]) for record in of_yesterday} == {("failed", 0)}
    assert all(record["reason"] for record in of_yesterday), of_yesterday
