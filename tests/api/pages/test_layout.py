"""What holds for all pages: headers, static files, errors."""

import re

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from tests.api.pages.html import BROWSER, load, parse

PAGES = ["/", "/status"]


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/login?next=" + "x" * 101])
def test_a_page_may_do_nothing_but_what_we_serve(client: TestClient, path: str) -> None:
    headers = client.get(path, headers=BROWSER).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self';"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_no_other_host_and_has_nothing_inline(client: TestClient, path: str) -> None:
    page = load(client, path)

    for element in page.walk():
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.tag in {"script", "link", "img"}:
            address = element.attributes.get("src") or element.attributes.get("href") or ""
            assert address.startswith("/static/")
    assert not page.all("style")


def test_every_static_file_that_a_page_names_is_there_for_ever(client: TestClient) -> None:
    page = load(client, "/")
    addresses = {
        element.attributes.get("src") or element.attributes["href"]
        for element in [*page.all("link"), *page.all("img"), *page.all("script")]
    }

    assert len(addresses) >= 2
    for address in addresses:
        assert address is not None
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_static_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/static/pages.css")
    again = client.get("/static/pages.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/layout.py", "/static/x.css"])
def test_nothing_but_static_files_is_served_as_such(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_browser_is_shown_a_page_that_says_what_is_not_there(client: TestClient) -> None:
    page = load(client, "/nowhere", status=404)

    assert page.one("h1").text == "Not Found 404"
    assert page.all("a", href="/")


def test_a_browser_is_shown_what_is_wrong_with_an_address(client: TestClient) -> None:
    page = load(client, "/?after_id=-1", status=422)

    assert "after_id: Input should be greater than or equal to 0" in page.one("main").text


def test_a_browser_is_shown_a_page_where_the_database_is_away(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(
        text("DROP TABLE lookups, daily_stats, ownerships, repositories, scans, users")
    )
    answer = client.get("/", headers=BROWSER)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "not migrated to this release" in parse(answer.text).one("main").text


def test_a_fault_of_ours_is_a_page_that_tells_nothing_of_it(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("ALTER TABLE users DROP CONSTRAINT ck_users_state"))
    connection.execute(
        text("INSERT INTO users (id, login, name, state) VALUES (5, 'a', 'a', 'odd')")
    )
    answer = client.get("/", headers=BROWSER | {"X-Request-ID": "mine"})

    assert answer.status_code == 500
    assert parse(answer.text).one("code").text == "mine"
    assert "odd" not in answer.text


@pytest.mark.parametrize("path", ["/v1/users/7", "/v1/nowhere", "/static/nothing.css"])
def test_a_call_answers_json_to_a_browser_too(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


def test_whoever_asks_for_no_page_gets_json(client: TestClient) -> None:
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert client.head("/", headers=BROWSER).status_code == 200


def test_the_pages_are_no_part_of_the_calls_that_are_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]

    assert not [path for path in described if not re.match(r"/v1/|/healthz|/readyz", path)]


def test_a_keyboard_reaches_the_content_at_once(client: TestClient) -> None:
    page = load(client, "/")
    first = page.one("body").all("a")[0]

    assert first.attributes["href"] == "#content"
    assert page.one("main").attributes["id"] == "content"
