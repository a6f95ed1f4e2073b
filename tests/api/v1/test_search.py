"""``/v1/search``."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from tests import factories


def test_users_and_repositories_are_found(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection, login="octocat", name="Mona")
    repository = factories.add_repository(
        connection, user, name="octo-queue", description="A queue"
    )

    assert client.get("/v1/search", params={"q": "octo"}).json() == {
        "users": [{"id": user.id, "login": "octocat", "name": "Mona"}],
        "users_in_all": 1,
        "repositories": [
            {
                "id": repository.id,
                "user_id": user.id,
                "full_name": "octocat/octo-queue",
                "description": "A queue",
                "language": None,
                "fork": False,
                "archived": False,
                "gone": False,
            }
        ],
        "repositories_in_all": 1,
    }


@pytest.mark.parametrize("query", ["", "?q=", "?q=a&limit=0", "?q=a&limit=101", "?q=" + "a" * 101])
def test_invalid_queries_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/search{query}").status_code == 422


def test_nul_is_no_character_of_any_name(client: TestClient) -> None:
    assert client.get("/v1/search", params={"q": "a\0"}).status_code < 500
