"""Beats that are doubled, or absent over midnight: once a day everybody, and nobody twice."""

from datetime import UTC, datetime, time, timedelta

import pytest

from simulator import World
from tests.faults.cluster import TODAY
from tests.faults.conftest import Length, MakeCluster, a_world
from tests.faults.invariants import check

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

OWN_REQUEST = 70
"""Repositories of a user who shares a request with nobody, and needs no second one."""


def test_10_two_beats_and_two_workers_cost_github_no_more_than_one_of_each(
    make_cluster: MakeCluster, length: Length
) -> None:
    users = length(20, full=200)
    world = World.synthetic(seed=7, sizes=[OWN_REQUEST] * users, day=TODAY)
    cluster = make_cluster(world)
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat", "beat-2")

    cluster.wait_until_done(users)
    # What is looked at once in a while was looked at by now.
    cluster.simulator.reset_records()

    days = [TODAY]
    for _ in range(3):
        days.append(cluster.next_day())
        cluster.wait_until_done(users)

    check(cluster, days=days)
    assert len(cluster.simulator.requests) <= users * 3 * 1.05


def test_11_a_beat_that_missed_midnight_and_forgot_everything_makes_up_for_it(
    make_cluster: MakeCluster, length: Length
) -> None:
    users = length(40, full=1000)
    world = a_world(users)
    cluster = make_cluster(world)
    cluster.follow(world.accounts)
    cluster.start("worker", "beat")
    cluster.wait_until_done(users)
    cluster.clock.set(datetime.combine(TODAY, time(23, 50), UTC))
    cluster.stop("beat")
    kept = list((cluster.directory / "beat").glob("beat.schedule*"))
    assert kept

    tomorrow = TODAY + timedelta(days=1)
    world.day = tomorrow
    cluster.clock.set(datetime.combine(tomorrow, time(6), UTC))
    assert cluster.done(tomorrow) == 0
    for file in kept:
        file.unlink()
    cluster.start("beat")

    cluster.wait_until_done(users)
    check(cluster, days=[TODAY, tomorrow])
