"""What all pages have in common: security headers, static files, error pages."""

import re

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from tests.api.pages.html import BROWSER, load, parse

PAGES = ["/", "/status"]


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/login?next=" + "x" * 101])
def test_pages_and_error_pages_have_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path, headers=BROWSER).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self';"
        " frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_only_static_files_and_have_nothing_inline(
    client: TestClient, path: str
) -> None:
    page = load(client, path)

    for element in page.walk():
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.tag in {"script", "link", "img"}:
            address = element.attributes.get("src") or element.attributes.get("href") or ""
            assert address.startswith("/static/")
    assert not page.all("style")


def test_static_files_that_a_page_links_to_are_cached_for_a_year(client: TestClient) -> None:
    page = load(client, "/")
    addresses = {
        element.attributes.get("src") or element.attributes["href"]
        for element in [*page.all("link"), *page.all("img"), *page.all("script")]
    }

    assert len(addresses) >= 2
    for address in addresses:
        assert address is not None
        response = client.get(address)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_unchanged_static_file_is_answered_with_304(client: TestClient) -> None:
    first = client.get("/static/pages.css")
    again = client.get("/static/pages.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/layout.py", "/static/x.css"])
def test_only_files_in_the_static_directory_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_unknown_path_is_an_error_page_in_a_browser(client: TestClient) -> None:
    page = load(client, "/nowhere", status=404)

    assert page.one("h1").text == "Not Found 404"
    assert page.all("a", href="/")


def test_error_page_says_its_error_once(client: TestClient) -> None:
    unknown_path = load(client, "/nowhere", status=404).one("main").text
    unknown_user = load(client, "/users/7", status=404).one("main").text

    assert unknown_path.lower().count("not found") == 1
    assert "user not found" in unknown_user


def test_invalid_parameter_is_explained_on_an_error_page(client: TestClient) -> None:
    page = load(client, "/?page=0", status=422)

    assert "page: Input should be greater than or equal to 1" in page.one("main").text


def test_missing_tables_are_an_error_page_with_retry_after(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("DROP TABLE users CASCADE"))
    response = client.get("/", headers=BROWSER)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert "not migrated to this release" in parse(response.text).one("main").text


def test_internal_error_page_shows_the_request_id_and_no_details(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("ALTER TABLE scans DROP CONSTRAINT ck_scans_state"))
    connection.execute(text("INSERT INTO users (id, login, name) VALUES (5, 'a', 'a')"))
    connection.execute(
        text("INSERT INTO scans (user_id, day, state) VALUES (5, repopulse_now()::date, 'odd')")
    )
    response = client.get("/users/5", headers=BROWSER | {"X-Request-ID": "mine"})

    assert response.status_code == 500
    assert parse(response.text).one("code").text == "mine"
    assert "odd" not in response.text


@pytest.mark.parametrize("path", ["/v1/users/7", "/v1/nowhere", "/static/nothing.css"])
def test_errors_of_calls_are_json_in_a_browser_too(client: TestClient, path: str) -> None:
    response = client.get(path, headers=BROWSER)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"


def test_errors_are_json_for_clients_that_do_not_accept_html(client: TestClient) -> None:
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert client.head("/", headers=BROWSER).status_code == 200


def test_openapi_does_not_list_the_pages(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]

    assert not [path for path in described if not re.match(r"/v1/|/healthz|/readyz", path)]


def test_first_link_skips_to_the_content(client: TestClient) -> None:
    page = load(client, "/")
    first = page.one("body").all("a")[0]

    assert first.attributes["href"] == "#content"
    assert page.one("main").attributes["id"] == "content"


def test_blocks_of_the_style_sheet_are_closed(client: TestClient) -> None:
    page = load(client, "/")
    href = page.one("link", rel="stylesheet").attributes["href"] or ""
    depth = 0
    for line in client.get(href).text.splitlines():
        # Only media queries contain blocks.
        assert depth <= 1 or not line.startswith("@"), line
        depth += line.count("{") - line.count("}")
        assert 0 <= depth <= 2, line
    assert depth == 0


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "gzip"), ("identity", None)])
def test_pages_are_compressed_for_clients_that_accept_it(
    client: TestClient, accepted: str, coding: str | None
) -> None:
    answer = client.get("/", headers={"Accept-Encoding": accepted})

    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.text.endswith("</html>\n") or answer.text.endswith("</html>")
    assert (int(answer.headers["content-length"]) < len(answer.content)) is (coding == "gzip")
