"""Every process is killed in turn while users are loaded, and no row is lost or doubled."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

import common.db
from local.postgres import EmbeddedPostgres
from local.server import EmbeddedServer
from local.valkey import EmbeddedValkey
from simulator import GitHubSimulator, World
from simulator import running as serving
from tests.end_to_end.system import System, free_port, running
from tests.servers import migrate
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

USERS = 100


@contextmanager
def engine_of(postgres: EmbeddedPostgres) -> Iterator[Engine]:
    engine = common.db.make_engine(postgres.url, process="test")
    yield engine
    engine.dispose()


def put(system: System, login: str) -> int:
    """Repeat a call until it is accepted; return the last status."""

    def answer() -> int:
        try:
            return system.call("PUT", "/v1/users", json={"login": login}).status_code
        except httpx.TransportError:
            return 0

    def accepted() -> int:
        status = answer()
        return status if status in (200, 201, 202) else 0

    return wait_until(accepted, 60)


def loaded(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM scans WHERE state = 'done'")
        count: int = connection.execute(statement).scalar_one()
        return count


def restart(server: EmbeddedServer) -> None:
    assert server.process is not None
    port = server.port
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.start(port)


def test_killing_every_process_in_turn_loses_and_doubles_nothing(tmp_path: Path) -> None:
    today = date(2026, 11, 23)
    world = World.synthetic(seed=7, sizes=[1 + number % 9 for number in range(USERS)], day=today)
    simulator = GitHubSimulator(world, tokens={"token": None}, latency=0.05)
    with (
        EmbeddedPostgres(tmp_path / "postgres") as postgres,
        EmbeddedValkey(tmp_path / "valkey") as valkey,
        serving(simulator) as github,
        engine_of(postgres) as engine,
        ThreadPoolExecutor(3) as pool,
    ):
        migrate(postgres.url)
        system = System(
            environment={
                "DATABASE_URL": postgres.url,
                "REDIS_URL": valkey.url,
                "GITHUB_API_URL": github,
                "GITHUB_TOKEN": "token",
                "API_PORT": str(free_port()),
                "DATA_DIR": str(tmp_path / "data"),
                "WORKER_CONCURRENCY": "2",
                # The permit of a killed worker's request expires after a while.
                "GITHUB_CONCURRENCY": "8",
                "LOOKUP_WAIT": "0.2",
                # Short, so that a scan that a kill lost is due again within the test.
                "LEASE": "6",
                "LOAD_LEASE": "4",
                "SWEEP_INTERVAL": "1",
            },
            logs=tmp_path / "logs",
        )
        with running(system, "api", "worker", "beat"):
            answers = [
                pool.submit(put, system, account.login) for account in world.accounts[:USERS]
            ]
            for step, name in enumerate(("worker", "beat", "api", "worker"), start=1):
                wait_until(lambda: loaded(engine) >= 10 * step, 60)  # noqa: B023 - called at once
                system.kill(name)
                system.start(name)
            for step, server in enumerate((valkey, postgres), start=5):
                wait_until(lambda: loaded(engine) >= 10 * step, 60)  # noqa: B023 - called at once
                restart(server)
            accepted = [answer.result() for answer in answers]
            wait_until(lambda: loaded(engine) == USERS, 120)
        with engine.connect() as connection:
            rows = {
                row[0]: (row[1], row[2], row[3], row[4])
                for row in connection.execute(
                    text("SELECT repo_id, user_id, stargazers, forks, watchers FROM daily_stats")
                )
            }

    assert set(accepted) <= {200, 201, 202}
    assert rows == world.truth(today)
