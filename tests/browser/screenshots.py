"""Take the screenshots of the README and the docs from a running demo.

``python -m tests.browser.screenshots`` writes them to ``docs/screenshots``.
"""

import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from common.errors import exit_with_message
from tests.browser.chromium import chromium
from tests.demo import running_demo
from tests.servers import ROOT
from tests.waiting import wait_until

DIRECTORY = ROOT / "docs" / "screenshots"

USER_ID = 1000003
"""An organisation of the demo with repositories of every kind."""

WITH_STAR_LOG = "northwind-labs/edge-charts"
"""The repository of the demo with three years of stars."""


def main() -> None:
    """Take all screenshots."""
    DIRECTORY.mkdir(exist_ok=True)
    with (
        chromium() as browser,
        tempfile.TemporaryDirectory() as directory,
        running_demo(Path(directory)) as demo,
    ):
        wait_until(lambda: "accounts followed" in demo.output, 180)
        wait_until(lambda: _is_recorded(demo.url), 120)
        wait_until(lambda: _is_history_read(demo.url), 240)
        (found,) = httpx.get(f"{demo.url}/v1/repos", params={"full_name": WITH_STAR_LOG}).json()
        repository = f"/repos/{found['id']}?period=all#total"
        for name, path, dark, width in (
            ("overview", "/", False, 1280),
            ("user", f"/users/{USER_ID}", False, 1280),
            ("repository", repository, True, 1280),
            ("phone", f"/users/{USER_ID}", True, 390),
            ("status", "/status", False, 1280),
        ):
            _take(browser, demo.url + path, name, dark=dark, width=width)
            print(f"{DIRECTORY.relative_to(ROOT)}/{name}.png")


def _is_recorded(url: str) -> bool:
    """Tell whether the newest day of every user is done."""
    with httpx.Client(base_url=url) as client:
        users = client.get("/v1/users").json()
        days = [client.get(f"/v1/users/{user['id']}/scans").json() for user in users]
    return all(found and found[0]["state"] == "done" for found in days)


def _is_history_read(url: str) -> bool:
    """Tell whether the histories of all repositories of the organisation are read."""
    state: str = httpx.get(f"{url}/v1/users/{USER_ID}/backfill").json()["state"]
    return state == "done"


def _take(browser: Browser, url: str, name: str, *, dark: bool, width: int) -> None:
    """Take a screenshot of the part of a page that is visible without scrolling."""
    page = browser.new_page(
        viewport={"width": width, "height": 900 if width > 600 else 844},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
    )
    page.goto(url, wait_until="networkidle")
    page.screenshot(path=DIRECTORY / f"{name}.png")
    page.close()


if __name__ == "__main__":
    with exit_with_message():
        main()
