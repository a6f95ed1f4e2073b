"""``PUBLIC_URL``: the API below a path, with proxies that remove it and proxies that do not."""

import re

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.app import create_app
from common.errors import SetupError
from common.settings import Settings
from tests import factories
from tests.api.conftest import MakeClient

URL = "https://example.org/repopulse"

NOT_FOUND = ("/v1/users/9", "/nowhere", "/v1/users/x%2Fy", "/static/nothing.css")


@pytest.fixture
def behind(make_client: MakeClient) -> TestClient:
    """The application behind a proxy."""
    return make_client(public_url=URL)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/users", "/v1/users/7", "/v1/users/7/repos", "/healthz", "/readyz", "/"),
        *("/users/7", "/openapi.json", "/docs", "/docs/files/swagger-ui.css"),
        *("/static/pages.css", "/v1/repos/900/chart.svg"),
        *NOT_FOUND,
    ],
)
def test_a_path_is_answered_alike_whether_the_proxy_has_removed_the_prefix_or_not(
    behind: TestClient, connection: Connection, path: str
) -> None:
    factories.add_repository(connection, factories.add_user(connection, 7), 900)

    removed, kept = behind.get(path), behind.get(f"/repopulse{path}")

    assert (removed.status_code, removed.content) == (kept.status_code, kept.content)
    assert removed.headers["content-type"] == kept.headers["content-type"]
    assert removed.status_code == (404 if path in NOT_FOUND else 200)


@pytest.mark.parametrize("path", ["/repopulse", "/repopulse/"])
def test_the_prefix_alone_is_the_overview(behind: TestClient, path: str) -> None:
    answer = behind.get(path)

    assert answer.status_code == 200
    assert "Followed users" in answer.text


@pytest.mark.parametrize(
    "path", ["/repopulsex/v1/users", "/repopulse/repopulse/v1/users", "/x/repopulse/v1/users"]
)
def test_another_prefix_is_not_found(behind: TestClient, path: str) -> None:
    assert behind.get(path).status_code == 404


@pytest.mark.parametrize("prefix", ["", "/repopulse"])
def test_location_and_link_have_the_prefix_once(
    behind: TestClient, connection: Connection, prefix: str
) -> None:
    added = behind.put(f"{prefix}/v1/users", json={"id": 7, "login": "allien"})
    factories.add_user(connection, 8)
    for number in range(2):
        factories.add_repository(connection, factories.make_user(7), 900 + number)
    users = behind.get(f"{prefix}/v1/users?limit=1")
    repositories = behind.get(f"{prefix}/v1/users/7/repos?limit=1&sort=name")
    scan = behind.post(f"{prefix}/v1/users/8/scan")
    following = behind.post(f"{prefix}/follow", data={"login": "allien"}, follow_redirects=False)

    assert added.headers["location"] == "/repopulse/v1/users/7"
    assert users.headers["link"] == '</repopulse/v1/users?limit=1&after=7>; rel="next"'
    assert repositories.headers["link"] == (
        '</repopulse/v1/users/7/repos?sort=name&limit=1&offset=1>; rel="next"'
    )
    assert scan.headers["location"] == "/repopulse/v1/users/8/scans"
    assert following.headers["location"] == "/repopulse/users/7"


def test_the_documentation_asks_below_the_prefix(behind: TestClient) -> None:
    page = behind.get("/docs").text
    files = re.findall(r'(?:src|href)="(.*?)"', page)

    assert behind.get("/openapi.json").json()["servers"] == [{"url": "/repopulse"}]
    assert 'data-url="/repopulse/openapi.json"' in page
    assert len(files) >= 3
    for file in files:
        assert file.startswith("/repopulse/")
        assert behind.get(file).status_code == 200


def test_without_the_setting_the_documentation_names_no_server(client: TestClient) -> None:
    assert "servers" not in client.get("/openapi.json").json()


def test_at_the_root_of_a_host_paths_are_as_they_are(make_client: MakeClient) -> None:
    client = make_client(public_url="https://stars.example.org")
    added = client.put("/v1/users", json={"id": 7, "login": "allien"})

    assert added.headers["location"] == "/v1/users/7"
    assert "servers" not in client.get("/openapi.json").json()


@pytest.mark.parametrize("path", ["/v1", "/users", "/docs/stars", "/static", "/login", "/metrics"])
def test_a_prefix_that_is_a_path_of_the_api_is_refused(settings: Settings, path: str) -> None:
    changed = settings.model_copy(update={"public_url": f"https://example.org{path}"})

    with pytest.raises(SetupError, match=f"PUBLIC_URL: its path must not begin with {path[:3]}"):
        create_app(changed)


def test_a_path_of_the_api_may_begin_with_the_letters_of_a_prefix(make_client: MakeClient) -> None:
    client = make_client(public_url="https://example.org/st")

    for path in ("/static/pages.css", "/st/static/pages.css", "/status"):
        assert client.get(path).status_code == 200


def test_a_path_of_the_api_may_be_the_end_of_a_prefix(make_client: MakeClient) -> None:
    client = make_client(public_url="https://example.org/stars/users")

    assert client.get("/stars/users/users/9").status_code == 404
    assert client.get("/stars/users/v1/users").json() == []


@pytest.mark.parametrize("url", [None, URL])
def test_headers_that_any_client_can_send_change_nothing(
    make_client: MakeClient, connection: Connection, url: str | None
) -> None:
    repository = factories.add_repository(connection, factories.add_user(connection, 7))
    client = make_client(public_url=url)
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Path": "/evil",
        "X-Original-URL": "/evil",
        "Forwarded": "host=evil.example",
    }
    page = client.get(f"/repos/{repository.id}", headers=headers)
    added = client.put("/v1/users", json={"id": 7, "login": "allien"}, headers=headers)

    assert page.text == client.get(f"/repos/{repository.id}").text
    assert added.headers["location"] == f"{'' if url is None else '/repopulse'}/v1/users/7"
