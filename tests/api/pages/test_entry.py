"""The doors: the key, the cookie it is given for, and forms that other sites send."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from api.pages.doors import SESSION, VISIT
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
def closed(make_client: MakeClient) -> TestClient:
    """The application with a key set."""
    return make_client(api_key=SecretStr(KEY))


def log_in(client: TestClient, key: str = KEY, **more: str) -> Element | None:
    """Give the key; return the page where it was refused."""
    form = fill(load(client, "/login"), "/login", key=key, **more)
    answer = client.post("/login", data=form, headers=BROWSER, follow_redirects=False)
    return None if answer.status_code == 303 else parse(answer.text)


def lookups(connection: Connection) -> int:
    count: int = connection.execute(text("SELECT count(*) FROM lookups")).scalar_one()
    return count


def test_without_a_key_set_nobody_is_asked_for_one(client: TestClient) -> None:
    page = load(client, "/")

    assert page.all("form", action="/follow")
    assert not page.all("a", href="/login")
    assert client.get("/login", follow_redirects=False).headers["location"] == "/"


def test_looking_needs_no_key_and_acting_does(closed: TestClient, connection: Connection) -> None:
    page = load(closed, "/")
    sent = closed.post("/follow", data={"login": "adam"}, follow_redirects=False)

    assert not page.all("form", action="/follow")
    assert page.all("a", href="/login")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    assert lookups(connection) == 0


def test_whoever_gave_the_key_may_act_until_logging_out(
    closed: TestClient, connection: Connection
) -> None:
    assert log_in(closed) is None
    form = fill(load(closed, "/"), "/follow", login="adam")
    sent = closed.post("/follow", data=form, follow_redirects=False)
    closed.post("/logout", data=fill(load(closed, "/"), "/logout"))
    late = closed.post("/follow", data=form | {"login": "eve"}, follow_redirects=False)

    assert sent.headers["location"].startswith("/follow/")
    assert late.headers["location"] == "/login"
    assert lookups(connection) == 1


@pytest.mark.parametrize("key", ["", "wrong", KEY.upper(), KEY + "x", "\x00", "é" * 500])
def test_a_wrong_key_is_told_plainly(closed: TestClient, key: str) -> None:
    page = log_in(closed, key)

    assert page is not None
    assert "This is not the key" in page.one("p", class_="problem").text
    assert page.one("input", name="key").attributes["aria-describedby"] == "problem"
    assert SESSION not in closed.cookies


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(closed: TestClient) -> None:
    form = fill(load(closed, "/login"), "/login", key=KEY)
    cookie = closed.post("/login", data=form, follow_redirects=False).headers["set-cookie"]

    assert cookie.startswith(f"{SESSION}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie
    assert KEY not in cookie


def test_over_https_the_cookie_stays_there(make_client: MakeClient) -> None:
    client = make_client(api_key=SecretStr(KEY))
    client.base_url = client.base_url.copy_with(scheme="https")
    first = client.get("/login")
    form = fill(parse(first.text), "/login", key=KEY)
    sent = client.post("/login", data=form, follow_redirects=False)

    assert "Secure" in first.headers["set-cookie"]
    assert "Secure" in sent.headers["set-cookie"]


def test_a_cookie_of_another_key_opens_nothing(
    closed: TestClient, make_client: MakeClient, connection: Connection
) -> None:
    other = make_client(api_key=SecretStr("another"))
    log_in(closed)
    other.cookies.set(SESSION, closed.cookies[SESSION])

    assert not load(other, "/").all("form", action="/follow")


@pytest.mark.parametrize(
    "kind", ["unsigned", "with the key itself", "over", "for ever", "x" * 5000]
)
def test_a_cookie_that_was_made_up_opens_nothing(closed: TestClient, kind: str) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    seal = closed.app.state.doors._seal  # type: ignore[attr-defined]
    cookie = {
        "unsigned": jwt.encode({"exp": soon}, "", "none"),
        "with the key itself": jwt.encode({"exp": soon}, KEY.encode() * 2, "HS256"),
        "over": jwt.encode({"exp": soon - timedelta(hours=2)}, seal, "HS256"),
        "for ever": jwt.encode({}, seal, "HS256"),
    }.get(kind, kind)
    closed.cookies.set(SESSION, cookie)

    assert not load(closed, "/").all("form", action="/follow")


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_act(
    client: TestClient, connection: Connection, headers: dict[str, str]
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")

    answer = client.post("/follow", data=form, headers=headers, follow_redirects=False)

    assert answer.status_code == 403
    assert answer.json() == {"detail": "another site sent this form: nothing was done"}
    assert lookups(connection) == 0


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_cannot_log_anybody_in_or_out(
    closed: TestClient, headers: dict[str, str]
) -> None:
    log_in(closed)
    out = fill(load(closed, "/"), "/logout")

    assert closed.post("/logout", data=out, headers=headers).status_code == 403
    assert closed.post("/login", data={"key": KEY}, headers=headers).status_code == 403
    assert load(closed, "/").all("form", action="/follow")


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://testserver"}])
def test_a_form_without_its_token_is_refused(
    client: TestClient, connection: Connection, headers: dict[str, str]
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")
    for token in ("", "x", form["form_token"][:-1], "\x00", "ÿ"):
        wrong = form | {"form_token": token}
        assert client.post("/follow", data=wrong, headers=headers).status_code == 403
    client.cookies.delete(VISIT)

    assert client.post("/follow", data=form, headers=headers).status_code == 403
    assert lookups(connection) == 0


def test_a_token_of_one_visitor_is_of_no_use_to_another(
    client: TestClient, connection: Connection
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")
    client.cookies.clear()
    client.cookies.set(VISIT, "another")

    assert client.post("/follow", data=form).status_code == 403


def test_our_own_form_passes_with_what_a_browser_says_of_it(
    client: TestClient, connection: Connection
) -> None:
    form = fill(load(client, "/"), "/follow", login="adam")
    headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}

    client.post("/follow", data=form, headers=headers, follow_redirects=False)

    assert lookups(connection) == 1


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a b"]
)
def test_a_login_leads_to_no_other_site(closed: TestClient, address: str) -> None:
    page = load(closed, f"/login?next={address}")
    form = fill(page, "/login", key=KEY)
    sent = closed.post("/login", data=form | {"next": address}, follow_redirects=False)

    assert form["next"] == "/"
    assert sent.headers["location"] == "/"


def test_a_login_leads_back_to_where_it_was_asked_for(closed: TestClient) -> None:
    form = fill(load(closed, "/login?next=/users/5"), "/login", key=KEY)
    sent = closed.post("/login", data=form, follow_redirects=False)

    assert sent.headers["location"] == "/users/5"


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&" * 100, b"a=1&" * 50, b'{"login": "x"}', b""])
def test_a_body_that_is_no_form_of_ours_is_refused(client: TestClient, body: bytes) -> None:
    load(client, "/")

    assert client.post("/follow", content=body).status_code == 403
