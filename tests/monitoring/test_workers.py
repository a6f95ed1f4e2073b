"""What real workers count, and the API shows to Prometheus."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from sqlalchemy import Connection, text

from simulator import GitHubSimulator, World, serving
from simulator.faults import Fault, FaultKind
from tests.end_to_end.conftest import MakeSystem, make_system
from tests.end_to_end.system import System, running
from tests.monitoring.scrape import Scrape, scrape
from tests.waiting import wait_until

__all__ = ["make_system"]

pytestmark = pytest.mark.end_to_end

USERS = 12


@pytest.fixture
def github() -> GitHubSimulator:
    """A GitHub with some users of three repositories each."""
    world = World(day=datetime.now(UTC).date())
    for number in range(USERS):
        account = world.add_account(f"user-{number}", id=1000 + number)
        for name in "abc":
            world.add_repository(account, name, stargazers=number)
    return GitHubSimulator(world, tokens={"token": world.add_account("watcher")})


@pytest.fixture
def system(make_system: MakeSystem, github: GitHubSimulator) -> Iterator[System]:
    """A system that is not started."""
    with serving(github) as address:
        yield make_system(GITHUB_API_URL=address)


def shown(system: System) -> Scrape:
    return scrape(int(system.environment["API_PORT"]))


def track(system: System, numbers: range) -> None:
    for number in numbers:
        login = f"user-{number}"
        body = {"id": 1000 + number, "login": login, "name": login}
        assert system.call("PUT", "/v1/users", json=body).status_code == 201


def wait_for_scans(system: System, count: int) -> Scrape:
    wait_until(lambda: shown(system).value("repopulse_scans_total", outcome="done") >= count, 60)
    return shown(system)


def children(process: int) -> set[int]:
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def sockets(process: int) -> set[str]:
    """Return the listening TCP sockets of a process."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    descriptors = Path(f"/proc/{process}/fd").iterdir()
    return listening & {str(descriptor.readlink()) for descriptor in descriptors}


def test_counts_of_all_children_add_up_and_survive_their_workers(
    system: System, connection: Connection
) -> None:
    with running(system, "api", "worker"):
        track(system, range(6))
        before = wait_for_scans(system, 6)
        old = children(system.processes["worker"].pid)
        system.kill("worker")
        system.start("worker")
        wait_until(lambda: shown(system).value("repopulse_workers") == 1, 30)
        restarted = shown(system)
        track(system, range(6, USERS))
        after = wait_for_scans(system, USERS)
        rows = connection.execute(text("SELECT count(*) FROM daily_stats")).scalar_one()

    assert len(old) == 2
    assert before.value("repopulse_rows_written_total") == 18
    for name in ("repopulse_scans_total", "repopulse_github_requests_total"):
        assert restarted.samples[name] == before.samples[name]
    assert after.value("repopulse_scans_total", outcome="done") == USERS
    assert after.value("repopulse_rows_written_total") == rows == 36
    requests = sum(after.samples["repopulse_github_requests_total"].values())
    durations = "repopulse_github_request_duration_seconds"
    assert requests >= USERS
    assert sum(after.samples[f"{durations}_count"].values()) == requests
    assert sum(after.samples[f"{durations}_sum"].values()) > 0


def test_first_request_that_github_rejects_is_an_increase(
    system: System, github: GitHubSimulator
) -> None:
    rejected = "repopulse_github_requests_total"
    github.fail(
        Fault(FaultKind.ANSWER, status=422, text='{"message": "no such field"}'), None, "graphql"
    )
    with running(system, "api", "worker"):
        before = shown(system)
        track(system, range(1))
        wait_until(
            lambda: shown(system).value(rejected, resource="graphql", meaning="query_wrong"), 60
        )

    # A series that is not there before has no increase.
    assert {"resource": "graphql", "meaning": "query_wrong"} in map(dict, before.samples[rejected])
    assert sum(before.samples[rejected].values()) == 0


def test_counts_begin_at_zero_after_redis_was_emptied(system: System) -> None:
    with running(system, "api", "worker"):
        track(system, range(1))
        before = wait_for_scans(system, 1)
        with redis.Redis.from_url(system.environment["REDIS_URL"]) as client:
            client.flushall()
        emptied = shown(system)
        track(system, range(1, 2))
        after = wait_for_scans(system, 1)

    assert emptied.value("repopulse_scans_total", outcome="done") == 0
    assert emptied.samples["repopulse_scans_total"].keys() == (
        before.samples["repopulse_scans_total"].keys()
    )
    assert after.value("repopulse_rows_written_total") == 3


def test_frozen_worker_is_not_counted(system: System) -> None:
    with running(system, "api", "worker"):
        wait_until(lambda: shown(system).value("repopulse_workers") == 1, 30)
        worker = system.processes["worker"].pid
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_until(lambda: shown(system).value("repopulse_workers") == 0, 60)
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_until(lambda: shown(system).value("repopulse_workers") == 1, 30)


def test_worker_that_was_terminated_is_not_counted(system: System) -> None:
    with running(system, "api", "worker"):
        wait_until(lambda: shown(system).value("repopulse_workers") == 1, 30)
        system.processes["worker"].terminate()
        # Sooner than after the time that forgets a killed one.
        wait_until(lambda: shown(system).value("repopulse_workers") == 0, 15)


def test_worker_opens_no_port(system: System) -> None:
    with running(system, "api", "worker"):
        wait_until(lambda: shown(system).value("repopulse_workers") == 1, 30)
        worker = system.processes["worker"].pid

        assert sockets(system.processes["api"].pid)
        assert not any(map(sockets, {worker, *children(worker)}))
