"""A worker that gets SIGTERM gives its work back."""

import pytest
import redis
from sqlalchemy import Engine, text

from common.broker import Queue, Task, make_celery, send
from common.settings import Settings
from simulator import GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running
from tests.factories import add_user
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]


@pytest.fixture
def world(engine: Engine) -> World:
    """Two followed users who were never scanned."""
    world = World()
    with engine.begin() as connection:
        for login in ("first", "second"):
            account = world.add_account(login)
            world.add_repository(account, "thing")
            add_user(connection, account.id, login=login)
    return world


def is_scanned(engine: Engine, user_id: int) -> bool:
    with engine.connect() as connection:
        statement = text("SELECT scanned_on IS NOT NULL FROM users WHERE id = :id")
        return bool(connection.execute(statement, {"id": user_id}).scalar())


def test_a_worker_that_gets_sigterm_gives_back_what_it_cannot_finish(
    make_system: MakeSystem, engine: Engine, world: World, settings: Settings
) -> None:
    first, _ = world.accounts
    simulator = GitHubSimulator(world, tokens={"token": None}, latency=30.0)
    with (
        serving(simulator) as github,
        running(make_system(GITHUB_API_URL=github), "worker") as system,
        redis.Redis.from_url(settings.redis) as client,
    ):
        assert send(make_celery(settings), Task.LOAD_USER, first.id)
        wait_until(lambda: simulator.peak_in_flight > 0, 20)

        system.processes["worker"].terminate()
        system.processes["worker"].wait(10)

        assert client.llen(Queue.LOAD) == 1
        assert client.hlen("unacked") == 0
        assert not is_scanned(engine, first.id)
