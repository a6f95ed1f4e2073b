"""``POST /v1/users/{id}/scan``: a scan that somebody asks for."""

from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import clock as product_clock
from common.broker import Task
from common.settings import Settings
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.stand_in import sent
from tests.clock import Clock


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user who was scanned today, ten minutes ago."""
    user = factories.add_user(connection)
    factories.add_scan(connection, user, product_clock.today(connection))
    clock.advance(timedelta(minutes=10))
    return user


def test_a_scan_is_sent_at_once(client: TestClient, settings: Settings, user: TrackedUser) -> None:
    answer = client.post(f"/v1/users/{user.id}/scan")

    assert (answer.status_code, answer.json()) == (202, {"state": "sent"})
    assert answer.headers["location"] == f"/v1/users/{user.id}/scans"
    assert sent(settings.redis) == [(Task.LOAD_USER, [user.id])]


def test_whoever_is_at_work_is_left_to_that(
    client: TestClient, settings: Settings, user: TrackedUser
) -> None:
    client.post(f"/v1/users/{user.id}/scan")

    answer = client.post(f"/v1/users/{user.id}/scan")

    assert (answer.status_code, answer.json()) == (202, {"state": "at_work"})
    assert len(sent(settings.redis)) == 1


def test_soon_after_a_scan_it_is_429_with_the_seconds_to_wait(
    client: TestClient, settings: Settings, connection: Connection
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, product_clock.today(connection))

    answer = client.post(f"/v1/users/{user.id}/scan")

    assert answer.status_code == 429
    wait = int(answer.headers["retry-after"])
    assert 0 < wait <= 300
    assert f"try again in {wait} seconds" in answer.json()["detail"]
    assert sent(settings.redis) == []


def test_a_user_who_is_not_followed_is_404(client: TestClient) -> None:
    answer = client.post("/v1/users/12345/scan")

    assert (answer.status_code, answer.json()) == (404, {"detail": "user not found"})


def test_it_needs_the_key(make_client: MakeClient, user: TrackedUser) -> None:
    client = make_client(api_key=SecretStr("secret"))

    assert client.post(f"/v1/users/{user.id}/scan").status_code == 401
