"""The pages behind a proxy: links, cookies, and what other sites are to embed."""

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.pages.auth import SESSION_COOKIE
from common import clock, lookups
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, Element, load, parse

HOST = "https://example.org"
URL = f"{HOST}/repopulse"
KEY = "correct horse"


@pytest.fixture
def behind(make_client: MakeClient, connection: Connection) -> TestClient:
    """The application behind a proxy that removes the prefix; a user has repositories and days."""
    user = factories.add_user(connection, 7)
    for number in range(101):
        repository = factories.add_repository(connection, user, 900 + number)
    factories.add_rows(connection, user, repository, {clock.today(connection): (3, 2, 1)})
    for _ in range(50):
        factories.add_user(connection)
    lookups.get_or_create(connection, "somebody", lease=60)
    return make_client(public_url=URL)


def addresses(page: Element) -> list[str]:
    """Return every address in a page, as written."""
    found = [
        value
        for element in page.walk()
        for name in ("href", "src", "action", "data-url")
        if (value := element.attributes.get(name))
    ]
    sources = [element.attributes["srcset"] or "" for element in page.all("source")]
    return found + sources


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?q=user",
        "/users/7",
        "/users/7?page=2",
        "/repos/1000",
        "/repos/1000/embed",
        "/status",
        "/follow/1",
    ],
)
def test_every_link_has_the_prefix_and_leads_somewhere(behind: TestClient, path: str) -> None:
    page = load(behind, path)
    absolute = {address for address in addresses(page) if not address.startswith(("?", "#"))}
    own = {address for address in absolute if not address.startswith("https://github.com/")}

    assert len(own) >= (5 if path.startswith("/embed/") else 6)
    for address in own:
        assert address.startswith("/repopulse/"), address
        if address not in {element.attributes["action"] for element in page.all("form")}:
            assert behind.get(address, headers=BROWSER).status_code == 200, address


def test_an_error_page_links_below_the_prefix(behind: TestClient) -> None:
    page = load(behind, "/nowhere", status=404)

    assert {"/repopulse/", "/repopulse/status"} <= set(addresses(page))
    assert [each for each in addresses(page) if not each.startswith(("/repopulse/", "#"))] == []


def test_the_current_page_is_marked(behind: TestClient) -> None:
    for prefix in ("", "/repopulse"):
        (current,) = load(behind, f"{prefix}/status").all("a", aria_current="page")
        assert current.attributes["href"] == "/repopulse/status"


def test_the_script_of_the_progress_gets_a_link_with_the_prefix(
    behind: TestClient, connection: Connection
) -> None:
    lookup, _ = lookups.get_or_create(connection, "somebody", lease=60)
    lookups.resolve(connection, lookup.id, 7)

    told = behind.get(f"/follow/{lookup.id}/progress").json()

    assert told["user_url"] == "/repopulse/u/user-7"


def test_what_other_sites_embed_is_the_public_url(behind: TestClient) -> None:
    page = load(behind, "/repos/1000")
    chart = f"{URL}/v1/repos/1000/chart.svg?metric=stargazers&width=600&height=300&theme=auto"

    assert f"]({chart})]({URL}/repos/1000)" in page.one("textarea", id="markdown").text
    assert page.one("textarea", id="html").text.startswith(f'<a href="{URL}/repos/1000"><picture>')


def test_flowers_link_is_its_own_setting(make_client: MakeClient) -> None:
    flower = f"{URL}/flower"
    set_both = make_client(public_url=URL, flower_public_url=flower)
    set_one = make_client(public_url=URL)

    assert load(set_both, "/status").all("a", href=f"{flower}/")
    assert "Flower" not in load(set_one, "/status").text


def cookie_of(client: TestClient, path: str = "/login", **data: str) -> str:
    answer = client.post(path, data=data, follow_redirects=False)
    assert answer.status_code == 303
    cookie: str = answer.headers["set-cookie"]
    return cookie


@pytest.mark.parametrize(
    ("url", "path", "is_secure"),
    [
        (URL, "/repopulse", True),
        (HOST, "/", True),
        ("http://example.org/repopulse", "/repopulse", False),
        (None, "/", False),
    ],
)
def test_the_cookie_is_for_the_prefix_and_secure_with_https(
    make_client: MakeClient, url: str | None, path: str, is_secure: bool
) -> None:
    client = make_client(public_url=url, api_key=SecretStr(KEY))

    for cookie in (cookie_of(client, key=KEY), cookie_of(client, "/logout")):
        parts = cookie.split("; ")
        assert f"Path={path}" in parts
        assert ("Secure" in parts) is is_secure
        assert "HttpOnly" in parts


@pytest.mark.parametrize("place", [0, 1])
def test_the_cookie_of_another_installation_on_the_host_does_not_shadow_ours(
    make_client: MakeClient, place: int
) -> None:
    client = make_client(public_url=URL, api_key=SecretStr(KEY))
    other = make_client(public_url=HOST, api_key=SecretStr("another key"))
    sent = [
        cookie_of(server, key=key).partition(";")[0]
        for server, key in ((client, KEY), (other, "another key"))
    ]
    sent.insert(place, sent.pop())
    client.cookies.clear()

    page = parse(client.get("/", headers=BROWSER | {"Cookie": "; ".join(sent)}).text)

    assert page.all("form", action="/repopulse/follow")


def test_many_cookies_of_that_name_cost_no_time(make_client: MakeClient) -> None:
    client = make_client(api_key=SecretStr(KEY))
    genuine = cookie_of(client, key=KEY).partition(";")[0]
    client.cookies.clear()
    sent = "; ".join([f"{SESSION_COOKIE}=x"] * 10 + [genuine])

    page = parse(client.get("/", headers=BROWSER | {"Cookie": sent}).text)

    assert not page.all("form", action="/follow")
