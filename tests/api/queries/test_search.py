"""Search by words."""

import pytest
from sqlalchemy import Connection

from api.queries.search import Found, search
from tests import factories


def found_names(connection: Connection, query: str) -> list[str]:
    found = search(connection, query, limit=10)
    return [user.login for user in found.users] + [
        repository.full_name for repository in found.repositories
    ]


def test_users_are_found_by_login_and_name(connection: Connection) -> None:
    factories.add_user(connection, 1, login="octocat", name="Mona Lisa")
    factories.add_user(connection, 2, login="adam", name="Adam")

    assert found_names(connection, "OCTO") == ["octocat"]
    assert found_names(connection, "lisa mona") == ["octocat"]
    assert found_names(connection, "mona adam") == []


def test_repositories_are_found_by_full_name_and_description(connection: Connection) -> None:
    user = factories.add_user(connection, login="octocat")
    factories.add_repository(connection, user, name="queue", description="Safe to KILL")
    factories.add_repository(connection, user, name="other", description=None)

    assert found_names(connection, "octocat/queue") == ["octocat/queue"]
    assert found_names(connection, "kill safe") == ["octocat/queue"]
    assert found_names(connection, "kill other") == []


def test_equal_names_come_first_then_those_that_begin_so(connection: Connection) -> None:
    user = factories.add_user(connection, login="octocat")
    for name in ("a-web", "web-tools", "web"):
        factories.add_repository(connection, user, name=name)

    assert found_names(connection, "web") == [
        "octocat/web",
        "octocat/web-tools",
        "octocat/a-web",
    ]


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", "100%"])
def test_signs_mean_themselves(connection: Connection, query: str) -> None:
    user = factories.add_user(connection, login="octocat")
    factories.add_repository(connection, user, name="plain", description="nothing")
    factories.add_repository(connection, user, name="signs", description="100% '_\\")

    assert found_names(connection, query) == ["octocat/signs"]


@pytest.mark.parametrize("query", ["", "  "])
def test_empty_query_finds_nothing(connection: Connection, query: str) -> None:
    factories.add_user(connection, login="octocat")

    assert search(connection, query, limit=10) == Found([], 0, [], 0)


def test_more_than_the_limit_are_counted(connection: Connection) -> None:
    for number in range(1, 6):
        factories.add_user(connection, number, login=f"octo-{number}")

    found = search(connection, "octo", limit=2)

    assert [user.login for user in found.users] == ["octo-1", "octo-2"]
    assert found.users_in_all == 5
