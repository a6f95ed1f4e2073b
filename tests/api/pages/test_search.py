"""``/search``, and its box on every page."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from tests import factories
from tests.api.pages.html import load


def test_results_link_users_and_repositories(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection, login="octocat", name="Octo Cat")
    repository = factories.add_repository(connection, user, name="octo-queue")

    page = load(client, "/search?q=octo")

    assert page.one("a", href="/u/octocat").text == "octocat"
    assert "octocat Octo Cat" in page.one("main").text
    assert page.one("a", href=f"/repos/{repository.id}").text == "octocat/octo-queue"
    assert page.one("input", id="search").attributes["value"] == "octo"


def test_users_with_one_login_are_linked_by_id(client: TestClient, connection: Connection) -> None:
    for user_id in (7, 8):
        factories.add_user(connection, user_id, login="octocat")

    page = load(client, "/search?q=octo")

    assert page.all("a", href="/users/7")
    assert page.all("a", href="/users/8")


def test_nothing_found_says_so(client: TestClient) -> None:
    page = load(client, "/search?q=%3Cscript%3E")

    assert page.one("h1").text == "Nothing found for <script>"


def test_page_without_words_says_what_can_be_found(client: TestClient) -> None:
    assert load(client, "/search").one("h1").text == "Search"


@pytest.mark.parametrize("path", ["/", "/status", "/search"])
def test_every_page_has_the_box(client: TestClient, path: str) -> None:
    assert load(client, path).one("form", action="/search").all("input", id="search")
