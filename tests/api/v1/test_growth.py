"""``GET /v1/users/{id}/growth`` and ``GET /v1/growth``."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


def add(connection: Connection, user: TrackedUser, name: str, *stars: int) -> int:
    """Add a repository with its stars on the last days; it loses a fork on each."""
    repository = factories.add_repository(connection, user, name=name)
    for ago, count in enumerate(reversed(stars)):
        day = TODAY - timedelta(days=ago)
        factories.add_rows(connection, user, repository, {day: (count, ago, 0)})
    return repository.id


def test_growth_shows_both_values_and_their_days(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository_id = add(connection, user, "hello", 40, 90, 42)

    answer = client.get(f"/v1/users/{user.id}/growth")

    assert answer.status_code == 200
    assert answer.json() == [
        {
            "repo_id": repository_id,
            "name": "hello",
            "first_day": "2024-03-08",
            "last_day": "2024-03-10",
            "first": 40,
            "last": 42,
            "difference": 2,
            "percent": 5.0,
        }
    ]


def test_growth_takes_period_count_and_limit(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "slow", *range(10))
    add(connection, user, "fast", *range(0, 50, 5))

    def shown(**params: str) -> list[tuple[str, int]]:
        answer = client.get(f"/v1/users/{user.id}/growth", params=params)
        return [(mover["name"], mover["difference"]) for mover in answer.json()]

    assert shown() == [("fast", 45), ("slow", 9)]
    assert shown(limit="1") == [("fast", 45)]
    assert shown(date_from="2024-03-05", date_to="2024-03-07") == [("fast", 10), ("slow", 2)]
    assert shown(by="forks") == [("slow", -9), ("fast", -9)]


def test_growth_shows_ten_repositories_by_default(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for number in range(12):
        add(connection, user, f"r{number}", 0, number)

    assert len(client.get(f"/v1/users/{user.id}/growth").json()) == 10


def test_growth_of_an_unknown_user_is_404(client: TestClient) -> None:
    answer = client.get("/v1/users/7/growth")

    assert (answer.status_code, answer.json()) == (404, {"detail": "user not found"})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("by", "stars"),
        ("limit", "0"),
        ("limit", "10001"),
        ("date_from", "2024-03-11"),
        ("date_from", "2014-03-01"),
        ("date_from", "yesterday"),
    ],
)
def test_an_invalid_parameter_is_422(
    client: TestClient, user: TrackedUser, parameter: str, value: str
) -> None:
    answer = client.get(f"/v1/users/{user.id}/growth", params={parameter: value})

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", parameter]


def test_growth_of_all_users_has_full_names(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "slow", *range(10))
    add(connection, factories.add_user(connection, login="other"), "fast", *range(0, 50, 5))

    answer = client.get("/v1/growth?limit=2").json()

    assert [(row["full_name"], row["difference"]) for row in answer] == [
        ("other/fast", 45),
        (f"{user.login}/slow", 9),
    ]
