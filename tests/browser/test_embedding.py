"""Code to embed charts, and frames, in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection

from common.repositories import SeenRepository
from tests import factories
from tests.browser.conftest import WIDTHS, visiting
from tests.clock import Clock
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]

WAIT = 30_000
"""Milliseconds."""

LOOKS = list(zip(WIDTHS, ("dark", "light"), strict=True))


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    user = factories.add_user(connection, 7, login="a-login-of-the-greatest-length-possible")
    repository = factories.add_repository(connection, user, name="a-tool-with-a-name-of-its-own")
    days = factories.add_history(
        connection, user, repository, until=clock.today(), stargazers=range(300_000, 300_090)
    )
    for day in days:
        factories.add_scan(connection, user, day, expected=1, recorded=1)
    assert days[0] == clock.today() - timedelta(89)
    return repository


@pytest.fixture
def system(make_system: MakeSystem, repository: SeenRepository) -> Iterator[System]:
    """The API alone, with a repository."""
    del repository
    with running(make_system(), "api") as started:
        yield started


def test_code_is_chosen_looked_at_and_copied(
    browser: Browser, system: System, repository: SeenRepository
) -> None:
    for width, scheme in LOOKS:
        with visiting(browser, system.address, width=width, scheme=scheme) as visitor:
            page = visitor.page
            visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
            visitor.go(f"/repos/{repository.id}/embed")
            visitor.wait_for_images()
            visitor.check()

            for what in ("png", "badge", "card"):
                # The form is sent by the choice.
                page.get_by_label("What").select_option(what)
                page.wait_for_url(f"**what={what}**")
                expect(page.get_by_label("Address alone")).to_contain_text(
                    {"png": "chart.png", "badge": "badge.svg", "card": "card.png"}[what],
                    timeout=WAIT,
                )
                visitor.wait_for_images()
                visitor.check()

            page.get_by_role("button", name="Copy HTML").click()
            expect(page.get_by_role("button", name="Copied")).to_be_visible(timeout=WAIT)
            assert (
                page.evaluate("navigator.clipboard.readText()")
                == page.get_by_label("HTML", exact=True).input_value()
            )

            page.get_by_label("What").select_option("frame")
            page.wait_for_url("**what=frame**")
            chart = page.frame_locator(".embed-preview iframe").get_by_role("img")
            expect(chart.first).to_be_visible(timeout=WAIT)
            visitor.check()


def test_code_is_chosen_without_scripts(browser: Browser, system: System) -> None:
    with visiting(browser, system.address, width=390, scripts=False) as visitor:
        page = visitor.page
        visitor.go("/users/7/embed")
        assert not page.get_by_role("button", name="Copy").count()

        page.get_by_label("What").select_option("badge")
        page.get_by_label("Count").select_option("forks")
        page.get_by_role("button", name="Show").click()

        address = page.get_by_label("Address alone")
        expect(address).to_contain_text("/v1/users/7/badge.svg?metric=forks", timeout=WAIT)


def test_a_frame_is_shown_by_another_site(
    browser: Browser, system: System, repository: SeenRepository
) -> None:
    for width, scheme in LOOKS:
        with visiting(browser, system.address, width=width, scheme=scheme) as visitor:
            for theme in ("auto", "light", "dark"):
                path = f"/embed/repos/{repository.id}?metric=all&theme={theme}"
                visitor.go(path)
                visitor.wait_for_images()
                visitor.check()

    frames = [f"/embed/repos/{repository.id}", f"/repos/{repository.id}"]
    with another_site(system.address, frames) as address, closing(browser.new_page()) as page:
        page.goto(address)
        # The script adds it: values can be read in a frame too.
        reader = page.frame_locator("iframe >> nth=0").get_by_role("slider")
        expect(reader).to_be_attached(timeout=WAIT)
        # The browser refuses all other pages.
        refused = page.frame_locator("iframe >> nth=1")
        assert not refused.get_by_role("link", name="Overview").count()


@contextmanager
def another_site(address: str, paths: list[str]) -> Iterator[str]:
    """Serve a page that has pages of the product in frames; yield its address."""
    frames = "".join(f'<iframe src="{address}{path}" width="600"></iframe>' for path in paths)

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html>{frames}".encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_picture_of_an_error_is_seen(browser: Browser, system: System) -> None:
    """A browser shows a broken image for any other status."""
    with visiting(browser, system.address, width=390) as visitor:
        visitor.go("/")
        paths = ["/v1/repos/1/chart.svg", "/v1/repos/1/card.png", "/v1/users/1/badge.svg"]
        for path in paths:
            visitor.page.evaluate(
                "path => document.body.append(Object.assign(new Image(), { src: path }))",
                path,
            )
        wait_until(
            lambda: (
                visitor.page.evaluate(
                    "[...document.images].filter(image => image.naturalWidth > 0"
                    " && new URL(image.src).pathname.startsWith('/v1/')).length"
                )
                == len(paths)
            ),
            30,
        )
