"""What real workers tell Prometheus."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, text

from common.states import ScanState
from simulator import GitHubSimulator, World
from simulator import running as serving
from tests.end_to_end.conftest import MakeSystem, make_system
from tests.end_to_end.system import System, free_port, running
from tests.monitoring.scrape import Scrape, scrape
from tests.waiting import wait_until
from worker.github.answers import Meaning

__all__ = ["make_system"]

pytestmark = pytest.mark.end_to_end

USERS = 12


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def system(make_system: MakeSystem, port: int) -> Iterator[System]:
    """A system that is not started, beside a GitHub with some users of three repositories each."""
    world = World(day=datetime.now(UTC).date())
    for number in range(USERS):
        account = world.add_account(f"user-{number}", id=1000 + number)
        for name in "abc":
            world.add_repository(account, name, stargazers=number)
    tokens = {"token": world.add_account("watcher")}
    with serving(GitHubSimulator(world, tokens=tokens)) as github:
        yield make_system(GITHUB_API_URL=github, WORKER_METRICS_PORT=str(port))


def told(port: int) -> Scrape:
    """Wait until the worker tells something, and return it."""

    def answer() -> list[Scrape]:
        with suppress(httpx.TransportError):
            return [each for each in [scrape(port)] if each.samples]
        return []

    return wait_until(answer, 30)[0]


def follow(system: System, numbers: range) -> None:
    for number in numbers:
        login = f"user-{number}"
        body = {"id": 1000 + number, "login": login, "name": login}
        assert system.call("PUT", "/v1/users", json=body).status_code == 201


def wait_for_a_scan(system: System) -> None:
    def is_done() -> bool:
        scans = system.call("GET", "/v1/users/1000/scans").json()
        return [scan["state"] for scan in scans] == ["done"]

    wait_until(is_done, 30)


def listening(processes: set[int]) -> set[int]:
    """Return which of the processes hold a socket that listens."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}

    def held(process: int) -> Iterator[str]:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())

    return {process for process in processes if not sockets.isdisjoint(held(process))}


def wait_for_scans(port: int, count: int) -> Scrape:
    wait_until(lambda: scrape(port).value("repopulse_scans_total", outcome="done") >= count, 60)
    return scrape(port)


def children(system: System) -> set[int]:
    """The processes of the pool."""
    parent = system.processes["worker"].pid
    return set(map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()))


def test_a_worker_that_has_done_nothing_tells_every_series(system: System, port: int) -> None:
    with running(system, "worker"):
        first = told(port)

    assert {labels["outcome"] for labels in first.labels("repopulse_scans_total")} == set(
        ScanState
    ) - {ScanState.CLAIMED}
    asked = list(first.labels("repopulse_github_requests_total"))
    assert len(asked) == 2 * len(Meaning)
    assert sum(sum(series.values()) for series in first.samples.values()) == 0


def test_two_children_are_summed_and_a_kill_loses_no_count(
    system: System, port: int, connection: Connection
) -> None:
    with running(system, "api", "worker"):
        follow(system, range(6))
        before = wait_for_scans(port, 6)
        counting = {
            path.name
            for path in (Path(system.environment["DATA_DIR"]) / "metrics" / str(port)).glob("*.db")
            if path.read_bytes().strip(b"\0") and "main" not in path.name
        }
        old = children(system)
        for child in old:
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: len(children(system) - old) == 2, 30)
        after_the_kill = scrape(port)
        follow(system, range(6, USERS))
        after = wait_for_scans(port, USERS)
        rows = connection.execute(text("SELECT count(*) FROM daily_stats")).scalar_one()

    # Guards the test itself: both children had something to count.
    assert counting == {f"{kind}_{place}.db" for kind in ("counter", "histogram") for place in "01"}
    assert before.value("repopulse_rows_written_total") == 18
    assert after_the_kill.samples == before.samples
    assert after.value("repopulse_scans_total", outcome="done") == USERS
    assert after.value("repopulse_rows_written_total") == rows == 36
    requests = sum(after.samples["repopulse_github_requests_total"].values())
    durations = "repopulse_github_request_duration_seconds"
    assert requests >= USERS
    assert sum(after.samples[f"{durations}_count"].values()) == requests
    assert sum(after.samples[f"{durations}_sum"].values()) > 0
    assert after.value(f"{durations}_bucket", resource="graphql", le="+Inf") == after.value(
        f"{durations}_count", resource="graphql"
    )


def test_a_new_worker_begins_at_zero(system: System, port: int) -> None:
    with running(system, "api", "worker"):
        follow(system, range(1))
        wait_for_scans(port, 1)
        system.kill("worker")
        system.start("worker")
        again = told(port)

    assert again.value("repopulse_scans_total", outcome="done") == 0


def test_children_that_outlive_their_worker_do_not_keep_its_port(system: System, port: int) -> None:
    with running(system, "worker"):
        told(port)
        parent = system.processes["worker"].pid
        wait_until(lambda: len(children(system)) == 2, 30)

        assert listening({parent}) == {parent}
        wait_until(lambda: not listening(children(system)), 30)


def test_a_worker_without_its_port_says_so_in_a_line_and_works_on(
    system: System, port: int
) -> None:
    with socket.create_server(("127.0.0.1", port)), running(system, "api", "worker"):
        follow(system, range(1))
        wait_for_a_scan(system)
        lines = [line for line in system.log("worker").splitlines() if "metrics" in line]

    assert len(lines) == 1
    assert f"no metrics on 127.0.0.1:{port}: Address already in use; work goes on" in lines[0]
    assert "Traceback" not in system.log("worker")


def test_a_worker_whose_directory_cannot_be_made_works_on(system: System, port: int) -> None:
    directory = Path(system.environment["DATA_DIR"])
    directory.mkdir(parents=True)
    (directory / "metrics").write_text("a file")
    with running(system, "api", "worker"):
        follow(system, range(1))
        wait_for_a_scan(system)
        with socket.socket() as probe:
            refused = probe.connect_ex(("127.0.0.1", port))

    assert refused != 0
    assert f"no metrics on 127.0.0.1:{port}: " in system.log("worker")
    assert "Traceback" not in system.log("worker")


def test_by_default_a_worker_tells_nothing(system: System) -> None:
    del system.environment["WORKER_METRICS_PORT"]
    directory = Path(system.environment["DATA_DIR"])
    with running(system, "worker"):
        wait_until((directory / "worker.heartbeat").exists, 30)

        assert not (directory / "metrics").exists()
        assert listening(children(system) | {system.processes["worker"].pid}) == set()
