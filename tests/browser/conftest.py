"""Fixtures: a browser, and the running product with the simulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.chromium import NoChromiumError, chromium
from tests.end_to_end.conftest import make_system, system, world
from tests.waiting import wait_until

__all__ = ["make_system", "system", "world"]

WIDTHS = (390, 1280)
"""Pixels: a phone and a desktop."""


# Scope "package", not "session": while open, its event loop occupies the main thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser shared by all tests."""
    try:
        with chromium() as opened:
            yield opened
    except NoChromiumError as error:
        pytest.skip(str(error))


@dataclass
class Visitor:
    """A browser window that records console messages, errors and foreign requests as faults."""

    context: BrowserContext
    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of the product."""
        self.page.goto(self.address + path, wait_until="networkidle")

    def wait_for_images(self) -> None:
        """Wait until all images of the page are loaded."""
        # Polled from here: page.wait_for_function() uses eval, which the pages' policy forbids.
        wait_until(
            lambda: self.page.evaluate(
                "document.images.length > 0"
                " && [...document.images].every(image => image.naturalWidth > 0)"
            ),
            30,
        )

    def check(self) -> None:
        """Fail if the page is too wide or not accessible, or if faults were recorded."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        size = self.page.viewport_size
        assert size is not None
        assert width <= size["width"], f"{self.page.url} is {width} pixels wide"
        found = Axe().run(self.page).response["violations"]
        severe = [
            f"{violation['id']}: {node['html']}"
            for violation in found
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"][:3]
        ]
        assert not severe, self.page.url
        assert not self.faults


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    *,
    width: int,
    scheme: str = "light",
    scripts: bool = True,
    touch: bool = False,
    ignore_https_errors: bool = False,
) -> Iterator[Visitor]:
    """Open a window with its own cookies; fail at the end if it recorded faults."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
        has_touch=touch,
        locale="en-GB",
        ignore_https_errors=ignore_https_errors,
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    visitor = Visitor(context, page, address)

    def record(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visitor.faults.append(f"{message.text} ({message.location})")

    page.on("console", record)
    page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    page.on(
        "request",
        lambda request: (
            visitor.faults.append(f"requested {request.url}")
            if urlsplit(request.url).netloc != urlsplit(address).netloc
            else None
        ),
    )
    try:
        yield visitor
        assert not visitor.faults
    finally:
        context.close()
