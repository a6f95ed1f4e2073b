"""``/v1/repos/{id}/notes`` and ``…/releases``: write, replace, read and delete."""

from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.clock import Clock

TODAY = date(2026, 3, 20)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, login="adam")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return factories.add_repository(connection, user, name="hello", day=TODAY)


@pytest.fixture
def path(repository: SeenRepository) -> str:
    return f"/v1/repos/{repository.id}"


def put(client: TestClient, path: str, day: str, text: object) -> Any:
    return client.put(f"{path}/notes/{day}", json={"text": text})


def test_a_note_is_written_replaced_and_deleted(client: TestClient, path: str) -> None:
    first = {"date": "2026-03-01", "text": "On Hacker News"}
    second = {"date": "2026-03-01", "text": "On <b>Hacker News</b> & elsewhere"}

    written = put(client, path, "2026-03-01", "  On Hacker News \n")
    assert (written.status_code, written.json()) == (201, first)
    assert client.get(f"{path}/notes/2026-03-01").json() == first

    replaced = put(client, path, "2026-03-01", second["text"])
    assert (replaced.status_code, replaced.json()) == (200, second)
    assert client.get(f"{path}/notes").json() == [second]

    deleted = client.delete(f"{path}/notes/2026-03-01")
    assert (deleted.status_code, deleted.json()) == (200, second)
    assert client.get(f"{path}/notes").json() == []
    for again in (
        client.delete(f"{path}/notes/2026-03-01"),
        client.get(f"{path}/notes/2026-03-01"),
    ):
        assert (again.status_code, again.json()) == (404, {"detail": "no note on this day"})


def test_notes_are_listed_by_day_between_two_days(client: TestClient, path: str) -> None:
    for day in ("2026-03-20", "1970-01-01", "2026-03-02", "2026-03-01"):
        put(client, path, day, f"note of {day}")

    def listed(query: str) -> list[str]:
        return [note["date"] for note in client.get(f"{path}/notes{query}").json()]

    assert listed("") == ["1970-01-01", "2026-03-01", "2026-03-02", "2026-03-20"]
    assert listed("?date_from=2026-03-01&date_to=2026-03-02") == ["2026-03-01", "2026-03-02"]
    assert listed("?date_from=2026-03-02") == ["2026-03-02", "2026-03-20"]
    assert client.get(f"{path}/notes?format=csv&date_to=1970-01-01").text == (
        "date,text\r\n1970-01-01,note of 1970-01-01\r\n"
    )
    wrong = client.get(f"{path}/notes?date_from=2026-03-02&date_to=2026-03-01")
    assert wrong.status_code == 422


def test_a_formula_is_no_formula_in_a_csv(client: TestClient, path: str) -> None:
    put(client, path, "2026-03-01", "=1+1")
    assert "\r\n2026-03-01,=" not in client.get(f"{path}/notes?format=csv").text


@pytest.mark.parametrize(
    ("day", "text"),
    [
        ("2026-03-21", "tomorrow"),
        ("1969-12-31", "too early"),
        ("2026-02-30", "no such day"),
        ("yesterday", "no day"),
        ("2026-03-01", ""),
        ("2026-03-01", "   "),
        ("2026-03-01", "x" * 501),
        ("2026-03-01", "two\nlines"),
        ("2026-03-01", "NUL \0"),
        ("2026-03-01", None),
        ("2026-03-01", 5),
    ],
)
def test_what_is_no_note_is_422(client: TestClient, path: str, day: str, text: object) -> None:
    assert put(client, path, day, text).status_code == 422
    assert client.get(f"{path}/notes").json() == []


def test_the_longest_note_has_500_characters_of_any_kind(client: TestClient, path: str) -> None:
    assert put(client, path, "2026-03-01", "😀" * 500).status_code == 201


def test_notes_of_an_unknown_repository_are_404(client: TestClient, user: TrackedUser) -> None:
    for answer in (
        put(client, "/v1/repos/4711", "2026-03-01", "hello"),
        client.get("/v1/repos/4711/notes"),
        client.get("/v1/repos/4711/notes/2026-03-01"),
        client.delete("/v1/repos/4711/notes/2026-03-01"),
        client.get("/v1/repos/4711/releases"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"detail": "repository not found"})


def test_writing_needs_the_key(make_client: MakeClient, path: str) -> None:
    client = make_client(api_key=SecretStr("secret"))
    assert put(client, path, "2026-03-01", "hello").status_code == 401
    assert client.delete(f"{path}/notes/2026-03-01").status_code == 401
    assert client.get(f"{path}/notes").json() == []


def test_notes_and_releases_go_with_the_repository(
    client: TestClient,
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    path: str,
) -> None:
    put(client, path, "2026-03-01", "hello")
    factories.add_release(connection, repository, "v1", TODAY)
    connection.exec_driver_sql(f"INSERT INTO release_readings (repo_id) VALUES ({repository.id})")

    assert client.delete(f"/v1/users/{user.id}").status_code == 200

    for table in ("notes", "releases", "release_readings"):
        left = connection.exec_driver_sql(f"SELECT count(*) FROM {table}")
        assert left.scalar_one() == 0


def test_releases_are_listed_by_their_utc_day(
    client: TestClient, connection: Connection, repository: SeenRepository, path: str
) -> None:
    factories.add_release(
        connection, repository, "v2", "2026-03-01T23:30:00-01:00", title="Two", id=7
    )
    factories.add_release(
        connection, repository, "v1", "2026-03-01T23:59:59Z", is_prerelease=True, id=6
    )

    v1 = {
        "id": 6,
        "date": "2026-03-01",
        "tag": "v1",
        "title": None,
        "published_at": "2026-03-01T23:59:59Z",
        "prerelease": True,
    }
    v2 = {
        "id": 7,
        "date": "2026-03-02",
        "tag": "v2",
        "title": "Two",
        "published_at": "2026-03-02T00:30:00Z",
        "prerelease": False,
    }
    assert client.get(f"{path}/releases").json() == [v1, v2]
    assert client.get(f"{path}/releases?date_to=2026-03-01").json() == [v1]
    assert client.get(f"{path}/releases?date_from=2026-03-02").json() == [v2]
    first_line = client.get(f"{path}/releases?format=csv").text.partition("\r\n")[0]
    assert first_line == "id,date,tag,title,published_at,prerelease"
