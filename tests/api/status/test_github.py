"""The part ``github`` of ``/readyz``, with the same words on the overview and the status page."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import problems
from common.installation import claim_github
from tests.api.conftest import MakeClient
from tests.api.pages.html import load

A, B = "worker@a", "worker@b"


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def since(server: "redis.Redis", worker: str) -> str:
    """Return what the words say of the moment since when a worker has failed."""
    stored = json.loads(server.hget(f"repopulse:problems:{problems.GITHUB}", worker) or "{}")
    moment = datetime.fromtimestamp(stored["since"], UTC)
    is_today = moment.date() == datetime.now(UTC).date()
    return f"{moment:%H:%M}" if is_today else f"{moment:%Y-%m-%d %H:%M}"


def failed(
    server: "redis.Redis",
    worker: str,
    *,
    since: timedelta,
    seen: timedelta = timedelta(),
    why: str = "name resolution failed",
) -> None:
    """Make a worker fail to reach GitHub from some time ago until another."""
    problems.report(server, problems.GITHUB, worker, "unreachable", why)
    key = f"repopulse:problems:{problems.GITHUB}"
    stored = json.loads(server.hget(key, worker) or "{}")
    stored["since"] -= since.total_seconds()
    stored["seen"] -= seen.total_seconds()
    server.hset(key, worker, json.dumps(stored))


def succeeded(server: "redis.Redis", *, ago: timedelta) -> None:
    """Make some other worker get an answer some time ago."""
    problems.end(server, problems.GITHUB, "worker@other")
    key = f"repopulse:problems:{problems.GITHUB}:last_success"
    server.set(key, float(server.get(key) or 0) - ago.total_seconds())


def told(client: TestClient) -> tuple[str, str]:
    """Return the status, and the words of the part, which each page has too."""
    answer = client.get("/readyz").json()
    words = answer["checks"]["github"]
    if words != "ok":
        for path in ("/", "/status"):
            assert words in load(client, path).one("main").text
    return answer["status"], words


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_github_is_degraded_after_five_minutes_without_an_answer(
    client: TestClient, server: "redis.Redis"
) -> None:
    failed(server, A, since=minutes(4))
    assert told(client)[0] == "ready"

    failed(server, A, since=minutes(2))

    status, words = told(client)
    assert status == "degraded"
    assert words == f"unreachable since {since(server, A)} (name resolution failed)"
    metrics = client.get("/metrics").text
    (seconds,) = re.findall(r"^repopulse_github_unreachable_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(seconds) >= 360


def test_all_workers_without_an_answer_are_one_sentence(
    client: TestClient, server: "redis.Redis"
) -> None:
    succeeded(server, ago=minutes(31))
    failed(server, A, since=minutes(30), seen=minutes(1), why="connection refused")
    failed(server, B, since=minutes(20))

    assert told(client) == (
        "degraded",
        f"unreachable since {since(server, A)} (name resolution failed)",
    )


def test_one_worker_without_an_answer_is_told_while_others_get_answers(
    client: TestClient, server: "redis.Redis"
) -> None:
    failed(server, A, since=minutes(30), seen=minutes(1))
    succeeded(server, ago=minutes(0))

    status, words = told(client)
    assert status == "degraded"
    assert words == (
        f"unreachable since {since(server, A)} (name resolution failed)"
        " for one worker, while others get answers"
    )
    assert A in load(client, "/status").one("section", aria_labelledby="github").text


def test_worker_that_was_replaced_does_not_count(client: TestClient, server: "redis.Redis") -> None:
    failed(server, A, since=minutes(60), seen=minutes(20))
    succeeded(server, ago=minutes(1))

    assert told(client) == ("ready", "ok")
    assert "repopulse_github_unreachable_seconds 0.0" in client.get("/metrics").text


def test_answer_ends_it(client: TestClient, server: "redis.Redis") -> None:
    failed(server, A, since=minutes(60))
    assert told(client)[0] == "degraded"

    problems.end(server, problems.GITHUB, A)

    assert told(client) == ("ready", "ok")


def test_failure_of_which_nothing_was_left_to_ask_is_forgotten(
    client: TestClient, server: "redis.Redis"
) -> None:
    failed(server, A, since=minutes(300), seen=minutes(170))
    assert told(client)[0] == "degraded"

    failed(server, A, since=minutes(0), seen=minutes(200))

    assert told(client) == ("ready", "ok")


def test_day_is_named_if_it_is_not_today(client: TestClient, server: "redis.Redis") -> None:
    failed(server, A, since=timedelta(days=2))

    assert f"since {since(server, A)} (" in told(client)[1]


def test_change_is_logged_once_with_the_same_words(
    client: TestClient, server: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    failed(server, A, since=minutes(30))

    with caplog.at_level(logging.INFO, "api"):
        words = told(client)[1]
        problems.end(server, problems.GITHUB, A)
        told(client)

    assert [line for line in caplog.messages if "github" in line] == [
        f"status of github: {words}",
        "status of github: ok",
    ]


def test_database_of_another_github_is_told(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(github_api_url="https://github.example.com/api/v3")
    assert told(client) == ("ready", "ok")

    claim_github(connection, "github.com")

    assert told(client) == (
        "degraded",
        "this database records github.com, and GITHUB_API_URL is an address of github.example.com",
    )
    assert told(make_client()) == ("ready", "ok")
