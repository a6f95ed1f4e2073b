"""``GET /v1/repos/{id}`` and ``…/stats``: one repository with the days of all its owners."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import users
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, 1428904, "allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    made = factories.add_repository(connection, user, 7329078, "hello")
    factories.add_rows(connection, user, made, {ago(40): (7, 7, 7), ago(7): (50, 9, 14)})
    factories.add_rows(connection, user, made, {TODAY: (42, 9, 14)})
    return made


@pytest.mark.usefixtures("repository")
def test_a_repository_is_shown_as_in_its_owners_list(client: TestClient) -> None:
    answer = client.get("/v1/repos/7329078")

    assert answer.status_code == 200
    assert [answer.json()] == client.get("/v1/users/1428904/repos").json()
    assert answer.json()["full_name"] == "allien/hello"
    assert answer.json()["changes"]["7"] == {"stargazers": -8, "forks": 0, "watchers": 0}


@pytest.mark.usefixtures("repository")
def test_rows_of_a_repository_have_the_documented_body(client: TestClient) -> None:
    answer = client.get("/v1/repos/7329078/stats")

    assert answer.json() == {
        "repository": {
            "id": 7329078,
            "user_id": 1428904,
            "name": "hello",
            "full_name": "allien/hello",
        },
        "stats": [
            {
                "repo_id": 7329078,
                "date": "2024-03-03",
                "stargazers": 50,
                "forks": 9,
                "watchers": 14,
            },
            {
                "repo_id": 7329078,
                "date": "2024-03-10",
                "stargazers": 42,
                "forks": 9,
                "watchers": 14,
            },
        ],
    }
    assert answer.json()["stats"] == client.get("/v1/users/1428904/stats").json()["stats"]


@pytest.mark.usefixtures("repository")
def test_rows_of_a_repository_are_those_of_the_period(client: TestClient) -> None:
    answer = client.get(
        "/v1/repos/7329078/stats", params={"date_from": "2024-01-30", "date_to": "2024-03-09"}
    )

    assert [row["date"] for row in answer.json()["stats"]] == ["2024-01-30", "2024-03-03"]


def test_a_repository_that_moved_includes_all_owners(
    client: TestClient, connection: Connection, repository: SeenRepository
) -> None:
    taker = factories.add_user(connection, 5, "bob")
    factories.add_repository(connection, taker, repository.id, "hello")
    factories.add_rows(connection, taker, repository, {ago(1): (43, 9, 14)})

    shown = client.get("/v1/repos/7329078").json()
    rows = client.get("/v1/repos/7329078/stats").json()

    assert (shown["full_name"], shown["user_id"], shown["moved_to"]) == ("bob/hello", 5, None)
    assert rows["repository"]["full_name"] == "bob/hello"
    assert [row["date"] for row in rows["stats"]] == ["2024-03-03", "2024-03-09", "2024-03-10"]


def test_a_repository_of_a_deleted_user_is_not_found(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    assert client.get(f"/v1/repos/{repository.id}").status_code == 200
    users.delete(connection, user.id)

    for path in ("", "/stats"):
        answer = client.get(f"/v1/repos/{repository.id}{path}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "repository not found"})


@pytest.mark.parametrize("path", ["", "/stats"])
@pytest.mark.parametrize("repo_id", ["0", "-1", "9223372036854775808", "hello", "1.5"])
def test_an_invalid_repository_id_is_422(client: TestClient, repo_id: str, path: str) -> None:
    answer = client.get(f"/v1/repos/{repo_id}{path}")

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["path", "repo_id"]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"date_from": "2024-03-11"}, "date_from 2024-03-11 is after today, 2024-03-10"),
        (
            {"date_from": "2014-03-01"},
            "2014-03-01 to 2024-03-10 is 3663 days: request at most 3660 days, ten years",
        ),
    ],
)
def test_an_invalid_period_of_a_repository_is_422(
    client: TestClient, params: dict[str, str], message: str
) -> None:
    answer = client.get("/v1/repos/7329078/stats", params=params)

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["query", "date_from"], message)
