"""``/``: the list of followed users, the search, and the state of today's collection."""

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


def test_search_finds_part_of_a_login_in_any_case(
    client: TestClient, connection: Connection
) -> None:
    for login in ("octo-cat", "Mono-Octo", "adam"):
        factories.add_user(connection, login=login)

    assert logins(client, "/?q=OCTO") == ["Mono-Octo", "octo-cat"]


@pytest.mark.parametrize("part", ["%", "_%25", "%00", "nobody", "<script>", "%ff", "'"])
def test_search_without_result_says_so(
    client: TestClient, connection: Connection, part: str
) -> None:
    factories.add_user(connection, login="adam")

    page = load(client, f"/?q={part}")

    assert not page.all("table")
    assert "No followed user has a login that contains" in page.one("main").text
    assert all("src" in script.attributes for script in page.all("script"))


def test_many_users_are_split_into_pages(client: TestClient, connection: Connection) -> None:
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


def test_names_are_escaped_and_isolated_from_the_text_direction(
    client: TestClient, connection: Connection
) -> None:
    name = '<script>alert("1")</script> & עברית'
    factories.add_user(connection, login="adam", name=name)

    page = load(client, "/")

    assert name in [element.text for element in page.all("bdi")]


def test_day_with_all_users_scanned_is_complete(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today())

    text = load(client, "/").one("main").text
    assert f"Today, {clock.today()}: 1 of 1 recorded. " in text


def test_accounts_that_github_does_not_show_are_not_counted_as_recorded(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    followed = [factories.add_user(connection) for _ in range(5)]
    today = clock.today()
    factories.add_scan(connection, followed[0], today)
    factories.add_scan(connection, followed[1], today, ScanState.INCOMPLETE)
    for user in followed[2:]:
        users.mark_missing(connection, user.id, today)
        factories.add_scan(connection, user, today, ScanState.GONE)
    words = "2 of 5 recorded, 1 of them incomplete, 3 not found at GitHub"

    page = load(client, "/")

    assert f"Today, {today}: {words}. " in page.one("main").text
    assert [tag.text for tag in page.one("table").all("span", class_="tag bad")] == [
        "not found at GitHub"
    ] * 3
    # Once is enough.
    assert page.one("main").text.count(words) == 1
    readiness = client.get("/readyz").json()
    assert readiness["status"] == "ready"
    assert readiness["checks"]["users"] == words
    metrics = client.get("/metrics").text.splitlines()
    for what, count in (("recorded", 2), ("incomplete", 1), ("not_found", 3), ("due", 0)):
        assert f'repopulse_users{{what="{what}"}} {count}.0' in metrics


def test_accounts_alone_that_github_does_not_show_are_a_problem(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    users.mark_missing(connection, user.id, clock.today())
    factories.add_scan(connection, user, clock.today(), ScanState.GONE)

    readiness = client.get("/readyz").json()

    assert readiness["status"] == "degraded"
    assert readiness["checks"]["users"] == "0 of 1 recorded, 1 not found at GitHub"


def test_unfinished_day_shows_how_many_users_are_due_and_waiting(
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

    assert "1 of 3 recorded, 2 due, 1 of them waiting for GitHub or a retry." in text
    assert f"The last day with no user left due is {today - timedelta(1)}" in text


def test_failing_checks_are_listed(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    factories.add_user(connection)
    clock.advance(timedelta(hours=27))

    text = load(client, "/").one("main").text

    assert "Problems:" in text
    assert "1 user was not scanned for 26 hours" in text


@pytest.mark.parametrize("days", [1, 2])
def test_account_that_github_does_not_show_is_marked(
    client: TestClient, connection: Connection, clock: Clock, days: int
) -> None:
    user = factories.add_user(connection)
    for ago in reversed(range(days)):
        users.mark_missing(connection, user.id, clock.today() - timedelta(ago))
    since = clock.today() - timedelta(days - 1)

    (tag,) = load(client, "/").one("table").all("span", class_="tag bad")
    assert (tag.text, tag.attributes["title"]) == ("not found at GitHub", f"since {since}")
    main = load(client, f"/users/{user.id}").one("main").text
    assert f"GitHub shows no account with id {user.id} since {since}." in main
    assert "No day was ever recorded" in main
