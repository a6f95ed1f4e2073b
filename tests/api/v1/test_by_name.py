"""``GET /v1/users?login=`` and ``GET /v1/repos?full_name=``."""

import csv
import io

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.users import TrackedUser
from tests import factories


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return factories.add_user(connection, 50, "octocat", "The Octocat")


OCTOCAT = {"id": 50, "login": "octocat", "name": "The Octocat"}


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("login=OctoCat", [OCTOCAT]),
        ("login=other", []),
        ("login=-old", []),
        ("login=octocat&limit=1", [OCTOCAT]),
        ("login=octocat&after=49", [OCTOCAT]),
        ("login=octocat&after=50", []),
    ],
)
def test_a_login_is_looked_for_among_the_listed_users(
    client: TestClient, connection: Connection, query: str, found: list[dict[str, object]]
) -> None:
    factories.add_user(connection, 51)

    answer = client.get(f"/v1/users?{query}")

    assert (answer.status_code, answer.json()) == (200, found)
    assert "link" not in answer.headers


@pytest.mark.parametrize("login", ["", "a/b", "_a", "a" * 40, "a%00", "%C3%A9"])
def test_an_invalid_login_is_422(client: TestClient, login: str) -> None:
    answer = client.get(f"/v1/users?login={login}")

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("login", ["query", "login"])


def test_a_repository_is_found_by_its_full_name(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user, name=".github")

    found = client.get("/v1/repos?full_name=OctoCat/.GitHub")

    assert found.status_code == 200
    assert found.json() == [client.get(f"/v1/repos/{repository.id}").json()]
    assert found.json()[0]["full_name"] == "octocat/.github"


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("full_name", ["octocat/hello", "other/hello", "-old/hello"])
def test_a_full_name_that_no_followed_repository_has_finds_nothing(
    client: TestClient, full_name: str
) -> None:
    answer = client.get("/v1/repos", params={"full_name": full_name})

    assert (answer.status_code, answer.json()) == (200, [])


def test_a_repository_found_by_name_is_available_as_csv(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user, name="hello")

    found = client.get("/v1/repos?full_name=octocat/hello&format=csv").text
    nothing = client.get("/v1/repos?full_name=octocat/world&format=csv").text

    (row,) = csv.DictReader(io.StringIO(found, newline=""))
    assert (row["id"], row["full_name"]) == (str(repository.id), "octocat/hello")
    assert nothing == found.partition("\n")[0] + "\n"


@pytest.mark.parametrize(
    "full_name", ["", "hello", "octocat/", "/hello", "a/b/c", "octocat/a b", "_a/b", "a/%00"]
)
def test_an_invalid_full_name_is_422(client: TestClient, full_name: str) -> None:
    answer = client.get(f"/v1/repos?full_name={full_name}")

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("full_name", ["query", "full_name"])


def test_a_list_of_all_repositories_is_not_offered(client: TestClient) -> None:
    answer = client.get("/v1/repos")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "full_name"]
