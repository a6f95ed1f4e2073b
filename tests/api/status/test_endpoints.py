"""``/healthz``, ``/readyz`` and ``/metrics``."""

import re
from datetime import timedelta

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import collection
from common.credentials import Token, fingerprint, quota_key, refusal_key
from tests.api.conftest import MakeClient
from tests.clock import Clock
from tests.factories import add_scan, add_user
from tests.servers import Databases

NOWHERE = SecretStr("postgresql+psycopg2://somebody:secret@127.0.0.1:1/nothing")
NO_REDIS = SecretStr("redis://:secret@127.0.0.1:1/0")


def test_a_whole_system_is_ready(client: TestClient) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {
            "postgres": "ok",
            "redis": "ok",
            "migrations": "ok",
            "credentials": "ok",
            "users": "ok",
            "queue": "ok",
        },
    }


def test_a_living_process_is_healthy_whatever_else_is_down(make_client: MakeClient) -> None:
    answer = make_client(database_url=NOWHERE, redis_url=NO_REDIS).get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_postgres_it_is_not_ready(make_client: MakeClient) -> None:
    answer = make_client(database_url=NOWHERE).get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {
            "postgres": "does not answer",
            "redis": "ok",
            "migrations": "not known: Postgres does not answer",
            "credentials": "ok",
            "users": "not known: Postgres does not answer",
            "queue": "ok",
        },
    }


def test_without_redis_it_is_not_ready(make_client: MakeClient) -> None:
    answer = make_client(redis_url=NO_REDIS).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "postgres": "ok",
        "redis": "does not answer",
        "migrations": "ok",
        "credentials": "not known: Redis does not answer",
        "users": "ok",
        "queue": "not known: Redis does not answer",
    }


def test_a_wrong_password_of_redis_is_told_without_it(
    make_client: MakeClient, redis_url: str
) -> None:
    wrong = SecretStr(
        redis_url.replace(redis_url.split("@", maxsplit=1)[0], "redis://:wrong-secret")
    )

    answer = make_client(redis_url=wrong).get("/readyz")

    assert answer.json()["checks"]["redis"] == "refuses our password"


def test_a_database_that_was_never_migrated_is_told(
    make_client: MakeClient, databases: Databases
) -> None:
    with databases.fresh(migrated=False) as url:
        answer = make_client(database_url=SecretStr(url)).get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == (
        "the database is empty: run `python -m migrations`"
    )
    assert answer.json()["checks"]["users"] == "not known: the database is not migrated"


def test_a_database_of_an_earlier_release_is_told(
    client: TestClient, connection: Connection
) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"].startswith(
        "the database is at 0001, this release needs "
    )


def test_a_database_of_a_later_release_is_ready(client: TestClient, connection: Connection) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (200, "ok")


def test_no_address_and_no_password_is_told(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(database_url=NOWHERE, redis_url=NO_REDIS)

    told = client.get("/readyz").text + client.get("/v1/users").text

    for secret in ("secret", "127.0.0.1", "somebody", "nothing"):
        assert secret not in told
    assert "secret" not in caplog.text


def test_refused_credentials_are_told_while_requests_are_served(
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


def test_another_token_is_not_the_refused_one(make_client: MakeClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        server.set(refusal_key(fingerprint(Token(SecretStr("bad")))), "1")

    assert make_client(github_token=SecretStr("good")).get("/readyz").json()["status"] == "ready"


def test_metrics_say_who_is_due_what_waits_and_what_github_allows(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    first, second = add_user(connection), add_user(connection)
    connection.execute(
        text("UPDATE users SET scanned_on = repopulse_now()::date WHERE id = :id"), {"id": first.id}
    )
    connection.execute(
        text("UPDATE users SET not_before = 'infinity', attempts = 3 WHERE id = :id"),
        {"id": second.id},
    )
    with redis.Redis.from_url(redis_url) as server:
        server.hset(quota_key("anonymous", "core"), "remaining", "41")
        server.rpush("scan", "a message")
        server.hset("unacked", mapping={"1": "taken", "2": "taken"})
        collection.record_sweep(server)

    told = client.get("/metrics").text.splitlines()

    assert 'repopulse_users{what="followed"} 2.0' in told
    assert 'repopulse_users{what="due"} 1.0' in told
    assert 'repopulse_users{what="waiting"} 1.0' in told
    assert 'repopulse_users{what="failing"} 1.0' in told
    assert 'repopulse_queue_messages{queue="scan"} 1.0' in told
    assert 'repopulse_github_points_remaining{resource="core"} 41.0' in told
    assert "repopulse_unfinished_messages 2.0" in told
    (age,) = [line.split()[1] for line in told if line.startswith("repopulse_sweep_age_seconds ")]
    assert 0 <= float(age) < 60


def test_metrics_count_who_is_overdue(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_user(connection)
    assert "repopulse_overdue_users 0.0" in client.get("/metrics").text

    clock.advance(timedelta(hours=27))

    assert "repopulse_overdue_users 1.0" in client.get("/metrics").text


def test_metrics_say_when_everybody_was_last_scanned(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_scan(connection, add_user(connection), clock.today())
    before = client.get("/metrics").text
    collection.record_completed_day(connection)
    clock.advance(timedelta(hours=3))

    told = client.get("/metrics").text

    assert "repopulse_complete_fan_out_age_seconds" not in before
    (age,) = re.findall(r"^repopulse_complete_fan_out_age_seconds (.+)$", told, re.MULTILINE)
    assert 10800 <= float(age) < 10860


def test_metrics_go_on_without_redis(make_client: MakeClient) -> None:
    told = make_client(redis_url=NO_REDIS).get("/metrics")

    assert told.status_code == 200
    assert "repopulse_users" in told.text
    assert "repopulse_sweep_age_seconds" not in told.text


def test_metrics_go_on_without_postgres(make_client: MakeClient) -> None:
    told = make_client(database_url=NOWHERE).get("/metrics")

    assert told.status_code == 200
    assert "repopulse_users" not in told.text
    assert "repopulse_overdue_users" not in told.text
    assert 'repopulse_queue_messages{queue="scan"} 0.0' in told.text


def test_metrics_say_when_githubs_hour_begins_anew(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        now, _ = server.time()
        server.hset(quota_key("anonymous", "core"), "resets_at", f"{now + 600.25:.3f}")
        server.hset(quota_key("anonymous", "graphql"), "resets_at", f"{now - 5:.3f}")

    told = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())

    assert 540 < float(told['repopulse_github_reset_seconds{resource="core"}']) <= 601
    assert told['repopulse_github_reset_seconds{resource="graphql"}'] == "0.0"
