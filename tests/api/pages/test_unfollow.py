"""``/users/{id}/unfollow``: the question what goes, and its answer."""

from datetime import date, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import users
from common.repositories import Counts
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import fill, load
from tests.clock import Clock

TODAY = date(2026, 3, 20)
DAYS = [TODAY - timedelta(days=ago) for ago in (3, 1, 0)]


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with two repositories, three recorded days and one without a row."""
    clock.set(TODAY)
    owner = factories.add_user(connection, login="adam", name="Adam <b>")
    for name in ("one", "two"):
        repository = factories.add_repository(connection, owner, name=name, day=DAYS[0])
        factories.add_rows(connection, owner, repository, dict.fromkeys(DAYS, Counts(5, 4, 3)))
    for ago in (3, 2, 1, 0):
        day = TODAY - timedelta(days=ago)
        state = ScanState.DONE if day in DAYS else ScanState.INCOMPLETE
        recorded = 2 if day in DAYS else 0
        factories.add_scan(connection, owner, day, state, expected=2, recorded=recorded)
    return owner


def test_page_says_what_would_be_deleted_and_deletes_nothing(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    page = load(client, f"/users/{user.id}/unfollow")

    assert page.one("h1").text == "Unfollow Adam <b> adam"
    listed = [item.text for item in page.one("main").one("ul").all("li")]
    assert listed[0] == f"the counts of 2 repositories on 3 days, {DAYS[0]} to {TODAY}"
    assert not [text for text in listed if "imported" in text or "star history" in text]
    assert users.get(connection, user.id) is not None


def test_page_of_a_user_leads_to_the_question(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}")

    (link,) = [link for link in page.all("a") if link.text == "Unfollow adam"]
    assert link.attributes["href"] == f"/users/{user.id}/unfollow"


def test_history_and_notes_are_named(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    connection.execute(
        text(
            "INSERT INTO backfills (repo_id, read_through)"
            " SELECT id, '2026-03-19' FROM repositories WHERE name = 'one'"
            " ON CONFLICT (repo_id) DO UPDATE SET read_through = excluded.read_through"
        )
    )
    connection.execute(
        text(
            "INSERT INTO notes (repo_id, date, text)"
            f" SELECT id, '{TODAY}', 'a note' FROM repositories WHERE name = 'one'"
        )
    )
    shown = load(client, f"/users/{user.id}/unfollow").one("main").text

    assert "GitHub's star history of 1 repository, with" in shown
    assert "1 note on days of the repositories" in shown


def test_download_on_the_page_has_every_day(client: TestClient, user: TrackedUser) -> None:
    page = load(client, f"/users/{user.id}/unfollow")
    (link,) = [link for link in page.one("main").all("a") if link.text == "JSON"]

    rows = client.get(link.attributes["href"] or "").json()["stats"]

    assert len(rows) == 6


def test_repositories_of_two_users_are_named_as_shared(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    other = factories.add_user(connection, login="eve")
    connection.execute(
        text(
            "INSERT INTO ownerships (user_id, repo_id)"
            f" SELECT {other.id}, id FROM repositories WHERE name = 'one'"
        )
    )
    page = load(client, f"/users/{user.id}/unfollow")

    assert "1 repository of these had another followed user as owner too" in page.one("main").text


def test_button_deletes_the_user_and_the_rows(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    action = f"/users/{user.id}/unfollow"
    response = client.post(action, data=fill(load(client, action), action), follow_redirects=False)

    assert (response.status_code, response.headers["location"]) == (303, "/unfollowed/adam")
    assert users.get(connection, user.id) is None
    assert connection.execute(text("SELECT count(*) FROM daily_stats")).scalar_one() == 0
    page = load(client, "/unfollowed/adam")
    assert page.one("h1").text == "adam is not followed"
    assert fill(page, "/follow") == {"login": "adam"}
    # Sent again by going back.
    assert client.post(action, data={}, follow_redirects=False).status_code == 404


def test_page_of_an_unfollowed_login_leads_to_the_user_who_is_followed(
    client: TestClient, user: TrackedUser
) -> None:
    response = client.get("/unfollowed/ADAM", follow_redirects=False)

    assert (response.status_code, response.headers["location"]) == (303, "/u/adam")


def test_other_sites_cannot_unfollow(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    response = client.post(
        f"/users/{user.id}/unfollow", data={}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert response.status_code == 403
    assert users.get(connection, user.id) is not None


def test_visitor_without_the_key_sees_no_button_and_cannot_unfollow(
    make_client: MakeClient, connection: Connection, user: TrackedUser
) -> None:
    client = make_client(api_key=SecretStr("secret-key-of-the-operator"))
    action = f"/users/{user.id}/unfollow"
    page = load(client, action)
    response = client.post(action, data={}, follow_redirects=False)

    assert not page.all("form", method="post")
    assert page.one("main").all("a", href=f"/login?next={action}")
    assert response.headers["location"] == "/login"
    assert users.get(connection, user.id) is not None


def test_read_only_installation_offers_nothing_to_unfollow(
    make_client: MakeClient, user: TrackedUser
) -> None:
    client = make_client(read_only=True)

    page = load(client, f"/users/{user.id}")
    assert not [link for link in page.all("a") if link.text.startswith("Unfollow")]
    assert not load(client, f"/users/{user.id}/unfollow").all("form", method="post")


def test_unknown_user_is_404(client: TestClient) -> None:
    load(client, "/users/7/unfollow", status=404)
    assert client.post("/users/7/unfollow", data={}).status_code == 404
