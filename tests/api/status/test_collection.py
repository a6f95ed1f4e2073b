"""``/readyz`` names what keeps the collection from going on, while requests are served."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import redis
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from api.status import collection as collection_checks
from common import collection, users
from common.broker import Queue
from common.states import ScanState
from tests.api.conftest import MakeClient
from tests.clock import Clock
from tests.factories import ONE_DAY, add_scan, add_user
from tests.waiting import wait_until

TODAY = date(2024, 3, 10)


def checks(client: TestClient) -> dict[str, str]:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()["checks"]
    wrong = {part for part, check in told.items() if check != "ok"}
    assert answer.json()["status"] == ("degraded" if wrong else "ready")
    return told


# Who is overdue


def at(hour: int, minute: int = 0, *, days: int = 0) -> datetime:
    return datetime(2024, 3, 10, hour, minute, tzinfo=UTC) + days * ONE_DAY


def test_who_was_scanned_yesterday_is_overdue_after_26_hours(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(11, 58, days=1))
    assert checks(client)["users"] == "ok"
    clock.set(at(12, 2, days=1))
    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_who_was_never_scanned_is_overdue_26_hours_after_the_user_was_added(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    for _ in range(2):
        add_user(connection)

    clock.set(at(11, 58, days=1))
    assert checks(client)["users"] == "ok"
    clock.set(at(12, 2, days=1))
    assert checks(client)["users"] == "2 users were not scanned for 26 hours"


def test_a_scan_that_ended_after_its_day_counts_from_its_end(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(0, 10, days=1))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(2, 5, days=2))
    assert checks(client)["users"] == "ok"
    clock.set(at(2, 15, days=2))
    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


@pytest.mark.parametrize("days", [2, 3, 40])
def test_who_was_forgotten_stays_overdue(
    client: TestClient, connection: Connection, clock: Clock, days: int
) -> None:
    clock.set(at(0, 10))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(0, 10, days=days))

    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_a_day_that_failed_does_not_count_as_scanned(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    user = add_user(connection)
    add_scan(connection, user, TODAY)
    clock.set(at(13, days=1))
    add_scan(connection, user, TODAY + ONE_DAY, ScanState.FAILED)

    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_who_vanished_is_not_overdue(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    user = add_user(connection)
    for day in (TODAY, TODAY + ONE_DAY):
        users.mark_missing(connection, user.id, day)

    clock.advance(timedelta(days=9))

    assert checks(client)["users"] == "ok"


def test_a_count_that_takes_long_is_remembered(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collection_checks, "_WORTH_REMEMBERING", 0)
    monkeypatch.setattr(collection_checks, "_REST", 1_000_000)
    add_user(connection)
    assert checks(client)["users"] == "ok"

    clock.advance(timedelta(hours=27))

    assert checks(client)["users"] == "ok"


def test_a_count_that_takes_longer_than_an_answer_may_wait_does_not_hold_it_up(
    client: TestClient, connection: Connection
) -> None:
    add_user(connection)
    # As slow as with some millions of users; `repopulse_now()` is asked for once a statement.
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION repopulse_now() RETURNS timestamptz LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(4); RETURN now(); END'"
        )
    )

    assert checks(client)["users"] == "not known yet: they are being counted"


# Whether tasks are taken


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def swept(server: "redis.Redis", *, ago: timedelta) -> None:
    """Let the last sweep have come to its end so long ago."""
    server.delete(*server.keys("repopulse:*") or ["none"])
    collection.record_sweep(server)
    (key,) = server.keys("repopulse:*")
    server.set(key, float(server.get(key) or 0) - ago.total_seconds())


def test_a_sweep_a_moment_ago_is_well(client: TestClient, server: "redis.Redis") -> None:
    swept(server, ago=timedelta(minutes=4))

    assert checks(client)["queue"] == "ok"


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(minutes=12), "12 minutes"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(days=9), "9 days"),
    ],
)
def test_without_a_sweep_and_without_a_message_beat_does_not_run(
    client: TestClient, server: "redis.Redis", ago: timedelta, told: str
) -> None:
    swept(server, ago=ago)

    assert checks(client)["queue"] == (
        f"no sweep for {told}: beat does not run, or the log of the workers says more"
    )


def test_messages_that_wait_say_that_nobody_takes_them(
    client: TestClient, server: "redis.Redis"
) -> None:
    swept(server, ago=timedelta(minutes=12))
    server.rpush(Queue.CONTROL, "a sweep", "a sweep")
    server.rpush(Queue.LOAD, "a load")

    assert checks(client)["queue"] == (
        "nobody takes tasks: 3 messages wait, the last sweep was 12 minutes ago"
    )


def test_sweeps_that_are_meant_to_be_rare_are_waited_for(
    make_client: MakeClient, server: "redis.Redis"
) -> None:
    client = make_client(sweep_interval=600)
    swept(server, ago=timedelta(minutes=49))
    assert checks(client)["queue"] == "ok"

    swept(server, ago=timedelta(minutes=51))
    assert checks(client)["queue"].startswith("no sweep for 51 minutes")


def test_without_any_note_it_is_our_own_start_that_counts(
    make_client: MakeClient, server: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_checks, "_QUIET", 0.5)
    client = make_client(sweep_interval=0.1)
    assert checks(client)["queue"] == "ok"

    wait_until(lambda: checks(client)["queue"] != "ok")
    assert checks(client)["queue"].startswith("no sweep for 0 minutes: ")

    server.rpush(Queue.CONTROL, "a sweep")
    assert checks(client)["queue"] == (
        "nobody takes tasks: 1 message waits, there was no sweep yet"
    )
    collection.record_sweep(server)
    assert checks(client)["queue"] == "ok"


def test_an_emptied_redis_is_no_fault_at_once(client: TestClient, server: "redis.Redis") -> None:
    swept(server, ago=timedelta(minutes=1))
    assert checks(client)["queue"] == "ok"
    server.flushall()

    assert checks(client)["queue"] == "ok"
