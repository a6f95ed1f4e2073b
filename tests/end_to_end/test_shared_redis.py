"""Two installations on one Redis share it with ``REDIS_PREFIX``; without it one is refused."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from simulator import Account, GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.servers import Databases, migrate
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

PREFIXES = ("team-a:", "team-b:")


@pytest.fixture
def github(world: World) -> Iterator[str]:
    with serving(GitHubSimulator(world, tokens={"token": None})) as url:
        yield url


@pytest.fixture
def installations(
    databases: Databases, make_system: MakeSystem, github: str, tmp_path: Path
) -> Iterator[tuple[System, System]]:
    """Two installations, each with a database that the migrations made."""
    with databases.fresh(migrated=False) as first, databases.fresh(migrated=False) as second:
        systems = []
        for name, url in (("a", first), ("b", second)):
            migrate(url)
            system = make_system(
                DATABASE_URL=url,
                DATA_DIR=str(tmp_path / name),
                GITHUB_API_URL=github,
                SWEEP_INTERVAL="1",
            )
            system.logs = tmp_path / f"logs-{name}"
            systems.append(system)
        yield systems[0], systems[1]


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def add_owner(world: World, login: str) -> Account:
    account = world.add_account(login)
    world.add_repository(account, "hello", stargazers=3, forks=2, watchers=1)
    return account


def follow(system: System, account: Account) -> None:
    answer = system.call("PUT", "/v1/users", json={"login": account.login})
    assert answer.status_code in (201, 202)


def has_rows(system: System, account: Account) -> bool:
    return bool(system.call("GET", f"/v1/users/{account.id}/stats").json().get("stats"))


def waiting_at_flower(system: System, queue: str) -> str:
    """Return how many messages Flower shows in a queue; empty while it starts."""
    try:
        page = httpx.get(f"http://127.0.0.1:{system.environment['FLOWER_PORT']}/broker", timeout=10)
    except httpx.TransportError:
        return ""
    found = re.search(rf"<td>{queue}</td>\s*<td[^>]*>\D*?(\d+)", page.text)
    return found[1] if found else ""


def test_two_installations_with_prefixes_work_on_one_redis(
    installations: tuple[System, System], server: "redis.Redis", world: World
) -> None:
    accounts = [add_owner(world, "octocat"), add_owner(world, "hubot")]
    for system, prefix in zip(installations, PREFIXES, strict=True):
        system.environment["REDIS_PREFIX"] = prefix
    first, second = installations

    with running(first, "api", "worker", "beat"), running(second, "api", "worker", "beat"):
        for system, account in zip(installations, accounts, strict=True):
            follow(system, account)
        for system, account in zip(installations, accounts, strict=True):
            wait_until(lambda: has_rows(system, account), 60)  # noqa: B023 - called at once
            # The sweep of its own beat, read by its own API.
            wait_until(lambda: system.call("GET", "/readyz").json()["status"] == "ready", 60)  # noqa: B023
            metrics = system.call("GET", "/metrics").text
            assert "repopulse_workers 1.0" in metrics
            assert "repopulse_rows_written_total 1.0" in metrics

    keys = [key.decode() for key in server.scan_iter()]
    ours = [key for key in keys if key.startswith(PREFIXES)]
    shared = [key for key in keys if key not in ours]
    assert {key.removeprefix(prefix) for prefix in PREFIXES for key in ours} >= {
        *("repopulse:counters", "repopulse:pulse", "repopulse:installation"),
    }
    # One credential, one budget.
    assert shared
    assert all(re.fullmatch(r"repopulse:github:[0-9a-f]{16}:\w+", key) for key in shared)


def test_flower_shows_the_queues_of_its_installation(
    installations: tuple[System, System], server: "redis.Redis"
) -> None:
    system, _ = installations
    system.environment["REDIS_PREFIX"] = "team-a:"
    server.rpush("scan", *["of another"] * 7)
    server.rpush("team-a:scan", *["ours"] * 3)

    with running(system, "flower"):
        # It knows the queues that workers consume, or else the default one.
        wait_until(lambda: waiting_at_flower(system, "scan") == "3", 60)


def test_worker_and_beat_refuse_the_redis_of_another_installation(
    installations: tuple[System, System], server: "redis.Redis"
) -> None:
    first, second = installations
    with running(first, "api", "worker"):
        wait_until(lambda: "ready." in first.log("worker"), 60)
        for process in ("worker", "beat"):
            second.start(process)
            assert second.processes.pop(process).wait(60) == 1
            (line,) = second.log(process).splitlines()
            assert line.startswith("repopulse: Redis is used by another installation")
            assert "REDIS_PREFIX" in line
        with running(second, "api"):
            redis_part = second.call("GET", "/readyz").json()["checks"]["redis"]
            assert redis_part.startswith("is used by another installation")
        # The first does not hear of it.
        checks = first.call("GET", "/readyz").json()["checks"]
        assert (checks["redis"], checks["processes"]) == ("ok", "ok")

    server.flushall()

    with running(second, "api", "worker"):
        wait_until(lambda: "ready." in second.log("worker"), 60)
        assert second.call("GET", "/readyz").json()["checks"]["redis"] == "ok"


def test_running_worker_ends_when_it_connects_to_the_redis_of_another_installation(
    installations: tuple[System, System], server: "redis.Redis"
) -> None:
    system, _ = installations
    with running(system, "worker"):
        wait_until(lambda: "ready." in system.log("worker"), 60)
        server.set("repopulse:installation", "of another")
        for client in server.client_list():
            if client["id"] != str(server.client_id()):
                server.client_kill_filter(_id=client["id"])

        assert system.processes.pop("worker").wait(60) == 1
    assert "is used by another installation" in system.log("worker")
    assert "Traceback" not in system.log("worker")
