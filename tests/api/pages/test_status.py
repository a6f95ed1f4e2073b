"""``/status``: progress, components, queue and GitHub's limits, also if parts are unknown."""

import time
from datetime import time as time_of_day
from datetime import timedelta

import redis
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common import backfills, collection, credentials, scans
from common.broker import Queue
from common.credentials import Token, fingerprint
from common.settings import BackfillMode
from common.states import ScanState
from common.users import mark_missing
from local.ports import free_port
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import Element, load
from tests.clock import Clock

TOKEN = SecretStr("token")
NAME = fingerprint(Token(TOKEN))


def boxes(page: Element) -> dict[str, Element]:
    return {
        box.one("dt").text: box
        for figures in page.all("dl", class_="figures")
        for box in figures.all("div")
    }


def figures(page: Element) -> dict[str, str]:
    return {name: box.all("dd")[0].text for name, box in boxes(page).items()}


def test_users_are_counted_by_state(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    today = clock.today()
    users = [factories.add_user(connection) for _ in range(3)]
    for user in users:
        factories.add_scan(connection, user, today - timedelta(1))
    factories.add_scan(connection, users[0], today)
    factories.add_scan(
        connection, users[1], today, ScanState.WAITING, not_before=clock.now() + timedelta(hours=1)
    )

    shown = figures(load(client, "/status"))

    assert shown["Followed"] == "3"
    assert shown[f"Recorded on {today}"] == "1"
    assert shown["Due"] == "2"
    assert shown["Waiting until a set time"] == "1"
    assert shown["Failed at least once"] == "0"
    assert shown["Last day with a scan"] == today.isoformat()


def test_first_failure_counts_as_one(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    failed, _in_progress = (factories.add_user(connection) for _ in range(2))
    scans.claim(connection, limit=2, lease=60, load_lease=60, max_attempts=5, scan_at=time_of_day())
    scans.reschedule(
        connection,
        failed.id,
        clock.today(),
        state=ScanState.FAILED,
        reason="reason of a test",
        not_before=clock.now() + timedelta(seconds=30),
    )

    shown = figures(load(client, "/status"))

    assert shown["Due"] == "2"
    assert shown["Failed at least once"] == "1"


def test_last_complete_day_is_shown_with_its_end(
    client: TestClient, connection: Connection, clock: Clock
) -> None:
    day = clock.today()
    users = [factories.add_user(connection) for _ in range(2)]
    for user in users:
        factories.add_scan(connection, user, day)
    mark_missing(connection, factories.add_user(connection).id, day)
    noted = collection.record_completed_day(connection)
    clock.advance(timedelta(days=1))
    factories.add_scan(connection, users[0], clock.today())

    page = load(client, "/status")

    assert noted is not None
    box = boxes(page)["Last day with no user left due"]
    assert [cell.text for cell in box.all("dd")] == [
        day.isoformat(),
        f"2 of 3 recorded, 1 not found at GitHub, by {noted.completed_at:%Y-%m-%d %H:%M UTC}",
    ]


def test_status_without_users_shows_zeros(client: TestClient) -> None:
    shown = figures(load(client, "/status"))

    assert shown["Followed"] == "0"
    assert shown["Last day with no user left due"] == "none yet"


def test_waiting_messages_are_counted_by_queue(client: TestClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as broker:
        broker.lpush(Queue.SCAN, "one", "two")
        broker.lpush(Queue.LOAD, "three")
        collection.record_sweep(broker)

    shown = figures(load(client, "/status"))

    assert shown["Waiting in scan"] == "2"
    assert shown["Waiting in load"] == "1"
    assert shown["Last sweep"].endswith(("second ago", "seconds ago"))


def test_star_histories_that_wait_are_counted(
    make_client: MakeClient, connection: Connection
) -> None:
    user = factories.add_user(connection)
    added = [factories.add_repository(connection, user).id for _ in range(3)]
    backfills.add(connection, added)
    on = make_client(github_token=TOKEN)
    off = make_client(backfill=BackfillMode.OFF)

    for client, words in ((on, "when nothing else is due"), (off, "BACKFILL is off")):
        box = boxes(load(client, "/status"))["Star histories to be read"]
        assert [cell.text for cell in box.all("dd")] == ["3", words]


def test_quota_and_its_reset_are_shown(make_client: MakeClient, redis_url: str) -> None:
    end = time.time() + 1800
    with redis.Redis.from_url(redis_url) as client:
        client.hset(
            credentials.quota_key(NAME, "graphql"),
            mapping={"limit": 5000, "remaining": 4321, "resets_at": end},
        )
        # Of a past hour: must not be shown.
        client.hset(
            credentials.quota_key(NAME, "core"),
            mapping={"limit": 5000, "remaining": 1, "resets_at": end - 3600},
        )

    page = load(make_client(github_token=TOKEN), "/status")

    (row,) = page.all("table")[1].rows()
    assert row[:3] == ["GraphQL points", "4,321", "5,000"]
    assert row[3] == time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(end))


def test_limit_by_github_is_shown_until_it_ends(make_client: MakeClient, redis_url: str) -> None:
    client = make_client(github_token=TOKEN)
    with redis.Redis.from_url(redis_url) as broker:
        key = credentials.block_key(NAME)
        broker.hset(key, mapping={"blocked_until": time.time() + 60, "reason": "<too fast>"})
        during = load(client, "/status").one("main").text
        ended = time.time() - 60
        broker.hset(key, "blocked_until", str(ended))
        after = load(client, "/status").one("main").text

    assert "GitHub: limits requests until" in during
    assert "(<too fast>). No requests are sent before" in during
    moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ended))
    assert f"No limit is in force. The last one ended at {moment}: <too fast>." in after


def test_rejected_credentials_are_shown(make_client: MakeClient, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as broker:
        broker.set(credentials.refusal_key(NAME), "1")

    text = load(make_client(github_token=TOKEN), "/status").one("main").text

    assert "GitHub refuses them: nothing is recorded until they are changed" in text


def test_absence_of_workers_is_shown(client: TestClient) -> None:
    assert "no worker has said within 20 seconds" in load(client, "/status").one("main").text


def test_status_without_redis_shows_what_postgres_knows(
    make_client: MakeClient, connection: Connection
) -> None:
    factories.add_user(connection)
    client = make_client(redis_url=SecretStr(f"redis://127.0.0.1:{free_port()}/0"))

    page = load(client, "/status")

    assert figures(page)["Followed"] == "1"
    assert page.one("main").text.count("Unknown: Redis does not answer") == 2
    assert "unknown: Redis does not answer" in page.one("main").text


def test_status_without_postgres_shows_what_redis_knows(
    make_client: MakeClient, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as broker:
        broker.lpush(Queue.SCAN, "one")
    nowhere = SecretStr(f"postgresql+psycopg2://u:p@127.0.0.1:{free_port()}/nothing")

    page = load(make_client(database_url=nowhere), "/status")

    assert "Postgres does not answer, or counting takes too long" in page.one("main").text
    assert "Followed" not in figures(page)
    assert figures(page)["Waiting in scan"] == "1"


def test_flower_link_uses_the_host_of_the_page(make_client: MakeClient) -> None:
    client = make_client(flower_port=5777)

    assert load(client, "/status").all("a", href="http://testserver:5777")
