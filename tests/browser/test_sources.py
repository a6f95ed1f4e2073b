"""The past of a repository in a real browser: its sources, and the progress of its reading."""

import io
from datetime import UTC, date, datetime, time, timedelta

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection

from common.repositories import SeenRepository
from tests import factories, star_readings
from tests.browser.conftest import visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import running

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

ONE_DAY = timedelta(days=1)


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    """A repository with 60 observed days."""
    user = factories.add_user(connection, login="adam")
    today = clock.today()
    repository = factories.add_repository(connection, user, name="tool", day=today - 60 * ONE_DAY)
    rows = {today - ago * ONE_DAY: (4400 - 4 * ago, 60 - ago, 7) for ago in range(60)}
    factories.add_rows(connection, user, repository, rows)
    for ago in range(59, -1, -1):
        factories.add_scan(connection, user, today - ago * ONE_DAY)
    return repository


def read_history(connection: Connection, repository: SeenRepository, today: date) -> None:
    """Store a history of three years, with four stars a day."""
    gained = {today - ago * ONE_DAY: 4 for ago in range(1, 1000)}
    read_at = datetime.combine(today, time(12), UTC)
    star_readings.store(connection, repository.id, gained, read_at)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_sources_are_told_apart_without_colour(
    browser: Browser,
    make_system: MakeSystem,
    *,
    connection: Connection,
    clock: Clock,
    repository: SeenRepository,
    width: int,
    scheme: str,
) -> None:
    read_history(connection, repository, clock.today())
    with (
        running(make_system(), "api") as system,
        visiting(browser, system.address, width=width, scheme=scheme) as visitor,
    ):
        visitor.go(f"/repos/{repository.id}?period=all")
        visitor.wait_for_images()
        page = visitor.page
        page.get_by_text("The same in numbers").click()
        expect(page.get_by_role("group", name="Stars gained and lost")).to_contain_text(
            "still held"
        )
        visitor.check()
        chart = page.get_by_role("img", name="Stars, forks and watchers of adam/tool").screenshot()

    grey = Image.open(io.BytesIO(chart)).convert("L")
    # The line from the lower left corner to the right edge, in narrow strips.
    dashed, solid = _ink(grey, 0.3, 0.8), _ink(grey, 0.93, 0.955)
    assert 0 < dashed < 0.75 * solid


def _ink(grey: Image.Image, start: float, end: float) -> float:
    """Return how much of the line a column has on average, between two parts of the width."""
    paper = grey.getpixel((grey.width // 2, 3))
    columns = range(int(grey.width * start), int(grey.width * end))
    # Between the labels above and the axis below; the lines of the grid are nearly as the paper.
    rows = range(int(grey.height * 0.22), int(grey.height * 0.75))
    assert isinstance(paper, int)
    total = 0
    for x in columns:
        for y in rows:
            shade = grey.getpixel((x, y))
            assert isinstance(shade, int)
            total += max(0, abs(shade - paper) - 50)
    return total / len(columns)


def test_progress_of_a_reading_follows_without_a_reload(
    browser: Browser,
    make_system: MakeSystem,
    *,
    connection: Connection,
    clock: Clock,
    repository: SeenRepository,
) -> None:
    connection.exec_driver_sql(f"INSERT INTO backfills (repo_id) VALUES ({repository.id})")
    with (
        running(make_system(BACKFILL="auto"), "api") as system,
        visiting(browser, system.address, width=390) as visitor,
    ):
        visitor.go(f"/repos/{repository.id}")
        line = visitor.page.locator("#backfill")
        expect(line).to_contain_text("Star history: waiting")
        visitor.check()

        read_history(connection, repository, clock.today())
        connection.exec_driver_sql("UPDATE backfills SET state = 'done'")
        line.get_by_role("link", name="Show it").click()

        expect(visitor.page.get_by_text("stars reconstructed since")).to_be_visible()
        expect(visitor.page.locator("#backfill")).to_have_count(0)
