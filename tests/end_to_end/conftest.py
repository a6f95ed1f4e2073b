"""The product's processes on the test's servers, with the simulated GitHub."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.settings import Settings
from local.ports import free_port
from simulator import GitHubSimulator, World, serving
from tests.end_to_end.system import System, running

MakeSystem = Callable[..., System]


@pytest.fixture
def make_system(settings: Settings, tmp_path: Path) -> MakeSystem:
    """Return a function that makes a system; its arguments are settings."""

    def make(**more: str) -> System:
        return System(
            environment={
                "DATABASE_URL": settings.database,
                "REDIS_URL": settings.redis,
                "API_PORT": str(free_port()),
                "FLOWER_PORT": str(free_port()),
                "DATA_DIR": str(tmp_path / "data"),
                "WORKER_CONCURRENCY": "2",
                "GITHUB_TOKEN": "token",
                # It would ask GitHub for more than the scans that are tested.
                "BACKFILL": "off",
                **more,
            },
            logs=tmp_path / "logs",
        )

    return make


@pytest.fixture
def world() -> World:
    return World(day=datetime.now(UTC).date())


@pytest.fixture
def system(make_system: MakeSystem, world: World) -> Iterator[System]:
    """The API and a worker, with a GitHub that serves ``world``."""
    with (
        serving(GitHubSimulator(world, tokens={"token": world.add_account("watcher")})) as github,
        running(make_system(GITHUB_API_URL=github), "api", "worker") as started,
    ):
        yield started
