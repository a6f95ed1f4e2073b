"""``PUT /v1/users`` with a login alone, and ``GET /v1/lookups/{id}``."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import lookups, users
from common.broker import Task
from common.settings import Settings
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.fake_worker import FakeWorker, sent
from tests.clock import Clock
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
def test_a_followed_login_that_is_still_the_users_is_200_in_any_case(
    client: TestClient, connection: Connection, worker: FakeWorker, login: str
) -> None:
    user = factories.add_user(connection, login="Allien")
    worker.knows(user, login=login)

    answer = client.put("/v1/users", json={"login": login})

    assert (answer.status_code, answer.json()["id"]) == (200, user.id)
    assert answer.headers["location"] == f"/v1/users/{user.id}"


def test_a_followed_login_that_changed_hands_is_201_with_its_new_account(
    client: TestClient, connection: Connection, worker: FakeWorker
) -> None:
    former = factories.add_user(connection, 1, login="allien")
    taker = factories.make_user(2, login="allien")
    worker.knows(taker)

    answer = client.put("/v1/users", json={"login": "allien"})

    assert (answer.status_code, answer.json()["id"]) == (201, taker.id)
    assert [each["id"] for each in client.get("/v1/users").json()] == [former.id, taker.id]


def test_a_followed_login_is_200_while_no_worker_answers_and_stays_queued(
    make_client: MakeClient, connection: Connection, settings: Settings
) -> None:
    client = make_client(lookup_wait=0.1)
    user = factories.add_user(connection, login="allien")

    answers = [client.put("/v1/users", json={"login": "allien"}) for _ in range(2)]

    assert [(each.status_code, each.json()["id"]) for each in answers] == [(200, user.id)] * 2
    (message,) = sent(settings.redis)
    assert message[0] == Task.RESOLVE_LOGIN
    assert lookups.count_pending(connection, most=10) == 1


def test_a_followed_login_that_github_does_not_have_is_200(
    client: TestClient, connection: Connection, worker: FakeWorker
) -> None:
    """GitHub has denied accounts by mistake, and the user is followed by id."""
    user = factories.add_user(connection, login="renamed")
    worker.fails("renamed", "GitHub has no user renamed")

    answer = client.put("/v1/users", json={"login": "renamed"})

    assert (answer.status_code, answer.json()["id"]) == (200, user.id)


def test_a_followed_login_that_is_deleted_meanwhile_is_404(
    client: TestClient, connection: Connection, settings: Settings
) -> None:
    user = factories.add_user(connection, login="allien")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.put, "/v1/users", json={"login": "allien"})
        wait_until(lambda: sent(settings.redis))
        client.delete(f"/v1/users/{user.id}")

        assert waiting.result().status_code == 404


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_lookup_that_github_makes_wait_is_not_waited_for(
    client: TestClient, connection: Connection, clock: Clock, is_followed: bool
) -> None:
    if is_followed:
        factories.add_user(connection, login="allien")
    lookup, _ = lookups.get_or_create(connection, "allien")
    later = clock.now() + timedelta(hours=1)
    lookups.reschedule(connection, lookup.id, reason="rate limit", not_before=later)
    begun = time.monotonic()

    answer = client.put("/v1/users", json={"login": "allien"})

    assert time.monotonic() - begun < 30
    assert answer.status_code == (200 if is_followed else 202)


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_lookup_that_github_puts_off_is_not_waited_for_any_longer(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    settings: Settings,
    is_followed: bool,
) -> None:
    if is_followed:
        factories.add_user(connection, login="allien")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.put, "/v1/users", json={"login": "allien"})
        ((_, (lookup_id,)),) = wait_until(lambda: sent(settings.redis))
        begun = time.monotonic()
        later = clock.now() + timedelta(hours=1)
        lookups.reschedule(connection, lookup_id, reason="rate limit", not_before=later)

        assert waiting.result().status_code == (200 if is_followed else 202)
        assert time.monotonic() - begun < 30


def test_a_followed_login_is_looked_up_twice_an_hour_at_most(
    client: TestClient,
    connection: Connection,
    clock: Clock,
    settings: Settings,
    worker: FakeWorker,
) -> None:
    user = factories.make_user(login="allien")
    worker.knows(user)

    def put() -> int:
        before = len(sent(settings.redis))
        assert client.put("/v1/users", json={"login": "allien"}).json()["id"] == user.id
        return len(sent(settings.redis)) - before

    # The first one is how the user came to be followed.
    assert [put() for _ in range(5)] == [1, 1, 1, 0, 0]
    clock.advance(timedelta(hours=1))
    assert put() == 1


def test_a_followed_login_is_not_looked_up_while_many_others_are(
    make_client: MakeClient, connection: Connection, settings: Settings
) -> None:
    client = make_client(lookup_wait=0)
    user = factories.add_user(connection, login="allien")
    connection.execute(
        text("INSERT INTO lookups (login) SELECT 'login' || i FROM generate_series(1, 100) AS i")
    )

    answer = client.put("/v1/users", json={"login": "allien"})

    assert (answer.status_code, answer.json()["id"]) == (200, user.id)
    assert sent(settings.redis) == []
    assert client.put("/v1/users", json={"login": "unknown"}).status_code == 202


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
