"""What chats show of a link to a page."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import Element, load
from tests.clock import Clock

HOST = "https://stars.example.org"


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client(public_url=f"{HOST}/pulse")


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    user = factories.add_user(connection, 7, login="allien", name='A "B" <C>')
    made = factories.add_repository(connection, user, 900, name="hello")
    factories.add_rows(connection, user, made, {clock.today(): (1234, 5, 6)})
    return made


def tags(page: Element) -> dict[str, str]:
    return {
        name: element.attributes["content"] or ""
        for element in page.all("meta")
        if (name := element.attributes.get("property") or element.attributes.get("name"))
    }


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("path", ["/repos/900", "/u/allien"])
def test_a_page_names_its_card(client: TestClient, path: str) -> None:
    found = tags(load(client, path))

    assert found["twitter:card"] == "summary_large_image"
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    image = client.get(found["og:image"].removeprefix(HOST))
    assert found["og:image"].startswith(f"{HOST}/pulse/v1/")
    assert image.headers["content-type"] == "image/png"
    assert image.headers["cache-control"] == "public, max-age=300"
    assert client.get(found["og:url"].removeprefix(HOST)).status_code == 200


@pytest.mark.usefixtures("repository")
def test_titles_and_texts_are_those_of_the_page(client: TestClient, clock: Clock) -> None:
    repository, user = tags(load(client, "/repos/900")), tags(load(client, "/u/allien"))

    assert repository["og:title"] == "allien/hello"
    assert repository["og:description"].startswith(
        f"1,234 stars, 5 forks, 6 watchers on {clock.today()}."
    )
    assert user["og:title"] == 'A "B" <C> (allien)'
