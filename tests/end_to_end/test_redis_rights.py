"""Redis with users of its own (ACL), and a Redis Cluster: it works, or one line says why not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis

from local.ports import LOOPBACK, free_port
from simulator import GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.other_servers import PASSWORD, redis_server
from tests.servers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

SetUser = Callable[..., str]

EVERYDAY = ("~*", "+@all", "-@dangerous")
"""What an administrator gives to a program: no channels since Redis 7, unless they are named."""


@pytest.fixture
def set_user(tmp_path: Path) -> Iterator[SetUser]:
    """Return a function that gives a user its rights, and returns the address with that user."""
    with (
        redis_server(tmp_path / "redis") as port,
        redis.Redis(LOOPBACK, port, password=PASSWORD) as admin,
    ):

        def set_rules(*rules: str) -> str:
            admin.execute_command("ACL", "SETUSER", "app", "reset", "on", ">pw-of-app", *rules)
            return f"redis://app:pw-of-app@{LOOPBACK}:{port}/0"

        yield set_rules


def line_of(system: System, process: str) -> str:
    """Start a process that refuses to run, and return its one line."""
    system.start(process)
    assert system.processes.pop(process).wait(60) == 1
    (line,) = system.log(process).splitlines()
    return line


def test_user_without_channels_is_told_at_the_start(
    make_system: MakeSystem, set_user: SetUser
) -> None:
    system = make_system(REDIS_URL=set_user(*EVERYDAY))

    for process in ("worker", "beat", "flower"):
        line = line_of(system, process)
        assert line.startswith("repopulse: Redis refuses what the work needs: ACL SETUSER ")
        assert line.endswith(" &*")
        assert "pw-of-app" not in line
    system.start("api")
    try:
        wait_until(lambda: "listening" in system.log("api"), 30)
        answer = system.call("GET", "/readyz")
    finally:
        system.stop()
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["redis"].endswith(" &*")


@pytest.mark.parametrize(
    ("prefix", "rules"),
    [
        ("", (*EVERYDAY, "&*")),
        ("team-a:", ("~team-a:*", "~repopulse:github:*", "&*", "+@all", "-@dangerous")),
    ],
)
def test_user_with_channels_works(
    make_system: MakeSystem, set_user: SetUser, world: World, prefix: str, rules: tuple[str, ...]
) -> None:
    octocat = world.add_account("octocat")
    world.add_repository(octocat, "hello", stargazers=3, forks=2, watchers=1)
    with serving(GitHubSimulator(world, tokens={"token": None})) as github:
        system = make_system(
            REDIS_URL=set_user(*rules),
            REDIS_PREFIX=prefix,
            GITHUB_API_URL=github,
            SWEEP_INTERVAL="1",
        )
        with running(system, "api", "worker", "beat", "flower"):
            answer = system.call("PUT", "/v1/users", json={"login": "octocat"})
            assert answer.status_code in (201, 202)
            wait_until(
                lambda: system.call("GET", f"/v1/users/{octocat.id}/stats").json().get("stats"), 60
            )
            assert "repopulse_workers 1.0" in system.call("GET", "/metrics").text
            wait_until(lambda: "worker@" in flower_page(system), 60)
            for process in ("api", "worker", "beat", "flower"):
                assert "NOPERM" not in system.log(process)
                assert "no permission" not in system.log(process).lower()


def flower_page(system: System) -> str:
    try:
        address = f"http://127.0.0.1:{system.environment['FLOWER_PORT']}/workers"
        return httpx.get(address, timeout=10).text
    except httpx.TransportError:
        return ""


def test_rights_that_are_named_are_enough_for_the_work(
    make_system: MakeSystem, set_user: SetUser, world: World
) -> None:
    system = make_system(REDIS_URL=set_user("+@connection"))
    named = line_of(system, "worker").partition("> ")[2].split()
    system.environment["REDIS_URL"] = set_user("+@connection", *named)
    (system.logs / "worker.log").unlink()
    named += line_of(system, "worker").partition("> ")[2].split()
    system.environment["REDIS_URL"] = set_user("+@connection", *named)
    (system.logs / "worker.log").unlink()
    octocat = world.add_account("octocat")
    world.add_repository(octocat, "hello", stargazers=3, forks=2, watchers=1)

    with serving(GitHubSimulator(world, tokens={"token": None})) as github:
        system.environment["GITHUB_API_URL"] = github
        with running(system, "api", "worker", "beat"):
            system.call("PUT", "/v1/users", json={"login": "octocat"})
            wait_until(
                lambda: system.call("GET", f"/v1/users/{octocat.id}/stats").json().get("stats"), 60
            )
            assert "repopulse_workers 1.0" in system.call("GET", "/metrics").text
        for process in ("api", "worker", "beat"):
            assert "no permission" not in system.log(process).lower()


def test_wrong_password_is_told_at_the_start(make_system: MakeSystem, set_user: SetUser) -> None:
    system = make_system(REDIS_URL=set_user(*EVERYDAY, "&*").replace("pw-of-app", "wrong-one"))

    for process in ("worker", "beat"):
        line = line_of(system, process)
        assert line == "repopulse: Redis refuses the user or the password of REDIS_URL"


def test_health_check_of_a_worker_says_what_redis_refuses(
    make_system: MakeSystem, set_user: SetUser
) -> None:
    system = make_system(REDIS_URL=set_user(*EVERYDAY, "&*"))
    environment = {**system.environment, "PATH": ""}

    def check() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "worker.health"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    with running(system, "worker"):
        wait_until(lambda: "ready." in system.log("worker"), 60)
        assert check().returncode == 0
        set_user(*EVERYDAY, "&*", "-lpush")
        unhealthy = check()

    assert unhealthy.returncode == 1
    assert "Redis refuses what the work needs" in unhealthy.stderr
    assert unhealthy.stderr.endswith(" +lpush\n")


def test_cluster_is_refused_in_one_line(make_system: MakeSystem, tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with redis_server(tmp_path / "cluster", *options) as port:
        system = make_system(REDIS_URL=f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0")
        for process in ("worker", "beat"):
            line = line_of(system, process)
            assert line.startswith("repopulse: Redis is a Redis Cluster, which Celery cannot use")
        system.start("api")
        try:
            wait_until(lambda: "listening" in system.log("api"), 30)
            redis_part = system.call("GET", "/readyz").json()["checks"]["redis"]
        finally:
            system.stop()
        assert redis_part.startswith("is a Redis Cluster")
