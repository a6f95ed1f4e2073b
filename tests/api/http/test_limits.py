"""The limit of concurrent requests and the deadline: beyond them 503, never a hang."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from api.http import limits
from common.settings import Settings
from tests.api.conftest import MakeClient
from tests.waiting import wait_until


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Block every request for users, each with a thread and a connection."""
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        yield


def at_work(connection: Connection) -> int:
    """Return the number of blocked requests."""
    count: int = connection.execute(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'repopulse-api' AND wait_event_type = 'Lock'"
        )
    ).scalar_one()
    return count


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as made:
        yield made


@pytest.fixture
def impatient(make_client: MakeClient) -> TestClient:
    """The application with a deadline of two seconds."""
    return make_client(deadline=2, lookup_wait=0)


def test_requests_are_answered_by_the_deadline_even_while_waiting_for_a_thread(
    impatient: TestClient, connection: Connection, engine: Engine, pool: ThreadPoolExecutor
) -> None:
    with locked(engine):
        asked = [pool.submit(impatient.get, "/v1/users") for _ in range(24)]
        wait_until(lambda: at_work(connection) == 16)
        answers = [one.result(15) for one in asked]

    for answer in answers:
        assert answer.status_code == 503
        assert answer.json() == {
            "detail": "The request took longer than 2 seconds. Try again in a moment."
        }
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["x-request-id"]
    # Requests that waited for a thread have ended, and the threads of the others are free again.
    wait_until(lambda: at_work(connection) == 0)
    assert impatient.get("/v1/users").json() == []


def test_a_request_answered_late_is_still_carried_out(
    impatient: TestClient, engine: Engine, pool: ThreadPoolExecutor
) -> None:
    with locked(engine):
        answer = pool.submit(impatient.put, "/v1/users", json={"id": 5, "login": "allien"})
        assert answer.result(15).status_code == 503

    wait_until(lambda: impatient.get("/v1/users/5").status_code == 200)


def test_a_body_that_never_arrives_is_answered_by_the_deadline() -> None:
    sent: list[Message] = []

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()

    async def nothing() -> Message:
        await asyncio.sleep(10)
        return {}

    async def tell(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": "/v1/users"}
    asyncio.run(limits.RequestLimits(read, max_requests=1, deadline=0.1)(scope, nothing, tell))

    assert sent[0]["status"] == 503


@pytest.mark.parametrize(("lookup_wait", "seconds"), [(0, 20), (5, 20), (30, 40)])
def test_the_deadline_leaves_time_for_a_lookup(lookup_wait: float, seconds: float) -> None:
    assert limits.request_deadline(Settings(lookup_wait=lookup_wait)) == seconds


def test_requests_over_the_limit_are_answered_503_at_once(
    make_client: MakeClient,
    connection: Connection,
    engine: Engine,
    pool: ThreadPoolExecutor,
) -> None:
    client = make_client(max_requests=20)
    with locked(engine):
        asked = [pool.submit(client.get, "/v1/users/5") for _ in range(32)]
        wait_until(lambda: sum(one.done() for one in asked) == 12)
        refused = [one.result() for one in asked if one.done()]
        wait_until(lambda: at_work(connection) == 16)
        head = client.head("/v1/lookups/5")
        assert (head.status_code, head.content) == (503, b"")
        assert client.get("/healthz").status_code == 200

    for answer in refused:
        assert answer.status_code == 503
        assert answer.json() == {"detail": "Too many concurrent requests. Try again in a moment."}
        assert answer.headers["retry-after"] == "5"
    # The admitted requests are served.
    assert sorted(one.result(30).status_code for one in asked) == [404] * 20 + [503] * 12
    assert client.get("/v1/lookups/5").status_code == 404
