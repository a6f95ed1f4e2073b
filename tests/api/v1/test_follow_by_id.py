"""``PUT /v1/users`` with id, login and name."""

import logging

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import scans, users
from common.broker import Task
from common.scans import Begun
from common.settings import Settings
from common.users import TrackedUser
from tests import factories
from tests.api.fake_worker import sent

ALLIEN = {"id": 1428904, "login": "allien", "name": "Allien Delon"}


def test_a_new_user_is_201_with_its_url(client: TestClient) -> None:
    answer = client.put("/v1/users", json=ALLIEN)

    assert (answer.status_code, answer.json()) == (201, ALLIEN)
    assert answer.headers["location"] == "/v1/users/1428904"
    assert client.get(answer.headers["location"]).json() == ALLIEN


def test_a_followed_user_is_200_and_unchanged(client: TestClient) -> None:
    client.put("/v1/users", json=ALLIEN)

    answer = client.put("/v1/users", json={**ALLIEN, "login": "other", "name": "Other"})

    assert (answer.status_code, answer.json()) == (200, ALLIEN)


@pytest.mark.parametrize("name", [{}, {"name": None}, {"name": ""}, {"name": " \u3000"}])
def test_the_name_defaults_to_the_login(client: TestClient, name: dict[str, str | None]) -> None:
    answer = client.put("/v1/users", json={"id": 5, "login": "allien", **name})

    assert answer.json() == {"id": 5, "login": "allien", "name": "allien"}


def test_a_name_is_trimmed(client: TestClient) -> None:
    answer = client.put("/v1/users", json={**ALLIEN, "name": "  Allien Delon "})

    assert answer.json() == ALLIEN


@pytest.mark.parametrize("name", ["Æð 漢字 👩‍💻", "x" * 255, "' OR 1=1; --", "\\N", "%s"])
def test_a_name_is_returned_as_it_was_sent(client: TestClient, name: str) -> None:
    client.put("/v1/users", json={**ALLIEN, "name": name})

    assert client.get("/v1/users/1428904").json()["name"] == name


@pytest.mark.parametrize(
    "login", ["a", "a" * 39, "0x", "-a", "-" + "a" * 38, "legacy-", "two--hyphens", "name_corp"]
)
def test_logins_that_exist_on_github_are_accepted(client: TestClient, login: str) -> None:
    assert client.put("/v1/users", json={"id": 5, "login": login}).status_code == 201


@pytest.mark.parametrize("user_id", [1, 2**63 - 1])
def test_the_smallest_and_the_largest_id_are_accepted(client: TestClient, user_id: int) -> None:
    answer = client.put("/v1/users", json={"id": user_id, "login": "allien"})

    assert answer.status_code == 201
    assert client.get(f"/v1/users/{user_id}").json()["id"] == user_id


def test_the_first_scan_is_sent_once(client: TestClient, settings: Settings) -> None:
    client.put("/v1/users", json=ALLIEN)
    client.put("/v1/users", json=ALLIEN)

    assert sent(settings.redis) == [(Task.LOAD_USER, [1428904])]


def test_the_sweep_leaves_a_user_whose_scan_was_sent(
    client: TestClient, connection: Connection, settings: Settings
) -> None:
    client.put("/v1/users", json=ALLIEN)

    left = connection.execute(
        text("SELECT extract(epoch FROM lease_until - repopulse_now()) FROM users")
    ).scalar_one()
    assert settings.load_lease - 30 < left <= settings.load_lease


def test_adding_a_user_is_logged_with_the_request_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.put("/v1/users", json=ALLIEN)

    assert "user added: allien (1428904)" in caplog.messages


_FAIL_AT_COMMIT = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_a_failed_commit_is_not_201_and_sends_no_task(
    client: TestClient, connection: Connection, settings: Settings
) -> None:
    connection.execute(text(_FAIL_AT_COMMIT))

    answer = client.put("/v1/users", json=ALLIEN)

    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error"})
    assert users.get(connection, 1428904) is None
    assert sent(settings.redis) == []


def test_a_failed_commit_of_a_deletion_is_not_200(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection)
    connection.execute(text(_FAIL_AT_COMMIT))

    assert client.delete(f"/v1/users/{user.id}").status_code == 500
    assert users.get(connection, user.id) == user


def test_a_user_deleted_and_added_again_starts_over(
    client: TestClient, connection: Connection, settings: Settings
) -> None:
    user = factories.add_user(connection, 1428904, "old-login", "Old Name")
    client.delete(f"/v1/users/{user.id}")

    assert client.put("/v1/users", json=ALLIEN).status_code == 201
    assert users.get(connection, 1428904) == TrackedUser(**ALLIEN)  # type: ignore[arg-type]
    assert isinstance(scans.begin(connection, 1428904, holder="a task", lease=1), Begun)
