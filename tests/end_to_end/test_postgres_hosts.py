"""Several hosts of Postgres in one address: the one that takes writes is used."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from simulator import Account, GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.other_servers import PrimaryPostgres, StandbyPostgres
from tests.servers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end


class Pair:
    """A primary and a standby that follows it."""

    def __init__(self, directory: Path) -> None:
        self._first = ExitStack()
        self._second = ExitStack()
        self._primary = self._first.enter_context(
            PrimaryPostgres(directory / "primary", durable=False)
        )
        self._standby = self._second.enter_context(
            StandbyPostgres(directory / "standby", self._primary)
        )

    @property
    def url(self) -> str:
        """The address with both hosts, the standby first."""
        url = make_url(self._primary.url)
        hosts = ",".join(f"{url.host}:{each.port}" for each in (self._standby, self._primary))
        login = f"{url.username}:{url.password}"
        return f"postgresql://{login}@{hosts}/{url.database}?target_session_attrs=read-write"

    def fail_over(self) -> None:
        """Stop the primary and promote the standby, once it has everything."""
        self._first.close()
        engine = create_engine(self._standby.url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_promote()"))
        engine.dispose()

    def close(self) -> None:
        self._first.close()
        self._second.close()


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("pair"))
    yield made
    made.close()


def add_owner(world: World, login: str) -> Account:
    account = world.add_account(login)
    world.add_repository(account, "hello", stargazers=3, forks=2, watchers=1)
    return account


def follow(system: System, account: Account) -> int:
    return system.call("PUT", "/v1/users", json={"login": account.login}).status_code


def has_rows(system: System, account: Account) -> bool:
    return bool(system.call("GET", f"/v1/users/{account.id}/stats").json().get("stats"))


def test_migrations_api_and_workers_use_the_host_that_takes_writes(
    make_system: MakeSystem, pair: Pair, world: World
) -> None:
    octocat, hubot = add_owner(world, "octocat"), add_owner(world, "hubot")
    with serving(GitHubSimulator(world, tokens={"token": None})) as github:
        system = make_system(DATABASE_URL=pair.url, GITHUB_API_URL=github, SWEEP_INTERVAL="1")
        migration = subprocess.run(
            [sys.executable, "-m", "migrations"],
            cwd=ROOT,
            env={**os.environ, **system.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert migration.returncode == 0, migration.stderr
        with running(system, "api", "worker", "beat"):
            assert follow(system, octocat) in (201, 202)
            wait_until(lambda: has_rows(system, octocat), 60)

            pair.fail_over()

            # The first request may find the connections of before.
            wait_until(lambda: follow(system, hubot) in (200, 201, 202), 60)
            wait_until(lambda: has_rows(system, hubot), 60)
            assert has_rows(system, octocat)
            wait_until(lambda: system.call("GET", "/readyz").json()["status"] == "ready", 60)
            for process in ("api", "worker", "beat"):
                assert system.processes[process].poll() is None
