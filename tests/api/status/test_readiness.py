"""``/readyz`` and ``/healthz``: what is missing, and what keeps the collection from going on."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Connection, make_url, text
from starlette.testclient import TestClient

from api.status import servers, snapshot
from common import collection, problems, users
from common.broker import Queue
from common.credentials import Token, expiry_key, fingerprint, refusal_key
from common.states import ScanState
from tests.api.conftest import MakeClient
from tests.clock import Clock
from tests.factories import ONE_DAY, add_scan, add_user
from tests.servers import Databases
from tests.waiting import wait_until

NOWHERE = SecretStr("postgresql+psycopg2://somebody:secret@127.0.0.1:1/nothing")
NO_REDIS = SecretStr("redis://:secret@127.0.0.1:1/0")


def test_readyz_is_ready_if_everything_is_there(client: TestClient) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {
            "postgres": "ok",
            "redis": "ok",
            "migrations": "ok",
            "processes": "ok",
            "credentials": "ok",
            "github": "ok",
            "users": "ok",
            "queue": "ok",
            "clock": "ok",
        },
    }


def test_healthz_is_ok_while_servers_are_down(make_client: MakeClient) -> None:
    answer = make_client(database_url=NOWHERE, redis_url=NO_REDIS).get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_is_503_without_postgres(make_client: MakeClient) -> None:
    answer = make_client(database_url=NOWHERE).get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {
            "postgres": "does not answer",
            "redis": "ok",
            "migrations": "not known: Postgres does not answer",
            "processes": "ok",
            "credentials": "ok",
            "github": "ok",
            "users": "not known: Postgres does not answer",
            "queue": "ok",
            "clock": "ok",
        },
    }


def test_readyz_says_that_postgres_allows_no_more_connections(
    make_client: MakeClient, connection: Connection, database_url: str
) -> None:
    connection.execute(text("CREATE ROLE crowded LOGIN PASSWORD 'secret' CONNECTION LIMIT 0"))
    url = make_url(database_url).set(username="crowded", password="secret")
    crowded = SecretStr(url.render_as_string(hide_password=False))

    answer = make_client(database_url=crowded).get("/readyz")
    connection.execute(text("DROP ROLE crowded"))

    assert answer.status_code == 503
    assert answer.json()["checks"]["postgres"] == "it or its role allows no more connections"


def test_readyz_names_a_postgres_that_is_too_old(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No older server is at hand: the bound moves instead.
    monkeypatch.setattr(servers, "OLDEST_POSTGRES", 99)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "Repopulse needs 99 or newer" in answer.json()["checks"]["postgres"]


def test_readyz_is_503_without_redis(make_client: MakeClient) -> None:
    answer = make_client(redis_url=NO_REDIS).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "postgres": "ok",
        "redis": "does not answer",
        "migrations": "ok",
        "processes": "not known: Redis does not answer",
        "credentials": "not known: Redis does not answer",
        "github": "not known: Redis does not answer",
        "users": "ok",
        "queue": "not known: Redis does not answer",
        "clock": "not known: Redis does not answer",
    }


def test_readyz_reports_a_wrong_redis_password(make_client: MakeClient, redis_url: str) -> None:
    wrong = SecretStr(
        redis_url.replace(redis_url.split("@", maxsplit=1)[0], "redis://:wrong-secret")
    )

    answer = make_client(redis_url=wrong).get("/readyz")

    assert answer.json()["checks"]["redis"] == "refuses the password"


def test_readyz_reports_a_database_that_was_never_migrated(
    make_client: MakeClient, databases: Databases
) -> None:
    with databases.fresh(migrated=False) as url:
        answer = make_client(database_url=SecretStr(url)).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == (
        "the database is empty: run `python -m migrations`"
    )
    assert answer.json()["checks"]["users"] == "not known: the database is not migrated"


def test_readyz_reports_a_database_of_an_earlier_release(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"].startswith(
        "the database is at 0001, this release needs "
    )


def test_readyz_is_ready_with_a_database_of_a_later_release(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (200, "ok")


def test_readyz_reveals_no_address_and_no_password(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_url=NOWHERE, redis_url=NO_REDIS)

    told = client.get("/readyz").text + client.get("/v1/users").text

    for secret in ("secret", "127.0.0.1", "somebody", "nothing"):
        assert secret not in told
    assert "secret" not in caplog.text


def test_readyz_is_degraded_if_github_refuses_the_credentials(
    make_client: MakeClient, redis_url: str
) -> None:
    client = make_client(github_token=SecretStr("bad"))
    with redis.Redis.from_url(redis_url) as server:
        server.set(refusal_key(fingerprint(Token(SecretStr("bad")))), "1")

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["credentials"].startswith("GitHub refuses them")
    assert "repopulse_github_credentials_refused 1.0" in client.get("/metrics").text


def test_refusal_of_another_token_does_not_count(make_client: MakeClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        server.set(refusal_key(fingerprint(Token(SecretStr("bad")))), "1")

    assert make_client(github_token=SecretStr("good")).get("/readyz").json()["status"] == "ready"


@pytest.mark.parametrize(
    ("days", "status"),
    [
        (14.1, "ready"),
        (13.9, "ready"),
        (3.1, "ready"),
        (2.9, "degraded"),
        (-1, "degraded"),
    ],
)
def test_readyz_warns_fourteen_days_before_the_token_expires(
    make_client: MakeClient, redis_url: str, days: float, status: str
) -> None:
    client = make_client(github_token=SecretStr("good"))
    expires = datetime.now(UTC) + timedelta(days=days)
    with redis.Redis.from_url(redis_url) as server:
        server.set(expiry_key(fingerprint(Token(SecretStr("good")))), expires.timestamp())

    answer = client.get("/readyz").json()

    verb, when = ("expires", "before") if days > 0 else ("expired", "now")
    words = f"the token {verb} on {expires:%Y-%m-%d at %H:%M} UTC: replace it {when}"
    assert answer["checks"]["credentials"] == ("ok" if days > 14 else words)
    assert answer["status"] == status
    (seconds,) = re.findall(
        r"^repopulse_github_token_expiry_seconds (\S+)$", client.get("/metrics").text, re.MULTILINE
    )
    assert float(seconds) == pytest.approx(days * 86400, abs=120)
    assert f"{expires:%H:%M}" in client.get("/status").text


def test_token_that_does_not_expire_is_not_mentioned(client: TestClient) -> None:
    assert "token_expiry" not in client.get("/metrics").text
    assert "The token expires" not in client.get("/status").text


def test_readyz_tells_why_a_worker_cannot_start(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        for worker in ("worker@a", "worker@b"):
            problems.report(server, problems.START, worker, "cannot start", "ALL_PROXY: no")
        problems.report(server, problems.START, "beat@a", "cannot start", "DATA_DIR: no")
        answer = client.get("/readyz")
        told = "worker cannot start: ALL_PROXY: no; beat cannot start: DATA_DIR: no"
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["checks"]["processes"] == told
        assert told in client.get("/status").text

        for process in ("worker@a", "worker@b", "beat@a"):
            problems.end(server, problems.START, process)
    assert client.get("/readyz").json()["status"] == "ready"


def test_process_that_is_gone_is_not_told(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        seconds, _ = server.time()
        for process, age in {"worker@a": 660, "beat@a": 540}.items():
            stored = {
                "since": seconds - 900,
                "seen": seconds - age,
                "what": "cannot start",
                "why": "x",
            }
            server.hset("repopulse:problems:start", process, json.dumps(stored))

    assert client.get("/readyz").json()["checks"]["processes"] == "beat cannot start: x"


TODAY = date(2024, 3, 10)


def checks(client: TestClient) -> dict[str, str]:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()["checks"]
    wrong = {part for part, check in told.items() if check != "ok"}
    assert answer.json()["status"] == ("degraded" if wrong else "ready")
    return told


# Overdue users


def at(hour: int, minute: int = 0, *, days: int = 0) -> datetime:
    return datetime(2024, 3, 10, hour, minute, tzinfo=UTC) + days * ONE_DAY


def test_user_is_overdue_26_hours_after_the_last_scan(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(11, 58, days=1))
    assert checks(client)["users"] == "ok"
    clock.set(at(12, 2, days=1))
    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_user_without_a_scan_is_overdue_26_hours_after_being_added(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    for _ in range(2):
        add_user(connection)

    clock.set(at(11, 58, days=1))
    assert checks(client)["users"] == "ok"
    clock.set(at(12, 2, days=1))
    assert checks(client)["users"] == "2 users were not scanned for 26 hours"


def test_scan_that_ended_after_its_day_counts_from_its_end(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(0, 10, days=1))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(2, 5, days=2))
    assert checks(client)["users"] == "ok"
    clock.set(at(2, 15, days=2))
    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


@pytest.mark.parametrize("days", [2, 3, 40])
def test_user_stays_overdue_until_scanned(
    client: TestClient, connection: Connection, clock: Clock, days: int
) -> None:
    clock.set(at(0, 10))
    add_scan(connection, add_user(connection), TODAY)

    clock.set(at(0, 10, days=days))

    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_failed_day_does_not_count_as_a_scan(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    user = add_user(connection)
    add_scan(connection, user, TODAY)
    clock.set(at(13, days=1))
    add_scan(connection, user, TODAY + ONE_DAY, ScanState.FAILED)

    assert checks(client)["users"] == "1 user was not scanned for 26 hours"


def test_vanished_user_is_not_overdue(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    clock.set(at(10))
    user = add_user(connection)
    for day in (TODAY, TODAY + ONE_DAY):
        users.mark_missing(connection, user.id, day)

    clock.advance(timedelta(days=9))

    assert checks(client)["users"] == "0 of 1 recorded, 1 not found at GitHub"


@pytest.mark.usefixtures("usual_timeout")
def test_count_that_takes_too_long_does_not_delay_the_answer(
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

    assert checks(client)["users"] == "not known: counting them failed or took too long"


def test_count_that_fails_is_not_known(client: TestClient, connection: Connection) -> None:
    add_user(connection)
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION repopulse_now() RETURNS timestamptz LANGUAGE plpgsql"
            " AS $$BEGIN RAISE EXCEPTION 'broken'; END$$"
        )
    )

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["users"] == "not known: counting them failed or took too long"


# Sweeps and the queue


@pytest.fixture
def server(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def test_redis_that_is_full_is_degraded(client: TestClient, server: "redis.Redis") -> None:
    server.config_set("maxmemory", "1")
    try:
        answer = client.get("/readyz")
    finally:
        server.config_set("maxmemory", "0")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"] == "is full: raise its maxmemory"


def test_redis_of_another_installation_is_degraded(
    client: TestClient, server: "redis.Redis"
) -> None:
    server.set("repopulse:installation", "of another")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"].startswith("is used by another installation")


def test_redis_that_refuses_a_command_says_which(
    make_client: MakeClient, server: "redis.Redis", redis_url: str
) -> None:
    server.acl_setuser(
        "app",
        enabled=True,
        passwords=["+pw"],
        keys=["*"],
        channels=["*"],
        commands=["+@all", "-lpush"],
    )
    as_app = SecretStr(f"redis://app:pw@{redis_url.partition('@')[2]}")
    try:
        answer = make_client(redis_url=as_app).get("/readyz")
    finally:
        server.acl_deluser("app")

    # History is served all the same.
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"].endswith("> +lpush")


def swept(server: "redis.Redis", *, ago: timedelta) -> None:
    """Make the last sweep this old."""
    server.delete(*server.keys("repopulse:*") or ["none"])
    collection.record_sweep(server)
    (key,) = server.keys("repopulse:*")
    server.set(key, float(server.get(key) or 0) - ago.total_seconds())


def test_recent_sweep_is_ok(client: TestClient, server: "redis.Redis") -> None:
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
def test_late_sweep_with_an_empty_queue_points_to_beat(
    client: TestClient, server: "redis.Redis", ago: timedelta, told: str
) -> None:
    swept(server, ago=ago)

    assert checks(client)["queue"] == (
        f"no sweep ended for {told}: check that beat runs, and the log of the workers"
    )


def test_late_sweep_with_waiting_messages_points_to_the_workers(
    client: TestClient, server: "redis.Redis"
) -> None:
    swept(server, ago=timedelta(minutes=12))
    server.rpush(Queue.CONTROL, "a sweep", "a sweep")
    server.rpush(Queue.LOAD, "a load")

    assert checks(client)["queue"] == (
        "no worker takes tasks: 3 messages wait, the last sweep ended 12 minutes ago"
    )


def test_late_sweep_is_judged_by_the_sweep_interval(
    make_client: MakeClient, server: "redis.Redis"
) -> None:
    client = make_client(sweep_interval=600)
    swept(server, ago=timedelta(minutes=49))
    assert checks(client)["queue"] == "ok"

    swept(server, ago=timedelta(minutes=51))
    assert checks(client)["queue"].startswith("no sweep ended for 51 minutes")


def test_missing_sweep_counts_from_the_start_of_the_api(
    make_client: MakeClient, server: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_LATE_SWEEP", 3.0)
    client = make_client(sweep_interval=0.1)
    assert checks(client)["queue"] == "ok"

    wait_until(lambda: checks(client)["queue"] != "ok", 30)
    assert checks(client)["queue"].startswith("no sweep ended yet: ")

    server.rpush(Queue.CONTROL, "a sweep")
    assert checks(client)["queue"] == ("no worker takes tasks: 1 message waits, no sweep ended yet")
    collection.record_sweep(server)
    assert checks(client)["queue"] == "ok"


def test_emptied_redis_is_ok_until_a_sweep_is_late(
    client: TestClient, server: "redis.Redis"
) -> None:
    swept(server, ago=timedelta(minutes=1))
    assert checks(client)["queue"] == "ok"
    server.flushall()

    assert checks(client)["queue"] == "ok"
