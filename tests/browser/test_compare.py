"""Comparisons in a real browser: from ticks in a table to a chart at an address to share."""

from datetime import date, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection

from tests import factories
from tests.browser.conftest import WIDTHS, Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

TODAY = date(2026, 11, 28)
DAYS = 400
MISSING = range(100, 103)

STARS = {
    "adam/anvil": "anvil 400",
    "adam/bellows": "bellows 3,700",
    "adam/chisel": "chisel 34,000",
    "adam/drill": "drill 310,000",
}
NAMES = ("anvil", "bellows", "chisel", "drill")


@pytest.fixture
def repositories(connection: Connection, clock: Clock) -> None:
    """Four repositories; each later one has more stars and began a month later."""
    clock.set(TODAY)
    user = factories.add_user(connection, login="adam")
    for place, name in enumerate(NAMES):
        first = TODAY - timedelta(days=DAYS - 1 - 30 * place)
        repository = factories.add_repository(connection, user, name=name, day=first)
        rows = {
            TODAY - timedelta(days=ago): ((DAYS - ago - 30 * place) * 10**place, 5, 3)
            for ago in range(DAYS - 30 * place)
            if ago not in MISSING
        }
        factories.add_rows(connection, user, repository, rows)
    factories.add_scan(connection, user, TODAY, expected=4, recorded=4)


def query(visitor: Visitor) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(visitor.page.url).query)


@pytest.mark.usefixtures("repositories")
def test_four_repositories_are_compared_and_the_address_shared(
    browser: Browser, make_system: MakeSystem
) -> None:
    with running(make_system(), "api") as system:
        for width, scheme in zip(WIDTHS, ("dark", "light"), strict=True):
            with visiting(browser, system.address, width=width, scheme=scheme) as visitor:
                tick_and_compare(visitor)
                read_values(visitor)
                switch_modes(visitor)
                zoom_by_keyboard(visitor)
                shared = visitor.page.url
            with visiting(browser, shared, width=width, scheme=scheme) as other:
                other.page.goto(shared, wait_until="networkidle")
                other.wait_for_images()
                expect(other.page.get_by_role("slider")).to_be_visible()
                expect(other.page.locator("tbody tr")).to_have_count(4)
                other.check()
        use_without_scripts(browser, system.address)


def tick_and_compare(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/u/adam")
    table = page.get_by_role("group", name="Repositories")
    for name in NAMES:
        table.get_by_role("checkbox", name=f"Compare {name}").check()
    visitor.check()
    page.locator("form#compare").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")
    assert sorted(query(visitor)) == [("repo", f"adam/{name}") for name in NAMES]
    visitor.wait_for_images()
    visitor.check()


def read_values(visitor: Visitor) -> None:
    reader = visitor.page.get_by_role("slider")
    reader.focus()
    expect(reader).to_have_attribute(
        "aria-valuetext",
        f"{TODAY}: " + "; ".join(STARS[name] for _, name in query(visitor)),
    )
    for _ in MISSING:
        reader.press("PageDown")
    expect(visitor.page.locator(".chart-values")).to_be_visible()
    reader.press("Escape")


def switch_modes(visitor: Visitor) -> None:
    page = visitor.page
    for name, value in (
        ("Log", ("scale", "log")),
        ("Aligned", ("mode", "aligned")),
        ("Per week", ("mode", "week")),
        ("Indexed", ("mode", "indexed")),
        ("Linear", None),
        ("Total", None),
    ):
        page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        expect(
            page.get_by_role("main").get_by_role("link", name=name, exact=True)
        ).to_have_attribute("aria-current", "true")
        assert value is None or value in query(visitor)
        visitor.wait_for_images()
        expect(page.get_by_role("slider")).to_be_visible()
    visitor.check()


def zoom_by_keyboard(visitor: Visitor) -> None:
    reader = visitor.page.get_by_role("slider")
    reader.focus()
    reader.press("+")
    visitor.page.wait_for_url("**from=**")
    assert dict(query(visitor))["to"] == TODAY.isoformat()
    assert [name for name, _ in query(visitor)].count("repo") == 4
    visitor.wait_for_images()
    visitor.check()


def use_without_scripts(browser: Browser, address: str) -> None:
    with visiting(browser, address, width=390, scripts=False) as visitor:
        page = visitor.page
        page.goto(address)
        page.get_by_role("checkbox", name="Compare adam", exact=True).check()
        page.locator("form#compare").get_by_role("button", name="Compare").click()
        page.get_by_label("Repositories and users, one a line").fill("adam/anvil\nadam/nothing")
        page.get_by_role("button", name="Add").click()
        expect(page.locator("#problem")).to_contain_text("adam/nothing")
        expect(page.get_by_role("img", name="Stars of adam/anvil, adam")).to_be_visible()
        page.get_by_role("link", name="Remove adam/anvil").click()
        expect(page.get_by_role("img", name="Stars of adam;")).to_be_visible()
