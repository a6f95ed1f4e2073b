"""The frozen contract that clients and an existing test suite rely on."""

from datetime import date

from sqlalchemy import Connection
from starlette.testclient import TestClient

from tests import factories
from tests.clock import Clock

IVAN = {"id": 28631927, "login": "anvdev", "name": "Ivan Titov"}


def test_a_user_is_added_listed_and_deleted(client: TestClient) -> None:
    assert client.put("/v1/users", json=IVAN).status_code == 201
    assert client.get("/v1/users").json() == [IVAN]
    assert client.delete(f"/v1/users/{IVAN['id']}").status_code == 200
    assert client.get("/v1/users").json() == []


def test_stats_have_exactly_the_documented_body(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection, 1428904, "allien", "Allien Delon")
    repository = factories.add_repository(connection, user, 7329078)
    factories.add_rows(connection, user, repository, {date(2022, 6, 10): (42, 9, 14)})

    answer = client.get(
        "/v1/users/1428904/stats", params={"date_from": "2022-06-10", "date_to": "2022-06-10"}
    )

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "user": {"id": 1428904, "login": "allien", "name": "Allien Delon"},
        "stats": [
            {"repo_id": 7329078, "date": "2022-06-10", "stargazers": 42, "forks": 9, "watchers": 14}
        ],
    }


def test_repeated_calls_answer_as_documented(client: TestClient) -> None:
    account = {"id": 1428904, "login": "allien", "name": "Allien Delon"}

    assert [client.put("/v1/users", json=account).status_code for _ in range(3)] == [201, 200, 200]
    scan = "/v1/users/1428904/scan"
    assert [client.post(scan).status_code for _ in range(3)] == [202, 202, 202]
    user = "/v1/users/1428904"
    assert [client.delete(user).status_code for _ in range(3)] == [200, 404, 404]


def test_an_unknown_user_is_404(client: TestClient) -> None:
    for method, path in (
        ("GET", "/v1/users/7"),
        ("DELETE", "/v1/users/7"),
        ("GET", "/v1/users/7/stats"),
        ("GET", "/v1/users/7/scans"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "user not found"}), path


def test_stats_default_to_the_last_thirty_days(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(date(2024, 3, 1))
    user = factories.add_user(connection)
    repository = factories.add_repository(connection, user)
    days = factories.add_history(
        connection, user, repository, until=date(2024, 3, 1), stargazers=range(40)
    )

    rows = client.get(f"/v1/users/{user.id}/stats").json()["stats"]

    assert [row["date"] for row in rows] == [day.isoformat() for day in days[-30:]]
    assert rows[0]["date"] == "2024-02-01"
