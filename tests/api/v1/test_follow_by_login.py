"""``PUT /v1/users`` with a login alone, and ``GET /v1/lookups/{id}``."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import lookups, users
from common.broker import Task
from common.settings import Settings
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import FakeWorker, sent
from tests.waiting import wait_until


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """The application, which waits for a lookup as long as a slow machine needs."""
    return make_client(lookup_wait=60)


def test_a_login_resolved_in_time_is_201(client: TestClient, worker: FakeWorker) -> None:
    user = factories.make_user()
    worker.knows(user)

    answer = client.put("/v1/users", json={"login": user.login})

    assert answer.status_code == 201
    assert answer.json() == {"id": user.id, "login": user.login, "name": user.name}
    assert answer.headers["location"] == f"/v1/users/{user.id}"


@pytest.mark.parametrize("login", ["allien", "ALLIEN"])
def test_a_followed_login_is_200_in_any_case_without_a_lookup(
    client: TestClient, connection: Connection, settings: Settings, login: str
) -> None:
    user = factories.add_user(connection, login="Allien")

    answer = client.put("/v1/users", json={"login": login})

    assert (answer.status_code, answer.json()["id"]) == (200, user.id)
    assert sent(settings.redis) == []


def test_a_new_login_of_a_followed_account_is_200(
    client: TestClient, connection: Connection, worker: FakeWorker
) -> None:
    user = factories.add_user(connection, login="before")
    worker.knows(user, login="after")

    answer = client.put("/v1/users", json={"login": "after"})

    assert (answer.status_code, answer.json()["login"]) == (200, "before")


def test_an_unknown_login_is_404_with_the_reason(client: TestClient, worker: FakeWorker) -> None:
    worker.fails("ghost", "GitHub has no user ghost")

    answer = client.put("/v1/users", json={"login": "ghost"})

    assert (answer.status_code, answer.json()) == (404, {"detail": "GitHub has no user ghost"})


def test_a_failed_login_can_be_requested_again(client: TestClient, worker: FakeWorker) -> None:
    worker.fails("late", "GitHub has no user late")
    client.put("/v1/users", json={"login": "late"})
    worker.knows(factories.make_user(login="late"))

    assert client.put("/v1/users", json={"login": "late"}).status_code == 201


def test_a_slow_login_is_202_with_the_url_of_the_lookup(
    make_client: MakeClient, settings: Settings
) -> None:
    client = make_client(lookup_wait=0.1)

    answer = client.put("/v1/users", json={"login": "allien"})

    lookup = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/lookups/{lookup['id']}"
    assert lookup == {
        "id": lookup["id"],
        "login": "allien",
        "state": "pending",
        "reason": None,
        "user": None,
    }
    assert client.get(answer.headers["location"]).json() == lookup
    assert sent(settings.redis) == [(Task.RESOLVE_LOGIN, [lookup["id"]])]


def test_put_waits_no_longer_than_lookup_wait(make_client: MakeClient) -> None:
    client = make_client(lookup_wait=0.2)
    begun = time.monotonic()

    client.put("/v1/users", json={"login": "allien"})

    assert 0.2 <= time.monotonic() - begun < 2


def test_two_requests_for_a_login_share_one_lookup(
    make_client: MakeClient, settings: Settings
) -> None:
    client = make_client(lookup_wait=0)

    first = client.put("/v1/users", json={"login": "allien"})
    second = client.put("/v1/users", json={"login": "Allien"})

    assert first.json() == second.json()
    assert len(sent(settings.redis)) == 1


def test_waiting_requests_hold_no_threads(
    client: TestClient, settings: Settings, worker: FakeWorker
) -> None:
    logins = [f"u{number}" for number in range(32)]
    with ThreadPoolExecutor(len(logins)) as pool:
        waiting = [pool.submit(client.put, "/v1/users", json={"login": each}) for each in logins]
        # All of them wait now, and there are only 16 threads.
        wait_until(lambda: len(sent(settings.redis)) == len(logins), seconds=30)
        assert client.get("/v1/users").status_code == 200
        assert not any(request.done() for request in waiting)
        for login in logins:
            worker.fails(login, f"GitHub has no user {login}")
        assert {request.result().status_code for request in waiting} == {404}


def test_a_done_lookup_shows_the_user(make_client: MakeClient, connection: Connection) -> None:
    client = make_client(lookup_wait=0)
    lookup = client.put("/v1/users", json={"login": "allien"}).json()
    user = factories.add_user(connection, login="allien")
    lookups.resolve(connection, lookup["id"], user.id)

    answer = client.get(f"/v1/lookups/{lookup['id']}").json()

    assert answer["state"] == "done"
    assert answer["user"] == {"id": user.id, "login": "allien", "name": user.name}


def test_a_lookup_of_a_deleted_user_shows_null(client: TestClient, connection: Connection) -> None:
    lookup, _ = lookups.get_or_create(connection, "allien")
    user = factories.add_user(connection, login="allien")
    lookups.resolve(connection, lookup.id, user.id)
    users.delete(connection, user.id)

    answer = client.get(f"/v1/lookups/{lookup.id}").json()

    assert (answer["state"], answer["user"]) == ("done", None)


def test_a_failed_lookup_shows_the_reason(client: TestClient, connection: Connection) -> None:
    lookup, _ = lookups.get_or_create(connection, "ghost")
    lookups.fail(connection, lookup.id, "GitHub has no user ghost")

    answer = client.get(f"/v1/lookups/{lookup.id}").json()

    assert (answer["state"], answer["reason"]) == ("failed", "GitHub has no user ghost")


def test_a_pending_lookup_may_have_a_reason(client: TestClient, connection: Connection) -> None:
    lookup, _ = lookups.get_or_create(connection, "allien")
    lookups.reschedule(connection, lookup.id, reason="GitHub said to wait")

    answer = client.get(f"/v1/lookups/{lookup.id}").json()

    assert (answer["state"], answer["reason"]) == ("pending", "GitHub said to wait")


def test_an_unknown_lookup_is_404(client: TestClient) -> None:
    answer = client.get("/v1/lookups/4711")

    assert (answer.status_code, answer.json()) == (404, {"detail": "lookup not found"})


def test_a_lookup_that_was_not_committed_is_not_sent(
    client: TestClient, connection: Connection, settings: Settings
) -> None:
    connection.execute(
        text(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON lookups
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )
    )

    assert client.put("/v1/users", json={"login": "allien"}).status_code == 500
    assert sent(settings.redis) == []
