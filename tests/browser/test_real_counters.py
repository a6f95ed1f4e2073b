"""Real counters in a browser: the pages show exactly the numbers of the file."""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect
from sqlalchemy import Engine, text

from common.broker import Task, make_celery, send
from common.settings import Settings
from simulator import World
from tests.browser.conftest import WIDTHS, Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.system import System
from tests.end_to_end.test_real_counters import COUNTERS, FIRST_DAY
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.end_to_end,
    pytest.mark.skipif(
        not COUNTERS.exists(),
        reason="needs the file of real counters, which is not part of the project",
    ),
]

DAYS = [FIRST_DAY + timedelta(days=ahead) for ahead in range(5)]
MISSING = DAYS[2]
"""No process runs on this day."""
RECORDED = [day for day in DAYS if day != MISSING]

NO_SCAN = "not recorded: no scan: the workers or beat did not run, or did not reach this user"


@pytest.fixture
def world() -> World:
    return World.recorded(COUNTERS, day=FIRST_DAY)


def most_prolific(world: World) -> str:
    """Return the login of the owner with the most repositories."""
    owners = [owner for owner, *_ in world.truth(FIRST_DAY).values()]
    most = max(set(owners), key=lambda owner: (owners.count(owner), owner))
    (account,) = [account for account in world.accounts if account.id == most]
    return account.login


Counts = tuple[int, int, int]


def truth(world: World, owner: int, day: date) -> dict[int, Counts]:
    """Return the counts of an owner's repositories on a day, from the file."""
    return {
        repo_id: (stargazers, forks, watchers)
        for repo_id, (owner_id, stargazers, forks, watchers) in world.truth(day).items()
        if owner_id == owner
    }


Record = Callable[[date], None]


@pytest.fixture
def record(world: World, clock: Clock, settings: Settings, engine: Engine) -> Record:
    """Return a function that moves to a day and waits until every user is scanned."""
    clock.set(FIRST_DAY)

    def record_day(day: date) -> None:
        def is_scanned() -> bool:
            with engine.connect() as connection:
                found = connection.execute(text("SELECT scanned_on FROM users")).scalars()
                return set(found) == {day}

        world.day = day
        clock.set(day)
        assert send(make_celery(settings), Task.FAN_OUT)
        wait_until(is_scanned, 60)

    return record_day


def cells(table: Locator) -> list[list[str]]:
    """Return the texts of a table's cells, row by row."""
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]


def download_csv(visitor: Visitor, where: str) -> list[dict[str, str]]:
    """Download the CSV of an item of the list of downloads; return its rows."""
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("listitem").filter(has_text=where).get_by_role(
            "link", name="CSV"
        ).click()
    whole = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(whole, newline="")))


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_and_downloads_show_the_real_counters(
    record: Record, browser: Browser, system: System, world: World, width: int
) -> None:
    login = most_prolific(world)
    account = world.account(login)
    assert account is not None
    with visiting(browser, system.address, width=width) as visitor:
        page = visitor.page
        visitor.go("/")
        page.get_by_label("Follow a user or an organisation").fill(login)
        page.keyboard.press("Enter")
        expect(page.locator("[data-stage='done']")).to_have_count(2)
        visitor.check()
        for day in RECORDED[1:]:
            record(day)
        counted = {day: truth(world, account.id, day) for day in RECORDED}
        newest = counted[RECORDED[-1]]
        total = [sum(counts[at] for counts in newest.values()) for at in range(3)]

        page.get_by_role("link", name=f"Show {login}").click()
        page.wait_for_url(f"**/u/{login}")
        figures = page.locator("dl.figures").first.locator("div > dd:first-of-type")
        assert figures.all_inner_texts()[:3] == [f"{each:,}" for each in total]
        shown = cells(page.get_by_role("region", name="Repositories").get_by_role("table"))
        assert sorted(tuple(row[1:4]) for row in shown) == sorted(
            tuple(f"{each:,}" for each in counts) for counts in newest.values()
        )
        visitor.check()

        rows = download_csv(visitor, "Daily counts")
        asked = system.call(
            "GET", f"/v1/users/{account.id}/stats", params={"date_from": str(FIRST_DAY)}
        ).json()["stats"]
        assert rows == [{name: str(value) for name, value in row.items()} for row in asked]
        assert {
            (int(row["repo_id"]), date.fromisoformat(row["date"])): (
                int(row["stargazers"]),
                int(row["forks"]),
                int(row["watchers"]),
            )
            for row in rows
        } == {
            (repo_id, day): counts
            for day, of_day in counted.items()
            for repo_id, counts in of_day.items()
        }

        repo_id = max(newest, key=lambda each: newest[each])
        visitor.go(f"/repos/{repo_id}")
        shown = cells(page.get_by_role("region", name="Table of days").get_by_role("table"))
        assert len(shown) >= len(DAYS)
        for day, row in zip(reversed(DAYS), shown, strict=False):
            # The history of stars may have been read by now, or not.
            if day == MISSING:
                assert row[0] == str(day)
                assert NO_SCAN in row[1] or (
                    row[3].startswith("reconstructed") and NO_SCAN in row[3]
                )
            else:
                counts = [f"{each:,}" for each in counted[day][repo_id]]
                found = [row[0], row[1], row[3], *row[5:]]
                assert found == [str(day), counts[0], "observed", *counts[1:]]
        visitor.wait_for_images()
        visitor.check()
