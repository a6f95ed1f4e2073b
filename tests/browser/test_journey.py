"""From a login to its history in a real browser, on a desktop and on a phone."""

import csv
import io
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import Connection, Engine

from common import users
from common.users import TrackedUser
from simulator import World
from tests import factories
from tests.browser.conftest import WIDTHS, Visitor, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

HOSTILE = ["<script>alert(1)</script>", '"onload="alert(1)', "=1+1", "שלום", "🦀", "x" * 100]


def add_octo_org(world: World) -> None:
    """Add an account with three repositories to GitHub; its name looks like HTML."""
    owner = world.add_account("octo-org", name="Octo <b>&amp; Söhne", type="Organization")
    for number in range(3):
        world.add_repository(owner, f"tool-{number}", stargazers=1000 * (number + 1), forks=number)


@pytest.mark.parametrize("width", WIDTHS)
def test_follow_a_user_look_around_and_download(
    browser: Browser, system: System, world: World, width: int
) -> None:
    add_octo_org(world)
    with visiting(browser, system.address, width=width) as visitor:
        page = visitor.page
        visitor.go("/")
        visitor.check()

        page.get_by_label("Follow a user or an organisation").fill("octo-org")
        page.get_by_role("button", name="Follow").click()
        # Updated by the script; the page does not reload.
        expect(page.locator("[data-stage='done']")).to_have_count(2)
        expect(page.get_by_text("3 repositories")).to_be_visible()
        visitor.check()

        page.get_by_role("link", name="Show octo-org").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Octo <b>&amp; Söhne")
        expect(page.get_by_role("definition").first).to_have_text("6,000")
        visitor.check()

        page.get_by_role("link", name="Forks", exact=True).first.click()
        expect(page.get_by_role("heading", name="Total forks")).to_be_visible()
        visitor.wait_for_images()
        visitor.check()

        with page.expect_download() as download:
            page.get_by_role("listitem").filter(has_text="Repositories:").get_by_role(
                "link", name="CSV"
            ).click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        names = {row["name"]: row["stargazers"] for row in csv.DictReader(io.StringIO(text))}
        assert names == {"tool-0": "1000", "tool-1": "2000", "tool-2": "3000"}

        page.get_by_role("link", name="tool-2", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "octo-org / tool-2 Octo <b>&amp; Söhne"
        )
        expect(page.get_by_role("region", name="Table of days")).to_contain_text("3,000")
        expect(page.get_by_label("In a README, as Markdown")).to_have_value(
            f"[![Stars of octo-org/tool-2]({system.address}/v1/repos/"
            + page.url.rpartition("/")[2]
            + f"/chart.svg?metric=stargazers&width=600&height=300&theme=auto)]({page.url})"
        )
        visitor.wait_for_images()
        visitor.check()

        page.get_by_role("link", name="Status").click()
        expect(page.get_by_text("1 worker running")).to_be_visible()
        expect(page.get_by_role("region", name="GitHub")).to_contain_text("GraphQL points")
        visitor.check()

        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Followed users")
        # The key works once the scripts of this page have run.
        page.wait_for_load_state()
        page.keyboard.press("/")
        page.keyboard.type("OCTO")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("OCTO")
        expect(page.get_by_role("link", name="octo-org", exact=True)).to_be_visible()
        visitor.check()


def test_progress_page_shows_that_github_has_no_such_login(
    browser: Browser, system: System
) -> None:
    with visiting(browser, system.address, width=390) as visitor:
        visitor.go("/")
        visitor.page.get_by_label("Follow a user or an organisation").fill("nobody-at-all")
        visitor.page.keyboard.press("Enter")

        expect(visitor.page.locator("[data-stage='failed']")).to_contain_text("nobody-at-all")
        expect(visitor.page.get_by_label("Follow another login")).to_have_value("nobody-at-all")
        visitor.check()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until an element of that name has the focus; the focus must be visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        label, outline = page.evaluate(
            "(element => [(element.labels?.[0] ?? element).innerText.trim(),"
            " getComputedStyle(element).outlineStyle])(document.activeElement)"
        )
        if label == name:
            assert outline != "none"
            return
    raise AssertionError(f"not reached with Tab: {name}")


def test_pages_can_be_used_with_the_keyboard_alone(
    browser: Browser, system: System, world: World
) -> None:
    add_octo_org(world)
    with visiting(browser, system.address, width=1280) as visitor:
        page = visitor.page
        visitor.go("/")
        tab_to(page, "Follow a user or an organisation")
        page.keyboard.type("octo-org")
        tab_to(page, "Follow")
        page.keyboard.press("Enter")
        expect(page.locator("[data-stage='done']")).to_have_count(2)

        tab_to(page, "Show octo-org")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Total stars")).to_be_visible()
        tab_to(page, "Forks")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Total forks")).to_be_visible()
        tab_to(page, "tool-2")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", level=1)).to_have_text(
            "octo-org / tool-2 Octo <b>&amp; Söhne"
        )


