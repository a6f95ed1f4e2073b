"""``GET /v1/portfolio``: the followed users with totals and changes."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2026, 3, 20)


@pytest.fixture
def people(connection: Connection, clock: Clock) -> list[TrackedUser]:
    """A user with complete days, and one who was never scanned."""
    clock.set(TODAY)
    user = factories.add_user(connection, 7, login="adam", name="Adam")
    repository = factories.add_repository(connection, user, day=TODAY)
    for days, stars in ((30, 10), (7, 70), (0, 90)):
        day = TODAY - timedelta(days)
        factories.add_rows(connection, user, repository, {day: (stars, days, 3)})
        factories.add_scan(connection, user, day, expected=1, recorded=1)
    return [user, factories.add_user(connection, 8, login="fresh", name="Fresh")]


@pytest.mark.usefixtures("people")
def test_users_have_totals_and_changes(client: TestClient) -> None:
    answer = client.get("/v1/portfolio")

    assert answer.json() == [
        {
            "id": 7,
            "login": "adam",
            "name": "Adam",
            "state": "recorded",
            "date": "2026-03-20",
            "stargazers": 90,
            "forks": 0,
            "watchers": 3,
            "change_7d": 20,
            "change_30d": 80,
            "repositories": 1,
        },
        {
            "id": 8,
            "login": "fresh",
            "name": "Fresh",
            "state": "loading",
            "date": None,
            "stargazers": None,
            "forks": None,
            "watchers": None,
            "change_7d": None,
            "change_30d": None,
            "repositories": None,
        },
    ]
    assert answer.headers["x-total-count"] == "2"
    assert "link" not in answer.headers


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "logins"),
    [
        ("sort=login&order=desc", ["fresh", "adam"]),
        ("state=loading", ["fresh"]),
        ("q=ADA", ["adam"]),
        ("limit=1&offset=1", ["fresh"]),
    ],
)
def test_users_are_sorted_filtered_and_cut(
    client: TestClient, query: str, logins: list[str]
) -> None:
    assert [user["login"] for user in client.get(f"/v1/portfolio?{query}").json()] == logins


@pytest.mark.usefixtures("people")
def test_changes_are_of_the_metric(client: TestClient) -> None:
    user = client.get("/v1/portfolio?metric=forks").json()[0]

    assert (user["change_7d"], user["change_30d"]) == (-7, -30)


@pytest.mark.usefixtures("people")
def test_next_page_is_linked(client: TestClient) -> None:
    answer = client.get("/v1/portfolio?limit=1&sort=login")

    assert answer.headers["link"] == '</v1/portfolio?sort=login&limit=1&offset=1>; rel="next"'
    assert answer.headers["x-total-count"] == "2"


@pytest.mark.usefixtures("people")
def test_list_is_available_as_csv(client: TestClient) -> None:
    answer = client.get("/v1/portfolio?format=csv")

    assert answer.text.splitlines() == [
        "id,login,name,state,date,stargazers,forks,watchers,change_7d,change_30d,repositories",
        "7,adam,Adam,recorded,2026-03-20,90,0,3,20,80,1",
        "8,fresh,Fresh,loading,,,,,,,",
    ]
