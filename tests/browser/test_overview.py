"""The overview, and the tables of all pages on a phone, in a real browser."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Connection

from common import lookups, users
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.browser.conftest import Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

LONG = "a-login-of-the-greatest-length-possible"
"""39 characters, as many as GitHub allows."""


def add_history(
    connection: Connection, clock: Clock, login: str, stars: list[int], *, until: int = 0
) -> TrackedUser:
    """Follow a user with complete days, the last one so many days ago."""
    user = factories.add_user(connection, login=login, name=f"Name of {login}")
    today = clock.today()
    repository = factories.add_repository(connection, user, name=f"tool-of-{login}", day=today)
    days = factories.add_history(
        connection, user, repository, until=today - timedelta(until), stargazers=stars
    )
    for day in days:
        factories.add_scan(connection, user, day, expected=1, recorded=1)
    return user


@pytest.fixture
def people(connection: Connection, clock: Clock) -> list[TrackedUser]:
    """Users of every kind, and more than one page of them."""
    found = [
        add_history(connection, clock, LONG, [1_234_567_000 + 100_000 * day for day in range(32)]),
        add_history(connection, clock, "huge", [500_000 + 30 * day for day in range(32)]),
        add_history(connection, clock, "tiny", [82] * 31 + [83]),
        add_history(connection, clock, "late", [4300 + day for day in range(31)], until=1),
    ]
    factories.add_scan(connection, found[-1], clock.today(), ScanState.WAITING, reason="rate limit")
    missing = add_history(connection, clock, "missing", [7], until=2)
    users.mark_missing(connection, missing.id, clock.today() - timedelta(1))
    for number in range(50):
        factories.add_user(connection, login=f"fresh-{number}")
    lookups.get_or_create(connection, "still-to-be-asked")
    return found


@pytest.fixture
def system(make_system: MakeSystem, people: list[TrackedUser]) -> Iterator[System]:
    """The API alone, with the users."""
    del people
    with running(make_system(), "api") as started:
        yield started


def cut_off(page: Page) -> list[str]:
    """Return the values in tables of blocks that are not whole within the window."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll('.stacked td, .stacked tbody th, .figures dd')]
        .filter(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const box = range.getBoundingClientRect();
            return box.width && (box.right > innerWidth || box.left < 0
                || cell.scrollWidth > cell.clientWidth + 1);
        }).map(cell => cell.innerText)"""
    )
    return found


def overlapping(page: Page) -> list[str]:
    """Return the values that lie upon one another in a row."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll('.stacked tbody tr')].flatMap(row => {
            const boxes = [...row.cells].map(cell => [cell, cell.getBoundingClientRect()]);
            return boxes.filter(([, a], i) => boxes.slice(i + 1).some(([, b]) =>
                a.left < b.right - 1 && b.left < a.right - 1
                && a.top < b.bottom - 1 && b.top < a.bottom - 1
            )).map(([cell]) => cell.innerText);
        })"""
    )
    return found


def inspect(visitor: Visitor, picture: Path, *, scripts: bool = True) -> None:
    """Take a picture, and fail if anything is cut, or not accessible."""
    visitor.page.screenshot(path=picture, full_page=True)
    assert not cut_off(visitor.page), picture.name
    assert not overlapping(visitor.page), picture.name
    if scripts:
        # The check of accessibility is a script.
        visitor.check()


LOOKS = [
    (390, "light", True),
    (390, "dark", False),
    (1280, "light", False),
    (1280, "dark", True),
]


def test_overview_shows_sorts_filters_and_turns_pages(
    browser: Browser, system: System, tmp_path: Path
) -> None:
    for width, scheme, scripts in LOOKS:
        with visiting(
            browser, system.address, width=width, scheme=scheme, scripts=scripts
        ) as visitor:
            page = visitor.page

            look = f"{width}-{scheme}-{scripts}"
            visitor.go("/")
            first = page.locator("tbody tr").first
            expect(first).to_contain_text(LONG)
            expect(first).to_contain_text("1,237,667,000")
            expect(page.get_by_role("region", name="Movers")).to_contain_text(
                f"{LONG}/tool-of-{LONG}"
            )
            expect(page.get_by_role("region", name="To be followed")).to_contain_text(
                "still-to-be-asked"
            )
            expect(page.get_by_text("Page 1 of 2")).to_be_visible()
            inspect(visitor, tmp_path / f"overview-{look}.png", scripts=scripts)

            page.get_by_role("link", name="7 d", exact=True).click()
            expect(page.locator("th[aria-sort='descending']")).to_have_text("7 d")
            page.get_by_role("link", name="Next page").click()
            expect(page.get_by_text("Page 2 of 2")).to_be_visible()
            page.get_by_role("link", name="Not recorded today 1").click()
            expect(page.locator("tbody tr")).to_have_count(1)
            expect(page.locator("tbody tr")).to_contain_text("not recorded today")
            page.get_by_role("link", name="All", exact=True).click()
            page.get_by_label("Filter by login or name").fill("OF tin")
            page.get_by_role("button", name="Filter").click()
            expect(page.locator("tbody tr")).to_have_count(1)
            expect(page.locator("th[aria-sort='descending']")).to_have_text("7 d")
            inspect(visitor, tmp_path / f"filtered-{look}.png", scripts=scripts)

            page.get_by_role("link", name="tiny", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Name of tiny")
            assert page.url == f"{system.address}/u/tiny"


def test_no_value_of_a_list_is_cut_on_a_phone(
    browser: Browser, system: System, tmp_path: Path
) -> None:
    with visiting(browser, system.address, width=390) as visitor:
        for name, path in (
            ("user", f"/u/{LONG}?period=365"),
            ("imports", "/imports"),
            ("status", "/status"),
        ):
            visitor.go(path)
            inspect(visitor, tmp_path / f"{name}.png")
        visitor.go(f"/u/{LONG}")
        visitor.page.get_by_role("link", name=f"tool-of-{LONG}").last.click()
        inspect(visitor, tmp_path / "repository.png")
