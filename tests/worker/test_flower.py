"""The real Flower shows what became of the tasks, and never changes anything."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from common import lookups
from common.broker import Task, make_celery, send
from common.settings import Settings
from local.ports import free_port
from simulator import Account, Fault, FaultKind, GitHubSimulator, Match, World, serving
from tests.clock import Clock
from tests.end_to_end.system import System, running
from tests.factories import ONE_DAY, add_scan, add_user
from tests.waiting import wait_until
from tests.worker.stage import TODAY

pytestmark = pytest.mark.end_to_end

GROW = "/api/worker/pool/grow/worker@somewhere"
AUTH = ("ada", "s3cret")
SECONDARY_LIMIT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


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
    # Flower itself would listen to these; of the environment count only our settings.
    contrary = {"FLOWER_READ_ONLY": "false", "FLOWER_UNAUTHENTICATED_API": "true"}

    with flower(settings, tmp_path, **contrary) as address:
        page = httpx.get(f"{address}/tasks")
        change = httpx.post(f"{address}{GROW}", data={"n": "1"})

    assert (page.status_code, change.status_code) == (200, 401)


def listed(address: str, search: str = "") -> list[dict[str, str]]:
    """Return the rows of Flower's task list, as its page asks for them."""
    answer = httpx.get(
        f"{address}/tasks/datatable",
        params={
            "draw": "1",
            "start": "0",
            "length": "100",
            "search[value]": search,
            "order[0][column]": "0",
            "order[0][dir]": "asc",
            "columns[0][data]": "name",
        },
    )
    rows: list[dict[str, str]] = answer.raise_for_status().json()["data"]
    return rows


def ended(address: str, count: int) -> list[dict[str, str]]:
    rows = [row for row in listed(address) if row["state"] in ("SUCCESS", "FAILURE")]
    return rows if len(rows) >= count else []


def owner(world: World, login: str, *, repositories: int) -> Account:
    account = world.add_account(login)
    for number in range(repositories):
        world.add_repository(account, f"r{number}", watchers=1)
    return account


def test_the_task_list_shows_user_and_outcome_of_each_task_at_a_glance(
    settings: Settings, tmp_path: Path, engine: Engine, clock: Clock
) -> None:
    clock.set(TODAY)
    world = World(day=TODAY)
    due, fresh, broken, limited, unknown = (
        owner(world, login, repositories=number)
        for number, login in enumerate(("due", "fresh", "broken", "limited", "unknown"), start=2)
    )
    simulator = GitHubSimulator(world, tokens={"token": None})
    simulator.fail(
        Fault(FaultKind.SERVER_ERROR),
        times=None,
        match=Match(path=f"/user/{broken.id}$"),
    )
    with engine.begin() as connection:
        for account in (due, fresh, broken, limited):
            user = add_user(connection, account.id, login=account.login)
            add_scan(connection, user, TODAY - ONE_DAY)
        lookup, _ = lookups.get_or_create(connection, unknown.login, lease=60)
    app = make_celery(settings)
    day = TODAY.isoformat()

    with serving(simulator) as github, flower(settings, tmp_path / "flower") as address:
        environment = {
            "DATABASE_URL": settings.database,
            "REDIS_URL": settings.redis,
            "GITHUB_API_URL": github,
            "GITHUB_TOKEN": "token",
            "BACKFILL": "off",
            "DATA_DIR": str(tmp_path / "data"),
            "WORKER_CONCURRENCY": "1",
        }
        with running(System(environment, tmp_path / "worker"), "worker") as system:
            assert send(app, Task.SCAN_USER, due.id, day, login="due")
            assert send(app, Task.LOAD_USER, fresh.id, login="fresh")
            assert send(app, Task.RESOLVE_LOGIN, lookup.id, login="unknown")
            assert send(app, Task.SCAN_USER, broken.id, day, login="broken")
            wait_until(lambda: ended(address, 5), 90)
            simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=600))
            assert send(app, Task.SCAN_USER, limited.id, day, login="limited")
            wait_until(lambda: ended(address, 6), 90)
            assert send(app, Task.SWEEP)
            rows = wait_until(lambda: ended(address, 7), 90)
            log = system.log("worker")
        columns = re.findall('data-column="(.*?)"', httpx.get(f"{address}/tasks").text)
        found = {row["args"] for row in listed(address, "args:unknown")}

    assert columns[:5] == ["name", "args", "state", "result", "exception"]
    assert found == {f"unknown: {lookup.id}", f"unknown: {unknown.id}"}
    assert {
        (
            row["name"],
            row["args"],
            row["state"],
            re.sub(r"\d\d:\d\d", "HH:MM", row["result"] or row["exception"]),
        )
        for row in rows
    } == {
        ("repopulse.scan_user", f"due: {due.id}, {day}", "SUCCESS", "'done: 2 repositories'"),
        ("repopulse.load_user", f"fresh: {fresh.id}", "SUCCESS", "'done: 3 repositories'"),
        (
            "repopulse.scan_user",
            f"broken: {broken.id}, {day}",
            "FAILURE",
            "TaskFailed('failed, next attempt at HH:MM: HTTP 502')",
        ),
        (
            "repopulse.scan_user",
            f"limited: {limited.id}, {day}",
            "SUCCESS",
            f"'waiting until HH:MM: {SECONDARY_LIMIT}'",
        ),
        (
            "repopulse.resolve_login",
            f"unknown: {lookup.id}",
            "SUCCESS",
            f"'added: unknown ({unknown.id})'",
        ),
        ("repopulse.load_user", f"unknown: {unknown.id}", "SUCCESS", "'done: 6 repositories'"),
        ("repopulse.sweep", "()", "SUCCESS", "'nothing due'"),
    }
    (failed,) = [row for row in rows if row["state"] == "FAILURE"]
    (line,) = [line for line in log.splitlines() if "broken" in line]
    assert re.search(r"HTTP 502 \(status 502, request id \S+\)", line)
    assert line.endswith(f"[task {failed['uuid']}]")
    assert "Traceback" not in log
