"""``GET /v1/users/{id}/repos``: bodies, order, filters and pages."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.queries.repository_sort import Sort
from common import repositories
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, 1428904, "allien")


def add(
    connection: Connection,
    user: TrackedUser,
    name: str,
    *stars: int,
    is_fork: bool = False,
    is_archived: bool = False,
    description: str | None = None,
    language: str | None = None,
) -> int:
    """Add a repository with its stars on the last days."""
    seen = replace(
        factories.make_repository(name=name, is_fork=is_fork, is_archived=is_archived),
        description=description,
        language=language,
    )
    repositories.save(connection, user.id, TODAY, [seen])
    factories.add_history(connection, user, seen, until=TODAY, stargazers=stars)
    return seen.id


def listed(client: TestClient, user: TrackedUser, **params: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/users/{user.id}/repos", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def names(client: TestClient, user: TrackedUser, **params: str) -> list[str]:
    return [repository["name"] for repository in listed(client, user, **params)]


def test_a_repository_has_the_documented_body(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository_id = add(
        connection, user, "hello", 44, 42, description="Says hello", language="Python"
    )

    assert listed(client, user) == [
        {
            "id": repository_id,
            "user_id": 1428904,
            "name": "hello",
            "full_name": "allien/hello",
            "description": "Says hello",
            "language": "Python",
            "fork": False,
            "archived": False,
            "present": True,
            "absent_since": None,
            "moved_to": None,
            "first_day": "2024-03-09",
            "last_day": "2024-03-10",
            "latest": {"stargazers": 42, "forks": 9, "watchers": 14},
            "changes": {
                "1": {"stargazers": -2, "forks": 0, "watchers": 0},
                "7": None,
                "30": None,
                "365": None,
            },
        }
    ]


def test_an_unrecorded_repository_has_nulls(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "new")

    (shown,) = listed(client, user)

    assert (shown["first_day"], shown["last_day"], shown["latest"]) == (None, None, None)
    assert shown["changes"] == {"1": None, "7": None, "30": None, "365": None}


def test_a_user_without_repositories_has_an_empty_list(
    client: TestClient, user: TrackedUser
) -> None:
    assert listed(client, user) == []


def test_the_list_of_an_unknown_user_is_404(client: TestClient) -> None:
    answer = client.get("/v1/users/7/repos")

    assert (answer.status_code, answer.json()) == (404, {"detail": "user not found"})


# Order


def test_names_are_sorted_without_regard_to_case(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for name in ("b", "C", "a"):
        add(connection, user, name)

    assert names(client, user) == ["a", "b", "C"]
    assert names(client, user, order="desc") == ["C", "b", "a"]


def test_numbers_descend_by_default(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for name, stars in (("few", 1), ("many", 300_000), ("some", 20)):
        add(connection, user, name, stars)

    assert names(client, user, sort="stargazers") == ["many", "some", "few"]
    assert names(client, user, sort="stargazers", order="asc") == ["few", "some", "many"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_missing_values_come_last_in_either_order(
    client: TestClient, connection: Connection, user: TrackedUser, order: str
) -> None:
    add(connection, user, "new")
    add(connection, user, "fell", 5, 3)
    add(connection, user, "rose", 5, 9)
    add(connection, user, "stayed", 5, 5)

    found = names(client, user, sort="stargazers_1d", order=order)

    moved = ["fell", "stayed", "rose"] if order == "asc" else ["rose", "stayed", "fell"]
    assert found == [*moved, "new"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_equal_values_are_sorted_by_name(
    client: TestClient, connection: Connection, user: TrackedUser, order: str
) -> None:
    for name in ("b", "c", "a"):
        add(connection, user, name, 5)

    assert names(client, user, sort="forks", order=order) == ["a", "b", "c"]


@pytest.mark.parametrize("sort", Sort)
def test_a_list_can_be_sorted_by_each_column(
    client: TestClient, connection: Connection, user: TrackedUser, sort: Sort
) -> None:
    add(connection, user, "a", 1, 2)
    add(connection, user, "b", 5)

    assert sorted(names(client, user, sort=sort)) == ["a", "b"]


# Filters


def test_the_list_filters_by_fork_and_archived(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "own")
    add(connection, user, "fork", is_fork=True)
    add(connection, user, "old", is_archived=True)

    assert names(client, user, fork="true") == ["fork"]
    assert names(client, user, fork="false") == ["old", "own"]
    assert names(client, user, archived="true") == ["old"]
    assert names(client, user, archived="false", fork="false") == ["own"]


def test_the_list_filters_by_present(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "here")
    gone = add(connection, user, "gone", 3)
    repositories.mark_missing(connection, user.id, YESTERDAY, [gone], confirmed=True)

    assert names(client, user, present="true") == ["here"]
    (shown,) = listed(client, user, present="false")
    assert (shown["present"], shown["absent_since"]) == (False, "2024-03-09")


def test_the_list_filters_by_language_in_any_case(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "snake", language="Python")
    add(connection, user, "none")

    assert names(client, user, language="pYTHON") == ["snake"]
    assert names(client, user, language="Pyth") == []
    assert names(client, user, sort="language") == ["snake", "none"]


def test_the_list_filters_by_text_in_any_case(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "Hello-world")
    add(connection, user, "other")
    add(connection, user, "x", description="Says HELLO 100%")

    assert names(client, user, q="hello") == ["Hello-world", "x"]
    # No character has a special meaning.
    assert names(client, user, q="%") == ["x"]
    assert names(client, user, q=".*") == []


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("fork", value) for value in ("yes", "1", "", "True")),
        *(("sort", value) for value in ("", "stars", "stargazers_2d")),
        *(("order", value) for value in ("", "down")),
        *(("limit", value) for value in ("0", "10001", "x")),
        *(("offset", value) for value in ("-1", "1e3", "99999999999999999999")),
        *((name, "x" * 101) for name in ("q", "language")),
    ],
)
def test_an_invalid_parameter_is_422(
    client: TestClient, user: TrackedUser, parameter: str, value: str
) -> None:
    answer = client.get(f"/v1/users/{user.id}/repos", params={parameter: value})

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", parameter]


# Pages


def test_the_links_visit_each_repository_once_and_keep_the_filters(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for number in range(7):
        add(connection, user, f"r{number}", number)
    add(connection, user, "a fork", 99, is_fork=True)
    found: list[str] = []
    address: str | None = f"/v1/users/{user.id}/repos?sort=stargazers&fork=false&limit=3"
    while address:
        answer = client.get(address)
        assert answer.headers["x-total-count"] == "7"
        found += [repository["name"] for repository in answer.json()]
        address = answer.links["next"]["url"] if "next" in answer.links else None

    assert found == [f"r{number}" for number in reversed(range(7))]


def test_a_page_after_the_last_one_is_empty(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "only")

    answer = client.get(f"/v1/users/{user.id}/repos?offset=1")

    assert (answer.json(), answer.headers["x-total-count"]) == ([], "1")
    assert "link" not in answer.headers
