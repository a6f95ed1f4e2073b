"""``/metrics``: a snapshot of the collection, and what workers counted."""

import re
from datetime import timedelta

import redis
from pydantic import SecretStr
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import backfills, collection, counters, running_workers
from common.counters import field
from common.credentials import quota_key
from common.redis_client import connect
from tests.api.conftest import MakeClient
from tests.clock import Clock
from tests.factories import add_repository, add_scan, add_user

NOWHERE = SecretStr("postgresql+psycopg2://somebody:secret@127.0.0.1:1/nothing")
NO_REDIS = SecretStr("redis://:secret@127.0.0.1:1/0")


def quota(remaining: int, resets_at: float) -> dict[str, str]:
    return {"limit": "60", "remaining": str(remaining), "resets_at": f"{resets_at:.3f}"}


def test_metrics_show_users_queues_and_quota(
    client: TestClient, connection: Connection, redis_url: str
) -> None:
    first, second = add_user(connection), add_user(connection)
    connection.execute(
        text("UPDATE users SET scanned_on = repopulse_now()::date WHERE id = :id"), {"id": first.id}
    )
    connection.execute(
        text(
            "UPDATE users SET not_before = repopulse_now() + interval '1 hour', attempts = 3"
            " WHERE id = :id"
        ),
        {"id": second.id},
    )
    backfills.add(connection, [add_repository(connection, first).id for _ in range(3)])
    with redis.Redis.from_url(redis_url) as server:
        server.hset(quota_key("anonymous", "core"), mapping=quota(41, 0))
        server.rpush("scan", "a message")
        server.hset("unacked", mapping={"1": "taken", "2": "taken"})
        collection.record_sweep(server)

    told = client.get("/metrics").text.splitlines()

    assert 'repopulse_users{what="followed"} 2.0' in told
    assert 'repopulse_users{what="due"} 1.0' in told
    assert 'repopulse_users{what="waiting"} 1.0' in told
    assert 'repopulse_users{what="failing"} 1.0' in told
    assert "repopulse_star_histories_waiting 3.0" in told
    assert 'repopulse_queue_messages{queue="scan"} 1.0' in told
    assert 'repopulse_github_points_remaining{resource="core"} 41.0' in told
    assert "repopulse_unfinished_messages 2.0" in told
    (age,) = [line.split()[1] for line in told if line.startswith("repopulse_sweep_age_seconds ")]
    assert 0 <= float(age) < 60


def test_metrics_count_overdue_users(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    add_user(connection)
    assert "repopulse_overdue_users 0.0" in client.get("/metrics").text

    clock.advance(timedelta(hours=27))

    assert "repopulse_overdue_users 1.0" in client.get("/metrics").text


def test_metrics_show_the_age_of_the_last_completed_day(
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


def test_metrics_without_redis_show_users(make_client: MakeClient) -> None:
    told = make_client(redis_url=NO_REDIS).get("/metrics")

    assert told.status_code == 200
    assert "repopulse_users" in told.text
    assert "repopulse_sweep_age_seconds" not in told.text
    assert "repopulse_scans_total" not in told.text
    assert "repopulse_workers" not in told.text


def test_metrics_without_postgres_show_queues(make_client: MakeClient) -> None:
    told = make_client(database_url=NOWHERE).get("/metrics")

    assert told.status_code == 200
    assert "repopulse_users" not in told.text
    assert "repopulse_overdue_users" not in told.text
    assert 'repopulse_queue_messages{queue="scan"} 0.0' in told.text


def test_metrics_show_when_githubs_quota_resets(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        now, _ = server.time()
        server.hset(quota_key("anonymous", "core"), mapping=quota(9, now + 600.25))
        server.hset(quota_key("anonymous", "graphql"), mapping=quota(9, now - 5))

    told = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())

    assert 540 < float(told['repopulse_github_reset_seconds{resource="core"}']) <= 601
    assert told['repopulse_github_reset_seconds{resource="graphql"}'] == "0.0"


def test_metrics_show_every_counter_of_the_workers_from_the_start(client: TestClient) -> None:
    told = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())
    counted = {
        name: value
        for name, value in told.items()
        if re.match("repopulse_(scans|rows_written|github_requests)_total", name)
    }

    assert len(counted) == len(counters.OUTCOMES) + 1 + 2 * len(counters.MEANINGS)
    assert set(counted.values()) == {"0.0"}
    assert 'repopulse_github_requests_total{meaning="query_wrong",resource="core"}' in counted


def test_metrics_show_what_workers_counted(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        for _ in range(2):
            counters.add(
                server,
                {
                    field(counters.SCANS, "done"): 2,
                    field(counters.ROWS): 31,
                    field(counters.REQUESTS, "graphql", "data"): 3,
                    field(counters.DURATIONS, "graphql", "0.25"): 2,
                    field(counters.DURATIONS, "graphql", "+Inf"): 1,
                    field(counters.SECONDS, "graphql"): 35.25,
                    field(counters.REQUESTS, "graphql", "of a later release"): 1,
                },
            )

    told = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())

    assert told['repopulse_scans_total{outcome="done"}'] == "4.0"
    assert told["repopulse_rows_written_total"] == "62.0"
    assert told['repopulse_github_requests_total{meaning="data",resource="graphql"}'] == "6.0"
    duration = "repopulse_github_request_duration_seconds"
    assert told[f'{duration}_bucket{{le="0.1",resource="graphql"}}'] == "0.0"
    assert told[f'{duration}_bucket{{le="0.25",resource="graphql"}}'] == "4.0"
    assert told[f'{duration}_bucket{{le="30.0",resource="graphql"}}'] == "4.0"
    assert told[f'{duration}_bucket{{le="+Inf",resource="graphql"}}'] == "6.0"
    assert told[f'{duration}_count{{resource="graphql"}}'] == "6.0"
    assert told[f'{duration}_sum{{resource="graphql"}}'] == "70.5"
    assert not any("later" in name for name in told)


def test_metrics_count_the_workers_that_run(client: TestClient, redis_url: str) -> None:
    assert "\nrepopulse_workers 0.0\n" in client.get("/metrics").text

    with connect(redis_url) as server:
        running_workers.note(server, "worker@host")

    assert "\nrepopulse_workers 1.0\n" in client.get("/metrics").text
