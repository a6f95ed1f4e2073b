"""Any period of a page, and notes, in a real browser: with and without scripts."""

import os
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Connection

from common.repositories import SeenRepository
from tests import factories
from tests.browser.conftest import Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

ONE_DAY = timedelta(days=1)

HOSTILE = "<script>alert(1)</script> <b>\"front page\"</b> & 'more' \N{GRINNING FACE}"

VIEWS = [
    # Width, colours, scripts.
    (390, "dark", True),
    (1280, "light", True),
    (390, "light", False),
]


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    """A repository with 120 observed days and two releases."""
    user = factories.add_user(connection, login="adam")
    today = clock.today()
    repository = factories.add_repository(connection, user, name="tool", day=today - 120 * ONE_DAY)
    rows = {today - ago * ONE_DAY: (4400 - 4 * ago, 60, 7) for ago in range(120)}
    factories.add_rows(connection, user, repository, rows)
    for ago in range(119, -1, -1):
        factories.add_scan(connection, user, today - ago * ONE_DAY)
    factories.add_release(connection, repository, "v1.0", today - 70 * ONE_DAY, title=HOSTILE)
    factories.add_release(connection, repository, "v1.1-" + "x" * 200, today - 2 * ONE_DAY)
    return repository


def test_a_period_is_chosen_and_a_note_is_written_and_deleted(
    browser: Browser,
    make_system: MakeSystem,
    *,
    connection: Connection,
    clock: Clock,
    repository: SeenRepository,
) -> None:
    with running(make_system(), "api") as system:
        for width, scheme, scripts in VIEWS:
            with visiting(
                browser, system.address, width=width, scheme=scheme, scripts=scripts
            ) as visitor:
                _choose_days(visitor, clock, f"/repos/{repository.id}", scripts=scripts)
                _write_and_delete(visitor, clock, repository, scripts=scripts)
                _choose_days(visitor, clock, "/u/adam", scripts=scripts)


def _choose_days(visitor: Visitor, clock: Clock, path: str, *, scripts: bool) -> None:
    """Choose days by the form, and then a preset."""
    page, today = visitor.page, clock.today()
    first, last = today - 40 * ONE_DAY, today - 31 * ONE_DAY
    visitor.go(path)
    page.get_by_text("Other days").click()
    page.get_by_label("From").fill(first.isoformat())
    page.get_by_label("To", exact=True).fill(last.isoformat())
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_load_state()

    assert f"from={first}&to={last}" in page.url
    expect(page.get_by_label("From")).to_have_value(first.isoformat())
    change = page.get_by_role("group", name="Change in 10 days")
    expect(change.get_by_role("row", name="Stars")).to_contain_text("+40")
    if scripts:
        # Both are scripts.
        visitor.wait_for_images()
        visitor.check()
    _picture(page, "period-" + path.strip("/").replace("/", "-"))

    page.get_by_role("link", name="Last month").click()
    page.wait_for_load_state()
    assert "period=last-month" in page.url
    assert "from=" not in page.url


def _write_and_delete(
    visitor: Visitor, clock: Clock, repository: SeenRepository, *, scripts: bool
) -> None:
    """Write a note that looks like HTML, read it as text, and delete it."""
    page, today = visitor.page, clock.today()
    visitor.go(f"/repos/{repository.id}?period=90")
    page.get_by_text("Write a note").click()
    page.get_by_label("Day", exact=True).fill((today - 5 * ONE_DAY).isoformat())
    page.get_by_label("Note", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Save").click()
    page.wait_for_load_state()

    assert "period=90" in page.url
    marks = page.get_by_role("region", name="Notes and releases")
    expect(marks.get_by_role("listitem")).to_have_count(3)
    expect(marks.get_by_text(HOSTILE, exact=True)).to_have_count(1)
    expect(marks.get_by_text(f"v1.0: {HOSTILE}", exact=True)).to_have_count(1)
    if scripts:
        # Both are scripts.
        visitor.wait_for_images()
        visitor.check()
    _picture(page, "notes")

    marks.get_by_role("button", name="Delete the note of").click()
    page.wait_for_load_state()
    expect(marks.get_by_role("listitem")).to_have_count(2)


def _picture(page: Page, name: str) -> None:
    """Keep a picture of the page, if somebody wants to look at it."""
    directory = os.environ.get("PICTURES")
    if directory and page.viewport_size is not None:
        page.screenshot(
            path=f"{directory}/{name}-{page.viewport_size['width']}.png", full_page=True
        )
