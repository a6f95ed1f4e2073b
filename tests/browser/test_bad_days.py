"""What the overview and the status page show on a bad day, in a real browser."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser
from sqlalchemy import Connection

from common.settings import Settings
from common.users import TrackedUser
from simulator import GitHubSimulator, World, serving
from tests import factories
from tests.browser.conftest import visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

LOGINS = ("glacial-falcon", "nimble-nebula", "quietharbor")


@pytest.fixture
def people(connection: Connection, clock: Clock) -> list[TrackedUser]:
    """Users with a month of recorded days until yesterday."""
    today = clock.today()
    found = []
    for number, login in enumerate(LOGINS, 1):
        user = factories.add_user(connection, number, login)
        repository = factories.add_repository(connection, user, day=today - timedelta(31))
        factories.add_history(
            connection,
            user,
            repository,
            until=today - timedelta(1),
            stargazers=[100 * number + day for day in range(31)],
        )
        for ago in range(31, 0, -1):
            factories.add_scan(connection, user, today - timedelta(ago), expected=1, recorded=1)
        found.append(user)
    return found


@contextmanager
def collecting(make_system: MakeSystem, github: str) -> Iterator[System]:
    """Run all processes with a GitHub at an address."""
    system = make_system(GITHUB_API_URL=github, SWEEP_INTERVAL="1", SCAN_AT="00:00")
    with running(system, "api", "worker", "beat") as started:
        yield started


def checks(system: System) -> dict[str, str]:
    found: dict[str, str] = system.call("GET", "/readyz").json()["checks"]
    return found


Look = Callable[..., dict[str, str]]


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Look:
    """Check the pages, take their pictures, and return the words of the parts that are not ok."""

    def look(system: System, *more: str) -> dict[str, str]:
        told = {part: words for part, words in checks(system).items() if words != "ok"}
        for width in (1280, 390):
            with visiting(browser, system.address, width=width) as visitor:
                for path in ("/", "/status", *more):
                    visitor.go(path)
                    text = visitor.page.inner_text("main")
                    for words in told.values():
                        assert path in more or words in text
                    name = path.strip("/").replace("/", "-") or "overview"
                    visitor.page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
                    visitor.check()
        return told

    return look


def test_pages_without_a_network(
    look: Look, make_system: MakeSystem, people: list[TrackedUser], settings: Settings
) -> None:
    with (
        collecting(make_system, "http://github.invalid") as system,
        redis.Redis.from_url(settings.redis) as server,
    ):
        wait_until(lambda: "name resolution failed" in checks(system)["github"], 60)
        assert system.call("GET", "/readyz").json()["status"] == "ready"
        (worker,) = server.hkeys("repopulse:problems:github")
        stored = json.loads(server.hget("repopulse:problems:github", worker) or "{}")
        stored["since"] -= 720
        server.hset("repopulse:problems:github", worker, json.dumps(stored))

        told = look(system)

        assert system.call("GET", "/readyz").json()["status"] == "degraded"
        assert list(told) == ["github"]
        assert "GitHub: unreachable (name resolution failed)" in system.log("worker")
        scans = system.call("GET", f"/v1/users/{people[0].id}/scans").json()
        assert scans[0]["reason"] == "GitHub is unreachable: name resolution failed"


def test_pages_with_a_refused_token(
    look: Look, make_system: MakeSystem, people: list[TrackedUser]
) -> None:
    assert people
    github = GitHubSimulator(World(), tokens={})
    with serving(github) as address, collecting(make_system, address) as system:
        wait_until(lambda: checks(system)["credentials"] != "ok", 60)

        assert list(look(system)) == ["credentials"]


def test_pages_with_a_wrong_clock(
    look: Look,
    make_system: MakeSystem,
    world: World,
    clock: Clock,
    people: list[TrackedUser],
) -> None:
    for user in people:
        world.add_repository(world.add_account(user.login, id=user.id), "tool", stargazers=130)
    clock.advance(timedelta(days=40))
    github = GitHubSimulator(world, tokens={"token": None})
    with serving(github) as address, collecting(make_system, address) as system:
        wait_until(lambda: checks(system)["clock"] != "ok", 60)

        told = look(system)

        assert "40 days ahead of GitHub's" in told["clock"]
        scans = system.call("GET", f"/v1/users/{people[0].id}/scans").json()
        assert "by the database's clock: no row is written" in scans[0]["reason"]


def test_pages_with_accounts_that_github_does_not_show(
    look: Look,
    make_system: MakeSystem,
    world: World,
    connection: Connection,
    people: list[TrackedUser],
) -> None:
    for user in people[:2]:
        world.add_repository(world.add_account(user.login, id=user.id), "tool", stargazers=130)
    for number in range(4):
        factories.add_user(connection, 900 + number, f"nobody-{number}")
    github = GitHubSimulator(world, tokens={"token": None})
    with serving(github) as address, collecting(make_system, address) as system:
        words = "2 of 7 recorded, 5 not found at GitHub"
        wait_until(lambda: checks(system)["users"] == words, 60)

        assert list(look(system, "/users/900")) == ["users"]
