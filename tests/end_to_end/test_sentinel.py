"""Redis with Sentinels: every process finds the master, and the next one after a failover."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from common.errors import causes
from common.redis_client import connect
from local.ports import LOOPBACK, free_port
from simulator import Account, GitHubSimulator, World, serving
from tests.certificates import make_certificates
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.other_servers import PASSWORD, redis_sentinel, redis_server
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

OWN_PASSWORD = "of-the-sentinels"

_Sentinel: Any = Sentinel
"""Without types."""


class HighlyAvailableRedis:
    """A master with a replica, and three Sentinels that watch them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._master = ExitStack()
        self._others = ExitStack()

    def __enter__(self) -> "HighlyAvailableRedis":
        # Each becomes the other's replica in turn.
        password = ("--masterauth", PASSWORD)
        master = self._master.enter_context(redis_server(self._directory / "one", *password))
        replica = ("--replicaof", LOOPBACK, str(master), *password)
        self._others.enter_context(redis_server(self._directory / "two", *replica))
        self.sentinels = [
            self._others.enter_context(
                redis_sentinel(self._directory / f"sentinel-{n}", master, password=OWN_PASSWORD)
            )
            for n in range(3)
        ]
        self._manager: Any = _Sentinel(
            [(LOOPBACK, port) for port in self.sentinels],
            sentinel_kwargs={"password": OWN_PASSWORD},
        )
        wait_until(self._know_each_other, 60)
        return self

    def __exit__(self, *_: object) -> None:
        self._master.close()
        self._others.close()
        self._manager.close()

    def _know_each_other(self) -> bool:
        states = [each.sentinel_master("mymaster") for each in self._manager.sentinels]
        return all(
            state["num-slaves"] == 1 and state["num-other-sentinels"] == 2 for state in states
        )

    @property
    def url(self) -> str:
        """The address; the first of its Sentinels is one that is down."""
        ports = [free_port(), *self.sentinels]
        addresses = ";".join(f"sentinel://:{PASSWORD}@{LOOPBACK}:{port}" for port in ports)
        return f"{addresses}/0?master_name=mymaster&sentinel_password={OWN_PASSWORD}"

    def master_port(self) -> int:
        return int(self._manager.discover_master("mymaster")[1])

    def fail_over(self) -> None:
        """Kill the master, and wait until the Sentinels have made the replica one."""
        before = self.master_port()
        self._master.close()

        def has_changed() -> bool:
            # While they agree on a new one, they know none.
            with suppress(MasterNotFoundError):
                return self.master_port() != before
            return False

        wait_until(has_changed, 60)


@pytest.fixture
def servers_with_sentinels(tmp_path: Path) -> Iterator[HighlyAvailableRedis]:
    with HighlyAvailableRedis(tmp_path) as started:
        yield started


def add_owner(world: World, login: str) -> Account:
    account = world.add_account(login)
    world.add_repository(account, "hello", stargazers=3, forks=2, watchers=1)
    return account


def has_rows(system: System, account: Account) -> bool:
    return bool(system.call("GET", f"/v1/users/{account.id}/stats").json().get("stats"))


def status(system: System) -> str:
    return str(system.call("GET", "/readyz").json()["status"])


def waiting_at_flower(system: System) -> list[str]:
    try:
        page = httpx.get(f"http://127.0.0.1:{system.environment['FLOWER_PORT']}/broker", timeout=10)
    except httpx.TransportError:
        return []
    return re.findall(r"<td>\s*(control|load|scan)\s*</td>", page.text)


def test_every_process_finds_the_master_and_its_successor(
    make_system: MakeSystem, servers_with_sentinels: HighlyAvailableRedis, world: World
) -> None:
    octocat, hubot = add_owner(world, "octocat"), add_owner(world, "hubot")
    url = servers_with_sentinels.url
    with serving(GitHubSimulator(world, tokens={"token": None})) as github:
        system = make_system(
            GITHUB_API_URL=github, REDIS_URL=url, REDIS_PREFIX="team-a:", SWEEP_INTERVAL="1"
        )
        with running(system, "api", "worker", "beat", "flower"):
            assert system.call("PUT", "/v1/users", json={"login": "octocat"}).status_code in (
                201,
                202,
            )
            wait_until(lambda: has_rows(system, octocat), 60)
            wait_until(lambda: status(system) == "ready", 60)
            assert "repopulse_workers 1.0" in system.call("GET", "/metrics").text
            wait_until(lambda: waiting_at_flower(system), 60)

            servers_with_sentinels.fail_over()

            assert system.call("PUT", "/v1/users", json={"login": "hubot"}).status_code in (
                201,
                202,
            )
            wait_until(lambda: has_rows(system, hubot), 120)
            wait_until(lambda: status(system) == "ready", 120)
            for process in ("api", "worker", "beat", "flower"):
                # None of them was started again.
                assert system.processes[process].poll() is None
                assert "Traceback" not in system.log(process)
                assert PASSWORD not in system.log(process)
                assert OWN_PASSWORD not in system.log(process)
    with redis.Redis(LOOPBACK, servers_with_sentinels.master_port(), password=PASSWORD) as master:
        assert master.exists("team-a:repopulse:pulse")


def test_address_of_a_sentinel_as_a_server_is_refused_in_one_line(
    make_system: MakeSystem, servers_with_sentinels: HighlyAvailableRedis
) -> None:
    port = servers_with_sentinels.sentinels[0]
    system = make_system(REDIS_URL=f"redis://:{OWN_PASSWORD}@{LOOPBACK}:{port}/0")

    system.start("worker")
    assert system.processes.pop("worker").wait(60) == 1

    (line,) = system.log("worker").splitlines()
    assert line.startswith("repopulse: Redis is a Sentinel: set REDIS_URL to sentinel://")


def test_tls_to_the_sentinels_and_to_the_master(
    make_system: MakeSystem, world: World, tmp_path: Path
) -> None:
    octocat = add_owner(world, "octocat")
    files = make_certificates(tmp_path)
    with (
        redis_server(tmp_path / "master", certificates=files) as master,
        redis_sentinel(
            tmp_path / "sentinel", master, password=OWN_PASSWORD, certificates=files
        ) as sentinel,
        serving(GitHubSimulator(world, tokens={"token": None})) as github,
    ):
        url = (
            f"sentinel://:{PASSWORD}@{LOOPBACK}:{sentinel}/0?sentinel_password={OWN_PASSWORD}"
            "&ssl=true"
        )
        system = make_system(
            GITHUB_API_URL=github,
            REDIS_URL=f"{url}&ssl_ca_certs={files.authority}",
            SWEEP_INTERVAL="1",
        )
        with running(system, "api", "worker", "beat", "flower"):
            system.call("PUT", "/v1/users", json={"login": "octocat"})
            wait_until(lambda: has_rows(system, octocat), 60)
            wait_until(lambda: waiting_at_flower(system), 60)
        with connect(url) as untrusting, pytest.raises(redis.ConnectionError) as refused:
            untrusting.ping()
    assert "certificate verify failed" in " ".join(map(str, causes(refused.value)))
    assert len(str(refused.value)) < 100
