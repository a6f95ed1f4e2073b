"""``/u/{login}``."""

from datetime import timedelta

from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import names
from tests import factories
from tests.api.pages.html import BROWSER, load
from tests.clock import Clock


def location(client: TestClient, path: str) -> str:
    response = client.get(path, headers=BROWSER, follow_redirects=False)
    assert response.status_code == 303
    return response.headers["location"]


def test_user_is_shown_under_the_login_in_any_case(
    client: TestClient, connection: Connection
) -> None:
    factories.add_user(connection, login="Adam")

    assert "Adam" in load(client, "/u/adam").one("h1").text


def test_page_by_id_redirects_to_the_login_with_its_options(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection, login="adam")

    assert location(client, f"/users/{user.id}?metric=forks") == "/u/adam?metric=forks"


def test_user_whose_login_another_one_has_is_shown_by_id(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    former = factories.add_user(connection, 1, login="adam", name="The first")
    clock.advance(timedelta(days=1))
    factories.add_user(connection, 2, login="adam", name="The second")

    assert "The first" in load(client, f"/users/{former.id}").one("h1").text
    assert "The second" in load(client, "/u/adam").one("h1").text


def test_former_login_redirects_to_the_present_one(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection, login="adam")
    names.save(connection, user.id, clock.today(), "adam-former", [])
    names.save(connection, user.id, clock.today(), "adam", [])

    assert location(client, "/u/adam-former") == "/u/adam"


def test_unknown_login_is_404(client: TestClient) -> None:
    page = load(client, "/u/nobody", status=404)

    assert "no followed user is or was called nobody" in page.one("main").text
