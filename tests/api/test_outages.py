"""Postgres or Redis down, frozen, or back again: bounded waiting, and nothing lost."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool
from starlette.testclient import TestClient

from common import scans, users
from common.settings import Settings
from local.valkey import EmbeddedValkey
from tests import factories
from tests.api.conftest import MakeClient
from tests.servers import Servers

NOWHERE = SecretStr("postgresql+psycopg2://user:secret@127.0.0.1:1/nothing")
NO_REDIS = SecretStr("redis://:secret@127.0.0.1:1/0")

ALLIEN = {"id": 1428904, "login": "allien", "name": "Allien Delon"}
IVAN = {"id": 28631927, "login": "anvdev", "name": "Ivan Titov"}


def due_users(connection: Connection) -> list[int]:
    """Return the users that the sweep would claim."""
    claimed = scans.claim(
        connection,
        limit=10,
        lease=1,
        load_lease=1,
        max_attempts=5,
        scan_at=Settings.model_fields["scan_at"].default,
    )
    return [claim.user_id for claim in claimed]


def due_lookups(connection: Connection) -> list[int]:
    """Return the lookups that the sweep would claim."""
    rows = connection.execute(text("SELECT id FROM lookups WHERE lease_until <= repopulse_now()"))
    return list(rows.scalars())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/users", ALLIEN),
        ("PUT", "/v1/users", {"login": "allien"}),
        ("GET", "/v1/users", None),
        ("GET", "/v1/users/5", None),
        ("GET", "/v1/users/5/stats", None),
        ("GET", "/v1/users/5/scans", None),
        ("GET", "/v1/lookups/5", None),
        ("DELETE", "/v1/users/5", None),
    ],
)
def test_without_postgres_every_call_is_503_at_once(
    make_client: MakeClient, method: str, path: str, body: object
) -> None:
    client = make_client(database_url=NOWHERE)
    begun = time.monotonic()

    answer = client.request(method, path, json=body)

    assert time.monotonic() - begun < 5
    assert answer.status_code == 503
    assert answer.json() == {
        "detail": "The database does not answer or is busy. Try again in a moment."
    }
    assert answer.headers["retry-after"] == "5"


@pytest.fixture
def administrator(servers: Servers) -> Iterator[Connection]:
    engine = create_engine(servers.postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as opened:
        yield opened


def test_calls_succeed_again_when_postgres_is_back(
    client: TestClient, administrator: Connection, database_url: str
) -> None:
    client.put("/v1/users", json=ALLIEN)
    name = make_url(database_url).database
    administrator.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
    administrator.execute(
        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
        {"name": name},
    )

    assert client.get("/v1/users").status_code == 503
    assert client.get("/readyz").status_code == 503

    administrator.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))

    assert client.get("/v1/users").json() == [ALLIEN]
    assert client.get("/readyz").status_code == 200


def test_a_request_after_an_ended_session_succeeds(
    client: TestClient, administrator: Connection, database_url: str
) -> None:
    client.put("/v1/users", json=ALLIEN)
    administrator.execute(
        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
        {"name": make_url(database_url).database},
    )

    assert client.get("/v1/users").json() == [ALLIEN]


def test_a_read_only_database_serves_reads_and_answers_writes_503(
    client: TestClient, connection: Connection, database_url: str
) -> None:
    client.put("/v1/users", json=ALLIEN)
    name = make_url(database_url).database
    connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    client.app_state["resources"].database.dispose()

    for answer in (client.put("/v1/users", json=IVAN), client.delete("/v1/users/1428904")):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["detail"].startswith("The database is read-only. ")
    assert client.get("/v1/users").json() == [ALLIEN]
    readiness = client.get("/readyz")
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["postgres"] == "is read-only: nothing can be stored"
    by_login = client.put("/v1/users", json={"login": ALLIEN["login"]})
    assert (by_login.status_code, by_login.json()) == (200, ALLIEN)


@pytest.mark.parametrize("path", ["/readyz", "/v1/users"])
def test_read_only_sessions_are_replaced_when_the_database_accepts_writes(
    client: TestClient, connection: Connection, database_url: str, path: str
) -> None:
    name = make_url(database_url).database
    connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    client.app_state["resources"].database.dispose()
    # As many sessions as there may be.
    for _ in range(20):
        assert client.get("/v1/users").json() == []
    connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = off"))

    if path == "/readyz":
        assert client.get("/readyz").status_code == 200
    assert client.put("/v1/users", json=ALLIEN).status_code == 201


def test_a_full_disk_is_a_503_that_says_so(client: TestClient, connection: Connection) -> None:
    client.put("/v1/users", json=ALLIEN)
    connection.execute(
        text(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE 'could not extend file "base/5/16384"' USING ERRCODE = 'disk_full'; END
            $$
            """
        )
    )
    connection.execute(
        text("CREATE TRIGGER full_disk BEFORE INSERT ON users EXECUTE FUNCTION refuse()")
    )

    answer = client.put("/v1/users", json=IVAN)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {
        "detail": "The disk of the database is full. Nothing can be stored until there is space."
    }
    assert client.get("/v1/users").json() == [ALLIEN]


