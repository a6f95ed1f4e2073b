"""Rows of days to come, which a wrong clock has left: no call and no page serves or counts them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import github_clock
from common.github_clock import ClockError
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_history, add_repository, add_scan, add_user

TODAY = date(2026, 11, 23)
AHEAD = TODAY + timedelta(days=40)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with two true days, and one that a clock has stored that was 40 days ahead."""
    clock.set(TODAY)
    user = add_user(connection, 7, "octocat")
    repository = add_repository(connection, user, 70, "r", day=TODAY)
    for ago, stars in ((1, 10), (0, 12)):
        day = TODAY - timedelta(days=ago)
        add_history(connection, user, repository, until=day, stargazers=[stars])
        add_scan(connection, user, day, recorded=1, expected=1)
    clock.set(AHEAD)
    add_history(connection, user, repository, until=AHEAD, stargazers=[99_999])
    add_scan(connection, user, AHEAD, recorded=1, expected=1)
    connection.execute(
        text("INSERT INTO fan_outs VALUES (:day, repopulse_now(), 1)"), {"day": AHEAD}
    )
    clock.set(TODAY)
    return user


WIDE = f"date_from=2026-11-01&date_to={AHEAD + timedelta(days=5)}"


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/users/7/stats?{WIDE}",
        f"/v1/users/7/growth?{WIDE}",
        f"/v1/repos/70/stats?{WIDE}",
        "/v1/repos/70",
        "/v1/users/7/repos",
        f"/v1/users/7/scans?{WIDE}",
        f"/v1/users/7/chart.svg?{WIDE}",
        f"/v1/repos/70/chart.svg?{WIDE}",
        f"/v1/repos/70/chart.svg?{WIDE}&source=all",
        f"/v1/repos/70/flow.svg?{WIDE}",
        "/v1/repos/70/badge.svg",
        "/v1/users/7/badge.svg",
        "/",
        "/users/7",
        "/users/7?period=all",
        "/repos/70",
        "/repos/70?period=all",
        "/status",
        "/metrics",
    ],
)
@pytest.mark.usefixtures("user")
def test_no_answer_has_a_row_of_a_day_to_come(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    for trace in ("99999", "99,999", "100k", str(AHEAD), "2 January 2027"):
        assert trace not in answer.text


@pytest.mark.usefixtures("user")
def test_stats_show_a_day_once_it_has_come(client: TestClient, clock: Clock) -> None:
    path = f"/v1/users/7/stats?{WIDE}"
    before = client.get(path)
    clock.set(AHEAD)

    later = client.get(path, headers={"If-None-Match": before.headers["etag"]})

    assert [row["date"] for row in before.json()["stats"]] == ["2026-11-22", "2026-11-23"]
    assert later.status_code == 200


@pytest.mark.usefixtures("user")
def test_a_void_day_leaves_the_user_due_and_the_day_incomplete(client: TestClient) -> None:
    told = client.get("/metrics").text

    assert 'repopulse_users{what="due"} 1.0' in told
    assert "repopulse_complete_fan_out_age_seconds" not in told
    assert "repopulse_future_users 1.0" in told


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def clock_check(client: TestClient) -> tuple[str, Any]:
    answer = client.get("/readyz").json()
    return answer["status"], answer["checks"]["clock"]


@pytest.mark.usefixtures("user")
def test_readyz_names_rows_of_days_to_come(client: TestClient) -> None:
    words = (
        "1 user has rows of days to come, from a clock that was ahead: remove them with"
        " `python -m worker.future_days --remove` once it is right"
    )
    assert clock_check(client) == ("degraded", words)


def test_readyz_reports_a_wrong_clock(client: TestClient, server: "redis.Redis") -> None:
    github_clock.record(server, ClockError(timedelta(days=40), is_other_day=True))

    words = (
        "the database's clock is 40 days ahead of GitHub's, on another day: nothing is recorded"
        " until it is set right"
    )
    assert clock_check(client) == ("degraded", words)
    assert words.replace("'", "&#39;") in client.get("/status").text
    assert "repopulse_clock_error_seconds 3.456e+06" in client.get("/metrics").text


def test_readyz_is_ready_with_a_small_error(client: TestClient, server: "redis.Redis") -> None:
    github_clock.record(server, ClockError(timedelta(minutes=-4), is_other_day=False))

    assert clock_check(client) == ("ready", "ok")
