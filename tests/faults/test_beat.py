"""Two beats, and a beat that was down at midnight: each user is scanned once a day."""

from datetime import UTC, datetime, time, timedelta

import pytest

from simulator import World
from tests.faults.cluster import TODAY
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


def test_10_two_beats_and_two_workers_send_no_more_requests_than_one_of_each(
    make_cluster: MakeCluster, length: Length
) -> None:
    users = length(20, full=200)
    world = World.synthetic(seed=7, sizes=[3] * users, day=TODAY)
    cluster = make_cluster(world)
    cluster.follow(world.accounts)
    cluster.start("worker", "worker-2", "beat", "beat-2")

    cluster.wait_until_done(users)
    # By now the workers have made the requests that they make once in a while.
    cluster.simulator.reset_records()

    days = [TODAY]
    for _ in range(3):
        days.append(cluster.next_day())
        cluster.wait_until_done(users)

    check(cluster, days=days)
    assert len(cluster.simulator.requests) <= users * 3 * 1.05


def test_11_a_beat_that_was_down_at_midnight_and_lost_its_schedule_catches_up(
    make_cluster: MakeCluster, length: Length
) -> None:
    users = length(40, full=1000)
    world = make_world(users)
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
