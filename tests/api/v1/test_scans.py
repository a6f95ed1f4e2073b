"""``POST /v1/users/{id}/scan`` and ``GET …/scans``."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import clock as product_clock
from common.broker import Task
from common.settings import Settings
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import sent
from tests.clock import Clock

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user who was added today and never scanned."""
    clock.set(TODAY)
    return factories.add_user(connection)


@pytest.fixture
def scanned_user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user who was scanned today, ten minutes ago."""
    user = factories.add_user(connection)
    factories.add_scan(connection, user, product_clock.today(connection))
    clock.advance(timedelta(minutes=10))
    return user


def test_a_scan_is_sent_at_once(
    client: TestClient, settings: Settings, scanned_user: TrackedUser
) -> None:
    answer = client.post(f"/v1/users/{scanned_user.id}/scan")

    assert (answer.status_code, answer.json()) == (202, {"state": "sent"})
    assert answer.headers["location"] == f"/v1/users/{scanned_user.id}/scans"
    assert sent(settings.redis) == [(Task.LOAD_USER, [scanned_user.id])]


def test_a_repeated_request_is_202_while_the_scan_is_under_way(
    client: TestClient, settings: Settings, scanned_user: TrackedUser
) -> None:
    client.post(f"/v1/users/{scanned_user.id}/scan")

    answer = client.post(f"/v1/users/{scanned_user.id}/scan")

    assert (answer.status_code, answer.json()) == (202, {"state": "at_work"})
    assert len(sent(settings.redis)) == 1


def test_a_request_soon_after_a_scan_is_429_with_the_seconds_to_wait(
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


def test_requesting_a_scan_needs_the_key(
    make_client: MakeClient, scanned_user: TrackedUser
) -> None:
    client = make_client(api_key=SecretStr("secret"))

    assert client.post(f"/v1/users/{scanned_user.id}/scan").status_code == 401


# The days


def test_a_scan_has_the_documented_body(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    factories.add_scan(
        connection,
        user,
        TODAY,
        ScanState.INCOMPLETE,
        reason="2 repositories did not answer",
        expected=257,
        recorded=255,
    )

    (scan,) = client.get(f"/v1/users/{user.id}/scans").json()

    assert scan["started_at"].startswith("2024-03-10T12:00:")
    assert scan["finished_at"].startswith("2024-03-10T12:00:")
    assert {key: scan[key] for key in scan if key not in {"started_at", "finished_at"}} == {
        "day": "2024-03-10",
        "state": "incomplete",
        "reason": "2 repositories did not answer",
        "expected": 257,
        "recorded": 255,
        "attempts": 1,
        "next_attempt_at": None,
    }


def test_a_waiting_scan_shows_when_it_continues(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    factories.add_scan(
        connection,
        user,
        TODAY,
        ScanState.WAITING,
        reason="the hour's requests are used up",
        not_before=datetime(2024, 3, 10, 13, tzinfo=UTC),
    )

    (scan,) = client.get(f"/v1/users/{user.id}/scans").json()

    assert (scan["state"], scan["next_attempt_at"]) == ("waiting", "2024-03-10T13:00:00Z")


def test_an_unscanned_day_has_the_state_none(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for ago in (40, 3, 2, 0):
        factories.add_scan(connection, user, TODAY - timedelta(days=ago))

    def shown(**params: str) -> list[tuple[str, str]]:
        scans = client.get(f"/v1/users/{user.id}/scans", params=params).json()
        return [(scan["day"], scan["state"]) for scan in scans]

    month = shown()
    assert month[:4] == [
        ("2024-03-10", "done"),
        ("2024-03-09", "none"),
        ("2024-03-08", "done"),
        ("2024-03-07", "done"),
    ]
    assert [state for _, state in month[4:]] == ["none"] * 26
    assert shown(date_from="2024-03-08", date_to="2024-03-09") == [
        ("2024-03-09", "none"),
        ("2024-03-08", "done"),
    ]


def test_an_unscanned_day_has_a_reason_and_no_counts(client: TestClient, user: TrackedUser) -> None:
    assert client.get(f"/v1/users/{user.id}/scans").json() == [
        {
            "day": "2024-03-10",
            "state": "none",
            "reason": "no scan yet: the day is not over",
            "expected": None,
            "recorded": 0,
            "attempts": 0,
            "started_at": None,
            "finished_at": None,
            "next_attempt_at": None,
        }
    ]
