"""A session that Postgres ends in the middle of a request costs the client nothing."""

import itertools
import operator
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import httpx2
import pytest
from sqlalchemy import Connection, Engine, event, text
from starlette.testclient import TestClient

from common.broker import Queue, Task
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.stand_in import sent
from tests.waiting import wait_until

ALLIEN = {"id": 1428904, "login": "allien", "name": "Allien Delon"}

OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"
API = {"name": "repopulse-api"}

CALLS = [
    ("PUT", "/v1/users", ALLIEN, 201),
    ("PUT", "/v1/users", {"login": "nobody-yet"}, 202),
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
    connection.execute(text("INSERT INTO lookups (login) VALUES ('somebody')"))
    return made


def blocked(connection: Connection, *, but: int = 0) -> Callable[[], int]:
    """Find a session of the API that waits for a lock; 0 where there is none."""

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
    """Let every call wait in the middle."""
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE users, lookups IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_request_whose_session_ends_is_carried_out_once_more(
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


def test_a_request_is_carried_out_twice_at_most(
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
def no_answer_to_the_commit(connection: Connection) -> Iterator[Event]:
    """Once set, the next transaction is committed, and its session ends before that is told."""
    is_armed = Event()

    def commit_and_end(committing: Connection) -> None:
        if not is_armed.is_set():
            return
        is_armed.clear()
        cursor = committing.connection.cursor()
        cursor.execute("COMMIT")
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone() or (0,)
        end(connection, session)

    event.listen(Engine, "commit", commit_and_end)
    yield is_armed
    event.remove(Engine, "commit", commit_and_end)
    assert not is_armed.is_set()


def test_a_user_whose_commit_was_not_confirmed_is_new_and_sent(
    client: TestClient, redis_url: str, no_answer_to_the_commit: Event
) -> None:
    no_answer_to_the_commit.set()

    answer = client.put("/v1/users", json=ALLIEN)

    assert (answer.status_code, answer.json()) == (201, ALLIEN)
    assert sent(redis_url, Queue.LOAD) == [(Task.LOAD_USER, [1428904])]


def test_a_login_whose_commit_was_not_confirmed_is_asked_once_and_sent(
    client: TestClient, redis_url: str, connection: Connection, no_answer_to_the_commit: Event
) -> None:
    no_answer_to_the_commit.set()

    answer = client.put("/v1/users", json={"login": "allien"})

    assert answer.status_code == 202
    assert sent(redis_url, Queue.LOAD) == [(Task.RESOLVE_LOGIN, [answer.json()["id"]])]
    asked = connection.execute(text("SELECT count(*) FROM lookups WHERE login = 'allien'"))
    assert asked.scalar_one() == 1


def test_a_deletion_whose_commit_was_not_confirmed_was_one(
    client: TestClient, no_answer_to_the_commit: Event
) -> None:
    user = client.get("/v1/users/5").json()
    no_answer_to_the_commit.set()

    answer = client.delete("/v1/users/5")

    assert (answer.status_code, answer.json()) == (200, user)
    assert client.delete("/v1/users/5").status_code == 404


@pytest.mark.fault
def test_sessions_that_end_all_the_time_cost_no_request(
    client: TestClient, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    is_over = Event()
    rounds = [0] * 6

    def ask(number: int) -> None:
        mine = {"id": 1000 + number, "login": f"user-{number}"}
        for turn in itertools.count():
            if is_over.is_set():
                return
            answers: list[httpx2.Response] = [
                client.put("/v1/users", json=mine),
                client.get("/v1/users"),
                client.get(f"/v1/users/{mine['id']}/stats"),
                client.put("/v1/users", json={"login": f"login-{number}-{turn}"}),
                client.get("/readyz"),
                client.delete(f"/v1/users/{mine['id']}"),
            ]
            rounds[number] += 1
            assert [answer.status_code for answer in answers] == [201, 200, 200, 202, 200, 200]

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
    assert "database session ended, trying once more" in caplog.text
