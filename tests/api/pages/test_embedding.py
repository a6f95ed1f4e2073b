"""Code to paste elsewhere: what is pasted shows what was chosen."""

import html
import re

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.api.pages.html import Element, load, parse

HOST = "http://testserver"


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return factories.add_user(connection, login="adam")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user, name="hello")


@pytest.fixture(params=["repos", "users"])
def path(request: pytest.FixtureRequest, user: TrackedUser, repository: SeenRepository) -> str:
    return f"/{request.param}/{repository.id if request.param == 'repos' else user.id}"


def code(page: Element, name: str) -> str:
    return page.one("textarea", id=name).text


def pictures(code: str) -> set[str]:
    """Return the paths of the pictures and frames in some code."""
    found = re.findall(r'(?:src|srcset)="([^"]+)"|\]\(([^)]+)\)\]', code)
    return {html.unescape(a or b).removeprefix(HOST) for a, b in found}


@pytest.mark.parametrize(
    ("what", "media_type"),
    [
        ("chart", "image/svg+xml"),
        ("png", "image/png"),
        ("badge", "image/svg+xml"),
        ("card", "image/png"),
        ("frame", "text/html; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("theme", ["auto", "dark"])
def test_the_code_shows_what_was_chosen(
    client: TestClient, path: str, what: str, media_type: str, theme: str
) -> None:
    page = load(client, f"{path}/embed?what={what}&theme={theme}&metric=forks")

    options = page.one("select", name="what").all("option")
    chosen = [each.attributes["value"] for each in options if "selected" in each.attributes]
    assert chosen == [what]
    in_code = pictures(code(page, "html"))
    themes = {"light", "dark"} if theme == "auto" and what != "frame" else {theme}
    assert {address.rpartition("theme=")[2] for address in in_code} == themes
    address = code(page, "address").removeprefix(HOST)
    for each in (*in_code, address):
        answer = client.get(each)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert ("metric=forks" in each) == (what != "card")
    if what == "frame":
        assert not page.all("textarea", id="markdown")
    else:
        assert pictures(code(page, "markdown")) == {address}
        assert code(page, "markdown").endswith(f"]({HOST}{path})")


def test_sizes_are_those_of_the_picture(client: TestClient, path: str) -> None:
    page = load(client, f"{path}/embed?what=png&size=800x400&theme=light")

    (image,) = parse(code(page, "html")).all("img")
    assert (image.attributes["width"], image.attributes["height"]) == ("800", "400")
    assert "width=800&height=400" in code(page, "address")


def test_names_are_escaped(client: TestClient, connection: Connection, user: TrackedUser) -> None:
    name = '](javascript:x) "><script>'
    repository = factories.add_repository(connection, user, name=name)

    for what in ("chart", "frame"):
        page = load(client, f"/repos/{repository.id}/embed?what={what}")

        assert "<script>" not in code(page, "html")
        assert not [script for script in page.all("script") if "src" not in script.attributes]


def test_pages_lead_to_the_code(client: TestClient, path: str) -> None:
    page = load(client, client.get(path).url.path)

    assert [link for link in page.all("a") if link.attributes["href"] == f"{path}/embed"]


@pytest.mark.parametrize("query", ["what=video", "theme=pink", "size=1x1", "metric=stars"])
def test_an_unknown_choice_is_refused(client: TestClient, path: str, query: str) -> None:
    load(client, f"{path}/embed?{query}", status=422)


def test_code_of_nothing_known_is_404(client: TestClient) -> None:
    load(client, "/repos/1/embed", status=404)
    load(client, "/users/1/embed", status=404)
