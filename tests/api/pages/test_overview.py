"""``/``: who is followed, the search, and whether all is well."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import collection, users
from common.states import ScanState
from tests import factories
from tests.api.pages.html import load
from tests.clock import Clock


def logins(client: TestClient, path: str = "/") -> list[str]:
    page = load(client, path)
    return [row.one("th").one("a").text for row in page.one("tbody").all("tr")]


def test_users_are_listed_by_login(client: TestClient, connection: Connection) -> None:
    for login in ("Zora", "adam", "Berta"):
        factories.add_user(connection, login=login)

    assert logins(client) == ["adam", "Berta", "Zora"]


def test_a_search_finds_a_part_of_a_login_in_any_case(
    client: TestClient, connection: Connection
) -> None:
    for login in ("octo-cat", "Mono-Octo", "adam"):
        factories.add_user(connection, login=login)

    assert logins(client, "/?q=OCTO") == ["Mono-Octo", "octo-cat"]


@pytest.mark.parametrize("part", ["%", "_%25", "%00", "nobody", "<script>", "%ff", "'"])
def test_a_search_that_finds_nobody_says_so(
    client: TestClient, connection: Connection, part: str
) -> None:
    factories.add_user(connection, login="adam")

    page = load(client, f"/?q={part}")

    assert not page.all("table")
    assert "No followed user has" in page.one("main").text
    assert not page.all("script")


def test_many_users_are_shown_page_by_page(client: TestClient, connection: Connection) -> None:
    for number in range(120):
        factories.add_user(connection, login=f"octo-{number:03}")
    factories.add_user(connection, login="adam")

    seen: list[str] = []
    address: str | None = "/?q=octo"
    while address:
        page = load(client, address)
        seen += [row.one("th").one("a").text for row in page.one("tbody").all("tr")]
        following = page.all("a", rel="next")
        address = following[0].attributes["href"] if following else None

    assert seen == [f"octo-{number:03}" for number in range(120)]


def test_a_name_is_shown_as_it_is_and_apart_from_what_is_around_it(
    client: TestClient, connection: Connection
) -> None:
    name = '<script>alert("1")</script> & עברית'
    factories.add_user(connection, login="adam", name=name)

    page = load(client, "/")

    assert name in [element.text for element in page.all("bdi")]


def test_a_whole_day_is_said_to_be_whole(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today())

    assert "Today is recorded: the one user was scanned" in load(client, "/").one("main").text


def test_a_day_under_way_says_who_is_still_to_come(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    followed = [factories.add_user(connection) for _ in range(3)]
    for user in followed:
        factories.add_scan(connection, user, clock.today())
    collection.record_completed_day(connection)
    clock.advance(timedelta(days=1))
    today = clock.today()
    factories.add_scan(connection, followed[0], today)
    factories.add_scan(
        connection,
        followed[1],
        today,
        ScanState.WAITING,
        not_before=clock.now() + timedelta(hours=1),
    )

    text = load(client, "/").one("main").text

    assert "1 of 3 users scanned, 2 to come, 1 of these waiting" in text
    assert f"everybody was scanned is {today - timedelta(1)}" in text


def test_what_is_wrong_is_said_in_words(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    factories.add_user(connection)
    clock.advance(timedelta(hours=27))

    text = load(client, "/").one("main").text

    assert "Something is wrong" in text
    assert "1 user was not scanned for 26 hours" in text


def test_a_user_who_vanished_is_marked(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    for ago in (2, 1):
        users.mark_missing(connection, user.id, clock.today() - timedelta(ago))

    assert "vanished" in load(client, "/").one("table").text