def test_scan_button_records_new_counts_once_in_five_minutes(
    browser: Browser, system: System, world: World, clock: Clock
) -> None:
    add_octo_org(world)
    # At noon, so that GitHub's day is the same ten minutes later.
    clock.set(datetime.combine(world.day, time(12), UTC))
    system.call("PUT", "/v1/users", json={"login": "octo-org"})
    (user,) = system.call("GET", "/v1/users").json()
    wait_until(lambda: is_recorded(system, user["id"]), 30)
    # The first scan counts: another may be requested five minutes later.
    clock.advance(timedelta(minutes=10))
    repository = world.repository("octo-org", "tool-0")
    assert repository is not None
    world.set_counts(repository, stargazers=1234)
    with visiting(browser, system.address, width=390) as visitor:
        page = visitor.page
        visitor.go(f"/users/{user['id']}")
        page.get_by_role("button", name="Scan now").click()
        expect(page.get_by_role("status")).to_contain_text("Scan requested")
        visitor.check()

        wait_until(lambda: stars(system, user["id"]) == 6234, 30)
        page.get_by_role("button", name="Scan now").click()

        expect(page.get_by_role("status")).to_contain_text("was scanned a moment ago")
        expect(page.get_by_role("definition").first).to_have_text("6,234")
        visitor.check()


def is_recorded(system: System, user_id: int) -> bool:
    scans = system.call("GET", f"/v1/users/{user_id}/scans").json()
    return bool(scans) and scans[0]["state"] == "done"


def stars(system: System, user_id: int) -> int:
    """Return the sum of the stars of a user's repositories."""
    repositories = system.call("GET", f"/v1/users/{user_id}/repos").json()
    return sum(repository["latest"]["stargazers"] for repository in repositories)


def test_pages_work_without_javascript(browser: Browser, system: System, world: World) -> None:
    add_octo_org(world)
    with visiting(browser, system.address, width=1280, scripts=False) as visitor:
        page = visitor.page
        page.goto(system.address)
        page.get_by_label("Follow a user or an organisation").fill("octo-org")
        page.get_by_role("button", name="Follow").click()
        # The page reloads itself until the user is recorded.
        expect(page.locator("[data-stage='done']")).to_have_count(2)
        page.get_by_role("link", name="Show octo-org").click()

        expect(page.get_by_role("link", name="tool-1", exact=True).last).to_be_visible()


def add_history(connection: Connection, clock: Clock, names: list[str]) -> TrackedUser:
    """Add a user with two months of daily rows, three days missing."""
    user = factories.add_user(connection, login="adam", name=HOSTILE[0])
    today = clock.today()
    for name in names:
        repository = factories.add_repository(
            connection, user, name=name, day=today - timedelta(60)
        )
        factories.add_rows(
            connection,
            user,
            repository,
            {
                today - timedelta(ago): (1000 - ago * ago // 9, 60 - ago, 7)
                for ago in range(60)
                if ago not in {9, 10, 33}
            },
        )
    for ago in range(59, -1, -1):
        if ago not in {9, 10, 33}:
            factories.add_scan(
                connection,
                user,
                today - timedelta(ago),
                expected=len(names),
                recorded=len(names),
            )
    return user


@pytest.mark.parametrize("look", [(390, "dark"), (1280, "light")])
def test_hostile_names_are_escaped(
    browser: Browser,
    make_system: MakeSystem,
    connection: Connection,
    clock: Clock,
    look: tuple[int, str],
) -> None:
    user = add_history(connection, clock, HOSTILE)
    width, scheme = look
    with (
        running(make_system(), "api") as system,
        visiting(browser, system.address, width=width, scheme=scheme) as visitor,
    ):
        page = visitor.page
        for path in ("/", "/status", f"/users/{user.id}"):
            visitor.go(path)
            visitor.check()
        assert {*HOSTILE} <= {*page.locator("tbody bdi").all_text_contents()}
        for name in HOSTILE:
            visitor.go(f"/users/{user.id}")
            page.get_by_role("link", name=name, exact=True).last.click()
            expect(page.get_by_role("heading", level=1)).to_have_text(f"adam / {name} {HOSTILE[0]}")
            expect(page.get_by_role("region", name="Table of days")).to_contain_text("not recorded")
        visitor.check()


def test_theme_follows_the_system(
    browser: Browser, make_system: MakeSystem, connection: Connection, clock: Clock
) -> None:
    user = add_history(connection, clock, ["tool"])

    def background(visitor: Visitor) -> str:
        visitor.go(f"/users/{user.id}")
        colour: str = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    with (
        running(make_system(), "api") as system,
        visiting(browser, system.address, width=1280, scheme="light") as visitor,
    ):
        light = background(visitor)
        visitor.page.emulate_media(color_scheme="dark")
        dark = background(visitor)

    assert (light, dark) == ("rgb(246, 247, 248)", "rgb(17, 22, 26)")


def test_login_with_the_key_shows_the_forms(
    browser: Browser, make_system: MakeSystem, engine: Engine
) -> None:
    key = SecretStr("correct horse ✓")
    with (
        running(make_system(API_KEY=key.get_secret_value()), "api") as system,
        visiting(browser, system.address, width=390) as visitor,
    ):
        page = visitor.page
        visitor.go("/")
        page.get_by_role("main").get_by_role("link", name="Log in").click()
        page.get_by_label("Key").fill(key.get_secret_value())
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("Follow a user or an organisation").fill("adam")
        visitor.check()
        cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
        assert cookies["repopulse_session"]["httpOnly"]
        assert cookies["repopulse_session"]["sameSite"] == "Strict"

        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Follow a user or an organisation")).to_have_count(0)
    with engine.begin() as connection:
        assert users.page(connection) == []
