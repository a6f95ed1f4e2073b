"""Charts in a real browser: their values by mouse, touch and keyboard, and other days by zoom."""

from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect
from sqlalchemy import Connection

from common.repositories import SeenRepository
from tests import factories
from tests.browser.conftest import WIDTHS, Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

ONE_DAY = timedelta(days=1)
TODAY = date(2026, 11, 28)
DAYS = 90
MISSING = {20, 21, 22, 24, 25, 60}
"""Numbers of days that were not recorded; the one before the last is on its own."""


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    """A repository with 90 days, less those that are missing: 4,000 stars, and 10 more a day."""
    clock.set(TODAY)
    user = factories.add_user(connection, login="adam")
    first = TODAY - (DAYS - 1) * ONE_DAY
    repository = factories.add_repository(connection, user, name="tool", day=first)
    rows = {
        first + number * ONE_DAY: (4000 + 10 * number, 60 + number, 7)
        for number in range(DAYS)
        if number not in MISSING
    }
    factories.add_rows(connection, user, repository, rows)
    return repository


def day(number: int) -> str:
    return (TODAY - (DAYS - 1 - number) * ONE_DAY).isoformat()


def reader_of(visitor: Visitor) -> tuple[Locator, Locator]:
    """Return the chart of all counts, and what reads its values."""
    chart = visitor.page.locator("#chart")
    return chart, chart.get_by_role("slider")


def place(reader: Locator, number: int) -> tuple[float, float]:
    """Return the point on the screen that shows a day."""
    # In the middle of the window: the lower end of a chart may be out of it.
    reader.evaluate("element => element.scrollIntoView({block: 'center'})")
    box: FloatRect | None = reader.bounding_box()
    assert box
    return box["x"] + box["width"] * (number + 0.5) / DAYS, box["y"] + box["height"] / 3


def shown_days(visitor: Visitor) -> dict[str, str]:
    """Return the parameters of the address."""
    query = parse_qs(urlsplit(visitor.page.url).query)
    return {name: values[0] for name, values in query.items()}


def test_values_of_a_chart_are_read_and_days_chosen(
    browser: Browser, make_system: MakeSystem, repository: SeenRepository
) -> None:
    path = f"/repos/{repository.id}"
    with running(make_system(), "api") as system:
        for width, scheme in zip(WIDTHS, ("dark", "light"), strict=True):
            with visiting(browser, system.address, width=width, scheme=scheme) as visitor:
                visitor.go(path)
                read_by_mouse(visitor)
                read_by_keyboard(visitor)
                visitor.check()
                zoom_by_drag(visitor)
                visitor.go(path)
                zoom_by_keyboard(visitor)
                visitor.go(path)
                zoom_by_button(visitor)
                visitor.go(f"{path}?from={day(60)}&to={day(74)}")
                zoom_out(visitor)
        with visiting(browser, system.address, width=390, touch=True) as visitor:
            visitor.go(path)
            read_by_touch(visitor)
        with visiting(browser, system.address, width=390, scripts=False) as visitor:
            visitor.page.goto(system.address + path)
            expect(visitor.page.get_by_role("img", name="Stars, forks and")).to_be_visible()
            expect(visitor.page.get_by_role("slider")).to_have_count(0)


def read_by_mouse(visitor: Visitor) -> None:
    chart, reader = reader_of(visitor)
    expect(reader).to_be_visible()
    visitor.page.mouse.move(*place(reader, 30))
    values = chart.locator(".chart-values")
    expect(values).to_be_visible()
    expect(values).to_contain_text(day(30))
    expect(values).to_contain_text("Stars 4,300")
    expect(values).to_contain_text("Forks 90")
    expect(values).to_contain_text("Watchers 7")
    dots = chart.locator(".chart-dot:visible")
    expect(dots).to_have_count(3)
    visitor.page.mouse.move(*place(reader, 21))
    expect(values).to_contain_text("not recorded")
    expect(dots).to_have_count(0)
    visitor.page.mouse.move(1, 1)
    expect(values).to_be_hidden()


def read_by_touch(visitor: Visitor) -> None:
    chart, reader = reader_of(visitor)
    visitor.page.touchscreen.tap(*place(reader, 30))
    values = chart.locator(".chart-values")
    expect(values).to_contain_text("Stars 4,300")
    # They stay while the finger is away, and the address is the same.
    visitor.page.touchscreen.tap(*place(reader, 31))
    expect(values).to_contain_text("Stars 4,310")
    assert shown_days(visitor) == {}


def read_by_keyboard(visitor: Visitor) -> None:
    _, reader = reader_of(visitor)
    reader.focus()
    expect(reader).to_have_attribute(
        "aria-valuetext", f"{day(89)}: Stars 4,890; Forks 149; Watchers 7"
    )
    for key, number in (("ArrowLeft", 88), ("Home", 0), ("ArrowRight", 1), ("PageUp", 10)):
        reader.press(key)
        expect(reader).to_have_attribute("aria-valuenow", str(number))
    for _ in range(10):
        reader.press("ArrowRight")
    expect(reader).to_have_attribute("aria-valuetext", f"{day(20)}: not recorded")
    reader.press("Escape")
    expect(visitor.page.locator("#chart .chart-values")).to_be_hidden()


def zoom_by_drag(visitor: Visitor) -> None:
    _, reader = reader_of(visitor)
    mouse = visitor.page.mouse
    mouse.move(*place(reader, 40))
    mouse.down()
    mouse.move(*place(reader, 45), steps=3)
    mouse.move(*place(reader, 59), steps=3)
    expect(visitor.page.locator("#chart .chart-selection")).to_be_visible()
    mouse.up()
    visitor.page.wait_for_url("**from=**")
    assert shown_days(visitor) == {"from": day(40), "to": day(59)}


def zoom_by_keyboard(visitor: Visitor) -> None:
    _, reader = reader_of(visitor)
    reader.focus()
    reader.press("Home")
    for _ in range(9):
        reader.press("Shift+ArrowRight")
    reader.press("Enter")
    visitor.page.wait_for_url("**from=**")
    assert shown_days(visitor) == {"from": day(0), "to": day(9)}
    # The same chart has the focus on the new page.
    expect(reader).to_be_focused()


def zoom_by_button(visitor: Visitor) -> None:
    tools = visitor.page.locator("#chart + .chart-tools")
    expect(tools).to_be_visible()
    expect(visitor.page.locator(".chart-tools")).to_have_count(1)
    tools.get_by_role("button", name="Zoom in").click()
    visitor.page.wait_for_url("**from=**")
    shown = shown_days(visitor)
    days = (date.fromisoformat(shown["to"]) - date.fromisoformat(shown["from"])).days + 1
    assert days == DAYS / 2


def zoom_out(visitor: Visitor) -> None:
    _, reader = reader_of(visitor)
    reader.focus()
    reader.press("End")
    reader.press("-")
    visitor.page.wait_for_url(f"**to={day(75)}**")
    # The day stays where it was in the chart.
    assert shown_days(visitor) == {"from": day(46), "to": day(75)}
    visitor.page.get_by_role("button", name="Zoom out").click()
    visitor.page.wait_for_url(f"**to={day(89)}**")
    # Around the middle, the last day would be tomorrow: one more is added before.
    assert shown_days(visitor) == {"from": day(30), "to": day(89)}
