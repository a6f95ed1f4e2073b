"""The daily scans: loads overtake them, workers share them, Flower shows them."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, text

from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import GitHubSimulator, World, serving
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running
from tests.factories import add_user
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end


def make_world(users: int) -> World:
    return World.synthetic(seed=3, sizes=[1] * users, day=datetime.now(UTC).date())


def follow_since_yesterday(engine: Engine, world: World) -> None:
    """Follow every account of the world, last scanned on the day before."""
    with engine.begin() as connection:
        for account in world.accounts:
            add_user(connection, account.id, login=account.login)
        connection.execute(
            text("UPDATE users SET scanned_on = :day"), {"day": world.day - timedelta(days=1)}
        )


def scanned(engine: Engine, day: date) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM users WHERE scanned_on = :day")
        count: int = connection.execute(statement, {"day": day}).scalar_one()
        return count


def test_a_new_user_does_not_wait_behind_the_daily_scans(
    make_system: MakeSystem, engine: Engine, clock: Clock, settings: Settings
) -> None:
    world = make_world(200)
    clock.set(world.day)
    follow_since_yesterday(engine, world)
    newcomer = world.add_account("newcomer")
    simulator = GitHubSimulator(world, tokens={"token": None}, latency=0.05)
    with (
        serving(simulator) as github,
        running(make_system(GITHUB_API_URL=github), "api", "worker") as system,
    ):
        assert send(make_celery(settings), Task.FAN_OUT)
        wait_until(lambda: scanned(engine, world.day) > 5, 30)

        answer = system.call("PUT", "/v1/users", json={"login": "newcomer"})
        behind = scanned(engine, world.day)

    assert answer.status_code == 201
    assert answer.json()["id"] == newcomer.id
    assert behind < 200


def test_two_workers_share_the_daily_scans_and_flower_shows_each_users_task(
    make_system: MakeSystem, engine: Engine, clock: Clock
) -> None:
    world = make_world(40)
    clock.set(world.day)
    follow_since_yesterday(engine, world)
    simulator = GitHubSimulator(world, tokens={"token": None}, latency=0.02)
    names = ("worker", "worker-2", "flower")
    with serving(simulator) as github:
        system = make_system(
            GITHUB_API_URL=github,
            GITHUB_CONCURRENCY="4",
            SWEEP_INTERVAL="1",
            FLOWER_BASIC_AUTH="ada:secret",
        )
        flower = f"http://127.0.0.1:{system.environment['FLOWER_PORT']}"
        with running(system, *names):
            wait_until(lambda: can_reach(flower), 30)
            system.start("beat")
            wait_until(lambda: scanned(engine, world.day) == 40, 60)
            tasks = wait_until(lambda: finished_scans(flower, 40), 30)
            refused = httpx.get(f"{flower}/api/tasks").status_code

    assert refused == 401
    assert {task["args"] for task in tasks} == {
        f"{account.login}: {account.id}, {world.day}" for account in world.accounts
    }


def can_reach(flower: str) -> bool:
    try:
        return httpx.get(f"{flower}/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


def finished_scans(flower: str, count: int) -> list[dict[str, str]]:
    answer = httpx.get(
        f"{flower}/api/tasks",
        params={"taskname": "repopulse.scan_user", "state": "SUCCESS", "limit": 1000},
        auth=("ada", "secret"),
    )
    tasks = list(answer.json().values()) if answer.status_code == 200 else []
    return tasks if len(tasks) >= count else []


def test_the_sweep_loads_a_user_whose_message_was_never_sent(
    make_system: MakeSystem, engine: Engine
) -> None:
    world = make_world(1)
    account = world.accounts[0]
    with engine.begin() as connection:
        add_user(connection, account.id, login=account.login)
    with (
        serving(GitHubSimulator(world, tokens={"token": None})) as github,
        running(make_system(GITHUB_API_URL=github, SWEEP_INTERVAL="1"), "worker", "beat"),
    ):
        wait_until(lambda: scanned(engine, world.day) == 1, 30)
