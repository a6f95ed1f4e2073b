"""The real Flower shows, and never does anything."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from common.settings import Settings
from tests.end_to_end.system import System, free_port, running
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

GROW = "/api/worker/pool/grow/worker@somewhere"
AUTH = ("ada", "s3cret")


@contextmanager
def flower(settings: Settings, logs: Path, **more: str) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{address}/healthcheck").status_code == 200
        return False

    environment = {"REDIS_URL": settings.redis, "FLOWER_PORT": str(port), **more}
    with running(System(environment, logs), "flower"):
        wait_until(answers, 30)
        yield address


@pytest.mark.parametrize("from_file", [True, False])
def test_who_knows_flowers_password_sees_everything_and_changes_nothing(
    settings: Settings, tmp_path: Path, from_file: bool
) -> None:
    (tmp_path / "auth").write_text(":".join(AUTH) + "\n")
    given = {"FLOWER_BASIC_AUTH": ":".join(AUTH)}
    if from_file:
        given = {"FLOWER_BASIC_AUTH_FILE": str(tmp_path / "auth")}

    with flower(settings, tmp_path / "logs", **given) as address:
        page = httpx.get(f"{address}/tasks", auth=AUTH)
        tasks = httpx.get(f"{address}/api/tasks", auth=AUTH)
        change = httpx.post(f"{address}{GROW}", auth=AUTH, data={"n": "1"})

    assert (page.status_code, tasks.status_code, change.status_code) == (200, 200, 403)


def test_who_does_not_know_the_password_sees_numbers_alone(
    settings: Settings, tmp_path: Path
) -> None:
    with flower(settings, tmp_path, FLOWER_BASIC_AUTH=":".join(AUTH)) as address:
        statuses = {
            path: httpx.get(f"{address}{path}").status_code
            for path in ("/", "/tasks", "/api/tasks", "/metrics", "/healthcheck")
        }
        wrong = httpx.get(f"{address}/", auth=("ada", "wrong")).status_code

    assert statuses == {
        "/": 401,
        "/tasks": 401,
        "/api/tasks": 401,
        # Flower's own design: for Prometheus and for health checks.
        "/metrics": 200,
        "/healthcheck": 200,
    }
    assert wrong == 401


def test_without_a_password_flower_shows_and_changes_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    # Flower itself would listen to these.
    contrary = {"FLOWER_READ_ONLY": "false", "FLOWER_UNAUTHENTICATED_API": "true"}

    with flower(settings, tmp_path, **contrary) as address:
        page = httpx.get(f"{address}/tasks")
        change = httpx.post(f"{address}{GROW}", data={"n": "1"})

    assert (page.status_code, change.status_code) == (200, 403)
