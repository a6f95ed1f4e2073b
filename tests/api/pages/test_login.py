"""Logging in with the key, the session cookie, and forms that other sites send."""

import hashlib
import time

import pytest
from itsdangerous import TimestampSigner
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from api.pages.auth import SESSION_COOKIE, make_signer
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, Element, fill, load, parse

KEY = "correct horse ✓"
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://example.org"},
    {"Origin": "null"},
    {"Origin": "http://[broken"},
    {"Origin": "http://testserver.example.org"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
]


@pytest.fixture
def keyed(make_client: MakeClient) -> TestClient:
    """The application with a key set."""
    return make_client(api_key=SecretStr(KEY))


def is_logged_in(client: TestClient) -> bool:
    """Return whether the overview shows the form that only logged-in visitors may send."""
    return bool(load(client, "/").all("form", action="/follow"))


def log_in(client: TestClient, key: str = KEY, **more: str) -> Element | None:
    """Give the key; return the page where it was refused."""
    form = fill(load(client, "/login"), "/login", key=key, **more)
    answer = client.post("/login", data=form, headers=BROWSER, follow_redirects=False)
    return None if answer.status_code == 303 else parse(answer.text)


def lookups(connection: Connection) -> int:
    count: int = connection.execute(text("SELECT count(*) FROM lookups")).scalar_one()
    return count


def test_without_a_key_set_no_login_is_needed(client: TestClient) -> None:
    page = load(client, "/")

    assert page.all("form", action="/follow")
    assert not page.all("a", href="/login")
    assert client.get("/login", follow_redirects=False).headers["location"] == "/"


def test_viewing_is_public_and_forms_need_a_session(
    keyed: TestClient, connection: Connection
) -> None:
    page = load(keyed, "/")
    sent = keyed.post("/follow", data={"login": "adam"}, follow_redirects=False)

    assert not page.all("form", action="/follow")
    assert page.all("a", href="/login")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    assert lookups(connection) == 0


def test_a_session_lasts_from_login_to_logout(keyed: TestClient, connection: Connection) -> None:
    assert log_in(keyed) is None
    form = fill(load(keyed, "/"), "/follow", login="adam")
    sent = keyed.post("/follow", data=form, follow_redirects=False)
    keyed.post("/logout", data=fill(load(keyed, "/"), "/logout"))
    late = keyed.post("/follow", data=form | {"login": "eve"}, follow_redirects=False)

    assert sent.headers["location"].startswith("/follow/")
    assert late.headers["location"] == "/login"
    assert lookups(connection) == 1


@pytest.mark.parametrize("key", ["", "wrong", KEY.upper(), KEY + "x", "\x00", "é" * 500])
def test_a_wrong_key_is_refused_with_a_message(keyed: TestClient, key: str) -> None:
    page = log_in(keyed, key)

    assert page is not None
    assert page.one("p", class_="problem").text == "Wrong key. Ask the operator for the API_KEY."
    assert page.one("input", name="key").attributes["aria-describedby"] == "problem"
    assert SESSION_COOKIE not in keyed.cookies


def test_the_session_cookie_is_http_only_strict_and_without_the_key(keyed: TestClient) -> None:
    form = fill(load(keyed, "/login"), "/login", key=KEY)
    cookie = keyed.post("/login", data=form, follow_redirects=False).headers["set-cookie"]

    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200;" in cookie
    assert "Secure" not in cookie
    assert KEY not in cookie


def test_over_https_the_session_cookie_is_secure(make_client: MakeClient) -> None:
    client = make_client(api_key=SecretStr(KEY))
    client.base_url = client.base_url.copy_with(scheme="https")
    form = fill(load(client, "/login"), "/login", key=KEY)
    sent = client.post("/login", data=form, follow_redirects=False)

    assert "Secure" in sent.headers["set-cookie"]


def test_viewing_sets_no_cookie(keyed: TestClient) -> None:
    load(keyed, "/")
    load(keyed, "/login")

    assert not keyed.cookies


def test_a_session_of_another_key_is_invalid(keyed: TestClient, make_client: MakeClient) -> None:
    other = make_client(api_key=SecretStr("another"))
    log_in(keyed)
    other.cookies.set(SESSION_COOKIE, keyed.cookies[SESSION_COOKIE])

    assert is_logged_in(keyed)
    assert not is_logged_in(other)


@pytest.mark.parametrize(("seconds", "lasts"), [(-60, True), (60, False)])
def test_a_session_ends_after_twelve_hours(
    keyed: TestClient, monkeypatch: pytest.MonkeyPatch, seconds: int, lasts: bool
) -> None:
    log_in(keyed)
    later = int(time.time()) + 12 * 60 * 60 + seconds
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: later)

    assert is_logged_in(keyed) is lasts


@pytest.mark.parametrize("kind", ["signed with the key", "unsigned", "changed", "too long", ""])
def test_a_forged_session_is_invalid(keyed: TestClient, kind: str) -> None:
    log_in(keyed)
    genuine = keyed.cookies[SESSION_COOKIE]
    forged = {
        "signed with the key": TimestampSigner(
            KEY.encode(), salt="repopulse session", digest_method=hashlib.sha256
        )
        .sign("logged-in")
        .decode(),
        "unsigned": genuine.rpartition(".")[0],
        "changed": f"l0gged-in{genuine.removeprefix('logged-in')}",
        "too long": "x" * 5000,
    }.get(kind, kind)
    assert make_signer(KEY.encode()).unsign(genuine) == b"logged-in"
    assert forged != genuine
    keyed.cookies.clear()
    keyed.cookies.set(SESSION_COOKIE, forged)

    assert not is_logged_in(keyed)


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_site_is_blocked(
    client: TestClient, connection: Connection, headers: dict[str, str]
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")

    answer = client.post("/follow", data=form, headers=headers, follow_redirects=False)

    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("Cross-site request blocked.")
    assert lookups(connection) == 0


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_log_a_visitor_in_or_out(
    keyed: TestClient, headers: dict[str, str]
) -> None:
    log_in(keyed)
    out = fill(load(keyed, "/"), "/logout")

    assert keyed.post("/logout", data=out, headers=headers).status_code == 403
    assert keyed.post("/login", data={"key": KEY}, headers=headers).status_code == 403
    assert is_logged_in(keyed)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_a_form_of_our_own_page_is_accepted(
    client: TestClient, connection: Connection, headers: dict[str, str]
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")

    client.post("/follow", data=form, headers=headers, follow_redirects=False)

    assert lookups(connection) == 1


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a b"]
)
def test_a_login_leads_to_no_other_site(keyed: TestClient, address: str) -> None:
    page = load(keyed, f"/login?next={address}")
    form = fill(page, "/login", key=KEY)
    sent = keyed.post("/login", data=form | {"next": address}, follow_redirects=False)

    assert form["next"] == "/"
    assert sent.headers["location"] == "/"


def test_a_login_leads_back_to_where_it_was_asked_for(keyed: TestClient) -> None:
    form = fill(load(keyed, "/login?next=/users/5"), "/login", key=KEY)
    sent = keyed.post("/login", data=form, follow_redirects=False)

    assert sent.headers["location"] == "/users/5"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&" * 100, b"a=1&" * 50, b'{"login": "x"}', b""])
def test_a_body_that_is_not_one_of_our_forms_is_refused(
    client: TestClient, connection: Connection, body: bytes
) -> None:
    assert client.post("/follow", content=body).status_code == 422
    assert lookups(connection) == 0
