"""Start Chromium, for the browser tests and the screenshots."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # For pages that are at a public address.
    "--host-resolver-rules=MAP example.org 127.0.0.1",
)


class NoChromiumError(Exception):
    """No Chromium is installed."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser, closed at the end of the block.

    :raise NoChromiumError: neither the system nor Playwright has one
    """
    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None and Path(bundled).exists():
            found = bundled
        if found is None:
            raise NoChromiumError("no Chromium is installed: `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=found, args=_OPTIONS)
        yield browser
        browser.close()
