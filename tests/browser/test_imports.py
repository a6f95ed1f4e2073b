"""A file is imported in a real browser, with the page's script."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from simulator import World
from tests.browser.conftest import visiting
from tests.end_to_end.system import System
from tests.waiting import wait_until

WAIT = 30_000
"""Milliseconds."""

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

CONTENT = (
    "repo,date,stargazers\nocto/cat,2024-01-01,5\nocto/cat,2024-01-02,6\nno/one,2024-01-01,1\n"
)


def test_upload_look_apply_and_undo(
    browser: Browser, system: System, world: World, tmp_path: Path
) -> None:
    account = world.add_account("octo", id=7)
    world.add_repository(account, "cat", stargazers=9)
    system.call("PUT", "/v1/users", json={"id": 7, "login": "octo"})
    wait_until(lambda: system.call("GET", "/v1/users/7/repos").json(), 30)
    file = tmp_path / "old.csv"
    file.write_text(CONTENT)

    with visiting(browser, system.address, width=390, scheme="dark") as visitor:
        page = visitor.page
        visitor.go("/")
        page.get_by_role("link", name="Imports").click()
        visitor.check()

        page.get_by_label("File, up to").set_input_files(file)
        page.get_by_label("Name of the import").fill("old-csv")
        page.get_by_role("button", name="Upload and check").click()
        # The page reloads itself until a worker has read the file.
        apply = page.get_by_role("button", name="Import 2 days")
        expect(apply).to_be_visible(timeout=WAIT)
        expect(page.get_by_text("repository no/one is not followed")).to_be_visible(timeout=WAIT)
        visitor.check()

        apply.click()
        expect(page.get_by_text("2 days are imported.")).to_be_visible(timeout=WAIT)
        visitor.check()

        page.get_by_role("button", name="Undo this import").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Imports", timeout=WAIT)
        wait_until(lambda: system.call("GET", "/v1/imports").json() == [], 30)
        visitor.go("/imports")
        expect(page.get_by_text("No file has been imported.")).to_be_visible(timeout=WAIT)
        visitor.check()
