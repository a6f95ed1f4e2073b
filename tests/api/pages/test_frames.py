"""Charts in frames of other pages, and nothing else in frames."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, load


@pytest.fixture(autouse=True)
def rows(connection: Connection) -> None:
    user = factories.add_user(connection, 7, login="adam")
    factories.add_repository(connection, user, 900, name="hello")


@pytest.mark.parametrize(
    ("path", "name"), [("/embed/repos/900", "adam/hello"), ("/embed/users/7", "adam")]
)
def test_a_frame_shows_a_chart_and_leads_to_the_page(
    client: TestClient, path: str, name: str
) -> None:
    page = load(client, f"{path}?metric=forks&theme=dark&days=30")

    link = page.one("h1").one("a")
    assert (link.text, link.attributes["target"], link.attributes["rel"]) == (
        name,
        "_blank",
        "noopener",
    )
    assert client.get(str(link.attributes["href"])).status_code == 200
    chart = str(page.one("img").attributes["src"])
    assert "metric=forks" in chart
    assert "theme=dark" in chart
    assert client.get(f"{chart}&strict=1").headers["content-type"] == "image/svg+xml"
    assert not page.all("form")


@pytest.mark.parametrize("path", ["/embed/repos/900", "/embed/users/1", "/embed/repos/900?days=0"])
def test_any_site_may_show_a_frame_and_its_errors(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "x-frame-options" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors" not in policy
    assert policy.startswith("default-src 'none'; style-src 'self';")


@pytest.mark.parametrize("path", ["/embed/repos/900", "/embed/repos/1"])
def test_only_the_sites_of_the_setting_may_show_a_frame(make_client: MakeClient, path: str) -> None:
    client = make_client(embed_origins=("https://a.example", "https://b.example"))

    answer = client.get(path, headers=BROWSER)

    assert "x-frame-options" not in answer.headers
    assert answer.headers["content-security-policy"].endswith(
        "; frame-ancestors 'self' https://a.example https://b.example"
    )


@pytest.mark.parametrize("path", ["/", "/repos/900", "/repos/900/embed", "/u/adam", "/embed"])
def test_no_other_page_may_be_in_a_frame(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_errors_keep_their_status_and_are_small_pages(client: TestClient) -> None:
    page = load(client, "/embed/repos/1", status=404)

    assert page.one("main").text == "Not available repository not found"
    assert not page.all("nav")
