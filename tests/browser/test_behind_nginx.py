"""Chromium behind nginx, below a path that the proxy removes or leaves."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from api.pages.auth import SESSION_COOKIE
from simulator import GitHubSimulator, World, serving
from tests.browser.conftest import visiting
from tests.compat.test_nginx import KEY, PREFIX, below_a_path
from tests.end_to_end.conftest import MakeSystem

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]


@pytest.mark.parametrize("removes_path", [False, True])
def test_log_in_follow_look_around_download_and_try_the_documentation(
    browser: Browser, make_system: MakeSystem, world: World, tmp_path: Path, removes_path: bool
) -> None:
    owner = world.add_account("octo-org", name="Octo Söhne")
    world.add_repository(owner, "tool", stargazers=1000, forks=7, watchers=3)
    with (
        serving(GitHubSimulator(world, tokens={"token": world.add_account("watcher")})) as github,
        below_a_path(
            make_system,
            tmp_path / "nginx",
            *("api", "worker", "flower"),
            removes_path=removes_path,
            host="example.org",
            GITHUB_API_URL=github,
            API_KEY=KEY,
        ) as (front, _),
        visiting(
            browser, f"{front.origin}{PREFIX}", width=1280, ignore_https_errors=True
        ) as visitor,
    ):
        page = visitor.page
        visitor.go("/")
        # The style sheet is applied: without it, links to the content would be visible.
        assert page.locator("a.skip").evaluate("link => getComputedStyle(link).position") != (
            "static"
        )
        page.get_by_role("link", name="Log in").first.click()
        page.get_by_label("Key").fill(KEY)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        (cookie,) = visitor.context.cookies()
        assert (cookie["path"], cookie["secure"]) == (PREFIX, True)

        page.get_by_label("Follow a user or an organisation").fill("octo-org")
        page.get_by_role("button", name="Follow").click()
        # Updated by the script; the page does not reload.
        expect(page.locator("[data-stage='done']")).to_have_count(2, timeout=60_000)
        visitor.check()

        page.get_by_role("link", name="Show octo-org").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Octo Söhne")
        visitor.wait_for_images()
        with page.expect_download() as download:
            page.get_by_role("listitem").filter(has_text="Repositories:").get_by_role(
                "link", name="CSV"
            ).click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == ["tool"]

        page.get_by_role("link", name="tool", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("octo-org / tool")
        visitor.wait_for_images()
        shown = page.get_by_label("In a README, as Markdown").input_value()
        (chart,) = re.findall(r"\]\((https://[^)]*chart\.svg[^)]*)\)\]", shown)
        assert chart.startswith(f"{front.origin}{PREFIX}/v1/repos/")
        assert page.goto(chart)
        assert page.locator("svg").count() == 1

        visitor.go("/docs")
        listing = page.locator("#operations-users-list_users")
        listing.locator(".opblock-summary-control").click()
        listing.get_by_role("button", name="Try it out").click()
        listing.get_by_role("button", name="Execute").click()
        expect(listing.locator("tr.response td.response-col_status").first).to_have_text("200")
        expect(listing.locator(".request-url")).to_contain_text(f"{front.origin}{PREFIX}/v1/users")

        visitor.go("/status")
        page.get_by_role("link", name="Flower", exact=True).click()
        expect(page.get_by_role("link", name="Tasks")).to_be_visible()
        assert page.url == f"{front.origin}{PREFIX}/flower/"

        visitor.go("/")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="Log in").first).to_be_visible()
        assert page.url == f"{front.origin}{PREFIX}/"
        # Flower has one of its own.
        assert SESSION_COOKIE not in {cookie["name"] for cookie in visitor.context.cookies()}