def test_without_redis_a_user_is_stored_and_due_for_the_sweep(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(redis_url=NO_REDIS)

    answer = client.put("/v1/users", json=ALLIEN)

    assert (answer.status_code, answer.json()) == (201, ALLIEN)
    assert users.get(connection, 1428904) is not None
    assert due_users(connection) == [1428904]


def test_without_redis_a_login_is_202_at_once_and_due_for_the_sweep(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(redis_url=NO_REDIS)
    begun = time.monotonic()

    answer = client.put("/v1/users", json={"login": "allien"})

    assert time.monotonic() - begun < 2
    assert answer.status_code == 202
    assert due_lookups(connection) == [answer.json()["id"]]


def test_without_redis_everything_else_works(
    make_client: MakeClient, connection: Connection
) -> None:
    client = make_client(redis_url=NO_REDIS)
    user = factories.add_user(connection)

    assert len(client.get("/v1/users").json()) == 1
    assert client.put("/v1/users", json={"login": user.login}).status_code == 200
    assert client.delete(f"/v1/users/{user.id}").status_code == 200


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server that only this test uses, so that it can be frozen."""
    with EmbeddedValkey(tmp_path / "valkey", durable=False) as server:
        yield server
        if server.process is not None:
            os.kill(server.process.pid, signal.SIGCONT)


def freeze(server: EmbeddedValkey) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)


@pytest.mark.fault
@pytest.mark.parametrize("was_used", [True, False])
def test_a_frozen_redis_delays_requests_by_seconds_and_loses_no_user(
    make_client: MakeClient,
    connection: Connection,
    own_redis: EmbeddedValkey,
    was_used: bool,
) -> None:
    client = make_client(redis_url=SecretStr(own_redis.url))
    if was_used:
        client.put("/v1/users", json={"id": 1, "login": "before"})
    freeze(own_redis)
    begun = time.monotonic()

    by_id = client.put("/v1/users", json=ALLIEN)
    by_login = client.put("/v1/users", json={"login": "later"})

    assert time.monotonic() - begun < 5
    assert (by_id.status_code, by_login.status_code) == (201, 202)
    assert 1428904 in due_users(connection)
    assert due_lookups(connection) == [by_login.json()["id"]]


@pytest.mark.fault
@pytest.mark.usefixtures("usual_timeout")
def test_readiness_follows_a_redis_that_freezes_and_thaws(
    make_client: MakeClient, own_redis: EmbeddedValkey
) -> None:
    client = make_client(redis_url=SecretStr(own_redis.url))
    assert client.get("/readyz").status_code == 200
    freeze(own_redis)
    begun = time.monotonic()

    answer = client.get("/readyz")

    assert time.monotonic() - begun < 4
    assert answer.json()["checks"]["redis"] == "does not answer"
    assert own_redis.process is not None
    os.kill(own_redis.process.pid, signal.SIGCONT)
    assert client.get("/readyz").status_code == 200
