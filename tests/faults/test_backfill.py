"""Every process and server is killed in turn while star histories are read."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.star_gains import last_ended_day
from simulator import Account, World
from simulator.star_history import weeks
from simulator.star_log import StarLog
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster
from tests.faults.invariants import check
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

FIRST = date(2025, 10, 1)
PER_ACCOUNT = 10


def make_world(repositories: int) -> tuple[World, list[Account], list[Account]]:
    """Make accounts whose repositories have histories of a year, and some without stars."""
    world = World(day=TODAY)
    # As late as the clock of the cluster: the same day has ended in Los Angeles.
    world.set_time(time(12))
    created = datetime.combine(FIRST, datetime.min.time(), UTC)
    accounts = []
    for number in range(repositories // PER_ACCOUNT):
        accounts.append(world.add_account(f"starred-{number}"))
        for each in range(PER_ACCOUNT):
            seed = number * PER_ACCOUNT + each
            stars = StarLog.random(seed, FIRST, TODAY + timedelta(days=5), a_day=0.5)
            world.add_repository(accounts[-1], f"r{each}", stars=stars, created_at=created)
    late = [world.add_account(f"late-{number}") for number in range(10)]
    for account in late:
        world.add_repository(account, "r")
    return world, accounts, late


def count_done(cluster: Cluster) -> int:
    """Count the histories that are read, after skipping a wait that all others have."""
    with suppress(DBAPIError), cluster.engine.connect() as connection:
        done, wait = connection.execute(
            text(
                "SELECT count(*) FILTER (WHERE state = 'done'), extract(epoch FROM"
                " min(greatest(not_before, lease_until)) FILTER (WHERE state = 'pending')"
                " - repopulse_now()) FROM backfills"
            )
        ).one()
        if wait is not None and 0 < wait < 600:
            cluster.clock.advance(timedelta(seconds=float(wait)))
        return int(done)
    return 0


def wait_until_done(cluster: Cluster, count: int) -> None:
    wait_until(lambda: count_done(cluster) >= count, 60 + count)


@pytest.mark.timeout(3600)
def test_killing_every_process_in_turn_reads_each_page_once_and_delays_no_scan(
    make_cluster: MakeCluster, length: Length
) -> None:
    repositories = length(30, full=2000)
    world, accounts, late = make_world(repositories)
    cluster = make_cluster(world, settings={"BACKFILL": "auto"}, latency=0.02)
    cluster.follow(accounts)
    cluster.start("api", "worker", "beat")
    kills: tuple[Callable[[], None], ...] = (
        lambda: cluster.kill("worker"),
        cluster.kill_redis,
        lambda: cluster.kill("beat"),
        cluster.kill_postgres,
        lambda: cluster.kill("api"),
        *[lambda: cluster.kill("worker")] * length(0, full=3),
    )
    step = repositories // (len(kills) + 1)
    for number, kill in enumerate(kills, start=1):
        wait_until_done(cluster, step * number)
        if number == len(kills) // 2:
            # Their scans are due while the histories are read.
            cluster.follow(late)
        kill()
    wait_until_done(cluster, repositories)

    check(cluster)
    _check_gains(cluster)
    _check_requests(cluster, kills=len(kills))
    _check_scans(cluster, late)
    assert set(cluster.restarts) == {"worker", "beat", "api", "Postgres", "Valkey"}


def _check_gains(cluster: Cluster) -> None:
    """Each day has the stars that are held, no more and no less."""
    with cluster.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT repo_id, day, gained_first, gained_last FROM star_gains"
                " WHERE gained_first + gained_last > 0"
            )
        )
        stored = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    last = last_ended_day(cluster.world.now)
    expected = {
        (repository.id, day): (gained, gained)
        for account in cluster.world.accounts
        for repository in cluster.world.repositories(account)
        if repository.stars is not None
        for day, gained in repository.stars.gained(cluster.world.now).items()
        if day <= last
    }
    assert stored == expected


def _check_requests(cluster: Cluster, *, kills: int) -> None:
    """Each page was answered once, but for those whose reader was killed before it stored them."""
    answered = Counter(
        (int(record.path.split("/")[2]), int(parse_qs(record.query)["page"][0]))
        for record in cluster.simulator.requests
        if record.path.endswith("/stargazers/history")
    )
    needed = {
        (repository.id, page)
        for account in cluster.world.accounts
        for repository in cluster.world.repositories(account)
        if repository.stars is not None
        for page in range(1, len(weeks(repository, cluster.world.now)) // 30 + 2)
    }
    assert set(answered) == needed
    cut_off = answered.total() - len(needed)
    print(f"{len(needed)} pages, {cut_off} requested again after {kills} kills")
    # One reading is at work, and its lease may end while its server is away.
    assert cut_off <= 2 * kills


def _check_scans(cluster: Cluster, late: list[Account]) -> None:
    """The scans that came due meanwhile were not held up: they took a few sweeps."""
    with cluster.engine.connect() as connection:
        longest = connection.execute(
            text(
                "SELECT max(s.finished_at - u.added_at) FROM scans s JOIN users u"
                " ON u.id = s.user_id WHERE u.id = ANY(:ids)"
            ),
            {"ids": [account.id for account in late]},
        ).scalar_one()
    print(f"the scans that came due meanwhile ended after {longest}")
    assert longest < timedelta(hours=1)
