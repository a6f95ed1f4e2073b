"""A session that Postgres ends during a request is retried; an unconfirmed commit is a 503."""

import itertools
import operator
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import httpx2
import pytest
from sqlalchemy import Connection, Engine, event, text
from starlette.testclient import TestClient

from common.broker import Queue
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import sent
from tests.waiting import wait_until

ALLIEN = {"id": 1428904, "login": "allien", "name": "Allien Delon"}

OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"
API = {"name": "repopulse-api"}

CALLS = [
    ("PUT", "/v1/users", ALLIEN, 201),
    ("PUT", "/v1/users", {"login": "octocat"}, 202),
    ("GET", "/v1/users", None, 200),
    ("GET", "/v1/users/5", None, 200),
    ("GET", "/v1/users/5/stats", None, 200),
    ("GET", "/v1/users/5/scans", None, 200),
    ("GET", "/v1/lookups/1", None, 200),
    ("DELETE", "/v1/users/5", None, 200),
]


@pytest.fixture
def client(make_client: MakeClient, connection: Connection) -> TestClient:
    made = make_client(lookup_wait=0)
    factories.add_user(connection, 5)
    connection.execute(text("INSERT INTO lookups (login) VALUES ('defunkt')"))
    return made


def blocked(connection: Connection, *, but: int = 0) -> Callable[[], int]:
    """Return a function that finds a blocked session of the API, 0 if there is none."""

    def find() -> int:
        found: int | None = connection.execute(
            text(f"SELECT pid {OURS} AND wait_event_type = 'Lock' AND pid <> :but"),
            API | {"but": but},
        ).scalar()
        return found or 0

    return find


def end(connection: Connection, session: int) -> None:
    connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": session})


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Block every call in the middle."""
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE users, lookups IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_request_whose_session_ends_is_retried(
    client: TestClient, connection: Connection, engine: Engine, call: tuple[str, str, object, int]
) -> None:
    method, path, body, status = call
    with ThreadPoolExecutor(1) as pool:
        with locked(engine):
            answer = pool.submit(client.request, method, path, json=body)
            session = wait_until(blocked(connection))
            end(connection, session)
            wait_until(blocked(connection, but=session))
        assert answer.result().status_code == status


def test_a_request_is_retried_only_once(
    client: TestClient, connection: Connection, engine: Engine
) -> None:
    with ThreadPoolExecutor(1) as pool, locked(engine):
        answer = pool.submit(client.get, "/v1/users/5")
        first = wait_until(blocked(connection))
        end(connection, first)
        end(connection, wait_until(blocked(connection, but=first)))

        assert answer.result(10).status_code == 503
        assert answer.result().headers["retry-after"] == "5"


@pytest.fixture
def unconfirmed_commit() -> Iterator[Event]:
    """Once set, the next transaction is committed, and its connection is cut before the reply."""

    def commit_and_cut(committing: Connection) -> None:
        driver = committing.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor:
            cursor.execute("COMMIT")
        with socket.socket(fileno=os.dup(driver.fileno())) as own:
            own.shutdown(socket.SHUT_RDWR)

    is_armed = Event()

    def act_once(committing: Connection) -> None:
        if is_armed.is_set():
            is_armed.clear()
            commit_and_cut(committing)

    event.listen(Engine, "commit", act_once)
    yield is_armed
    event.remove(Engine, "commit", act_once)
    assert not is_armed.is_set()


def is_unconfirmed(answer: httpx2.Response) -> bool:
    """Return whether the answer says that the commit was not confirmed."""
    return (
        answer.status_code == 503
        and answer.headers["retry-after"] == "5"
        and "may or may not be saved" in answer.json()["detail"]
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/v1/users", ALLIEN, 200),
        ("PUT", "/v1/users", {"login": "allien"}, 202),
        ("POST", "/v1/users/5/scan", None, 202),
        ("DELETE", "/v1/users/5", None, 404),
    ],
)
def test_an_unconfirmed_commit_is_503_and_the_request_may_be_repeated(
    *,
    client: TestClient,
    unconfirmed_commit: Event,
    method: str,
    path: str,
    body: object,
    status: int,
) -> None:
    unconfirmed_commit.set()

    first = client.request(method, path, json=body)
    again = client.request(method, path, json=body)

    assert is_unconfirmed(first)
    assert again.status_code == status


def test_what_an_unconfirmed_commit_saved_is_due_for_the_sweep(
    make_client: MakeClient, redis_url: str, connection: Connection, unconfirmed_commit: Event
) -> None:
    client = make_client(lookup_wait=0, load_lease=0.0)
    unconfirmed_commit.set()
    assert is_unconfirmed(client.put("/v1/users", json=ALLIEN))
    unconfirmed_commit.set()
    assert is_unconfirmed(client.put("/v1/users", json={"login": "octocat"}))

    assert sent(redis_url, Queue.LOAD) == []
    due = text(
        "SELECT login FROM users WHERE lease_until <= repopulse_now()"
        " UNION SELECT login FROM lookups WHERE lease_until <= repopulse_now()"
    )
    assert set(connection.execute(due).scalars()) >= {"allien", "octocat"}


@pytest.mark.fault
def test_sessions_that_end_all_the_time_make_clients_repeat_at_most_once(
    client: TestClient, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    is_over = Event()
    rounds = [0] * 6

    def write(status: int, repeated: int, method: str, path: str, body: object = None) -> None:
        answer = client.request(method, path, json=body)
        if is_unconfirmed(answer):
            again = client.request(method, path, json=body)
            assert again.status_code in {status, repeated}
        else:
            assert answer.status_code == status

    def ask(number: int) -> None:
        mine = {"id": 1000 + number, "login": f"user-{number}"}
        for turn in itertools.count():
            if is_over.is_set():
                return
            path = f"/v1/users/{mine['id']}"
            write(201, 200, "PUT", "/v1/users", mine)
            # What only reads is never affected.
            assert client.get("/v1/users").status_code == 200
            assert client.put("/v1/users", json=mine).status_code == 200
            assert client.get(f"{path}/stats").status_code == 200
            write(202, 202, "PUT", "/v1/users", {"login": f"login-{number}-{turn}"})
            assert client.get("/readyz").status_code == 200
            write(200, 404, "DELETE", path)
            rounds[number] += 1

    with ThreadPoolExecutor(6) as pool:
        asking: list[Future[None]] = [pool.submit(ask, number) for number in range(6)]
        try:
            for _ in range(25):
                # No request meets two of them: what was served at the last one has ended.
                ended = [turn + 1 for turn in rounds]
                wait_until(lambda: all(map(operator.ge, rounds, ended)), 20)  # noqa: B023 - at once
                connection.execute(text(f"SELECT pg_terminate_backend(pid) {OURS}"), API)
        finally:
            is_over.set()
    for one in asking:
        one.result()
    # Not by luck.
    assert "database session ended, retrying once" in caplog.text
