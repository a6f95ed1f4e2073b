"""The page of a user with many repositories and a year of days, in a real browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from sqlalchemy import Connection

from common.users import TrackedUser
from tests import factories
from tests.browser.conftest import visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

REPOSITORIES = 60
SCANS = 365

FIRST_VIEW = 130_000
"""Bytes of a page with all that it loads."""


@pytest.fixture
def owner(connection: Connection, clock: Clock) -> TrackedUser:
    """A user whose repositories have 31 days, and who was scanned for a year."""
    user = factories.add_user(connection, login="many")
    today = clock.today()
    for number in range(REPOSITORIES):
        repository = factories.add_repository(connection, user, name=f"r{number:02}", day=today)
        stars = [1000 * (number + 1) + day * day for day in range(31)]
        factories.add_history(connection, user, repository, until=today, stargazers=stars)
    for ago in reversed(range(SCANS)):
        day = today - timedelta(ago)
        factories.add_scan(connection, user, day, expected=REPOSITORIES, recorded=REPOSITORIES)
    return user


@pytest.fixture
def system(make_system: MakeSystem, owner: TrackedUser) -> Iterator[System]:
    """The API alone, with the user."""
    del owner
    with running(make_system(), "api") as started:
        yield started


def record_loads(page: Page) -> list[Request]:
    """Return a list to which what the page loads is added."""
    loaded: list[Request] = []

    def record(request: Request) -> None:
        loaded.append(request)

    page.on("requestfinished", record)
    return loaded


def test_page_of_many_repositories_is_light_whole_and_turned_page_by_page(
    system: System, browser: Browser
) -> None:
    for width, scheme, scripts in (
        (1280, "light", True),
        (390, "dark", True),
        (390, "light", False),
    ):
        with visiting(
            browser, system.address, width=width, scheme=scheme, scripts=scripts
        ) as visitor:
            page = visitor.page
            loaded = record_loads(page)
            visitor.go("/u/many")
            size = sum(each.sizes()["responseBodySize"] for each in loaded)
            assert 10_000 < size < FIRST_VIEW

            repositories = page.locator("section", has=page.locator("#repositories"))
            lines = repositories.locator("svg.sparkline path")
            expect(lines).to_have_count(50)
            box = lines.first.bounding_box()
            assert box is not None
            # On a phone it is a little smaller.
            assert 90 < box["width"] < 119
            square = page.locator(".calendar .square.done")
            assert square.count() == SCANS
            sizes = square.evaluate_all(
                "all => all.map(each => each.getBoundingClientRect()).map(b => b.width / b.height)"
            )
            assert max(sizes) < 1.3
            assert min(sizes) > 0.7
            if scripts:
                visitor.check()

            page.locator("a[rel=next]").click()
            expect(lines).to_have_count(10)
            expect(page.locator("a[rel=next]")).to_have_count(0)
            if scripts:
                visitor.check()
