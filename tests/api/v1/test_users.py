"""``GET /v1/users``, its pages, and ``DELETE``."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

from common import users
from tests import factories
from tests.rows import rows_of
from tests.waiting import wait_until

DAY = date(2024, 2, 29)


def test_users_are_listed_by_id(client: TestClient, connection: Connection) -> None:
    for user_id in (30, 9, 100):
        factories.add_user(connection, user_id)

    assert [user["id"] for user in client.get("/v1/users").json()] == [9, 30, 100]


def follow_many(connection: Connection, first: int, last: int) -> None:
    connection.execute(
        text("INSERT INTO users (id, login, name) SELECT i, i, i FROM generate_series(:a, :b) i"),
        {"a": first, "b": last},
    )


def test_all_users_are_listed_without_a_limit(client: TestClient, connection: Connection) -> None:
    follow_many(connection, 1, 10_000)

    answer = client.get("/v1/users")

    assert len(answer.json()) == 10_000
    assert "link" not in answer.headers


def test_more_users_than_one_page_have_a_link(client: TestClient, connection: Connection) -> None:
    follow_many(connection, 1, 10_001)

    answer = client.get("/v1/users")
    rest = client.get(answer.links["next"]["url"])

    assert len(answer.json()) == 10_000
    assert [user["id"] for user in rest.json()] == [10_001]
    assert "link" not in rest.headers


def test_the_links_visit_each_user_once(client: TestClient, connection: Connection) -> None:
    ids = [factories.add_user(connection).id for _ in range(7)]
    found: list[int] = []
    pages = 0
    address: str | None = "/v1/users?limit=3"
    while address:
        answer = client.get(address)
        found += [user["id"] for user in answer.json()]
        pages += 1
        address = answer.links.get("next", {}).get("url")

    assert (found, pages) == (ids, 3)


def test_a_full_last_page_has_no_link(client: TestClient, connection: Connection) -> None:
    for _ in range(4):
        factories.add_user(connection)

    assert "link" in client.get("/v1/users?limit=3").headers
    assert "link" not in client.get("/v1/users?limit=4").headers


def test_a_page_after_the_last_user_is_empty(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection)

    assert client.get(f"/v1/users?after={user.id}").json() == []


def test_the_largest_page_and_id_are_accepted(client: TestClient) -> None:
    assert client.get(f"/v1/users?limit=10000&after={2**63 - 1}").json() == []


def test_deleting_a_user_deletes_the_statistics(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection)
    repository = factories.add_repository(connection, user, day=DAY)
    factories.add_history(connection, user, repository, until=DAY, stargazers=[1, 2, 3])
    factories.add_scan(connection, user, DAY)

    answer = client.delete(f"/v1/users/{user.id}")

    assert answer.status_code == 200
    assert answer.json() == {"id": user.id, "login": user.login, "name": user.name}
    for table in ("daily_stats", "ownerships", "repositories", "scans", "users"):
        rows = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        assert rows == 0, table


def test_deleting_a_user_keeps_other_users(client: TestClient, connection: Connection) -> None:
    gone, kept = factories.add_user(connection), factories.add_user(connection)
    for user in (gone, kept):
        repository = factories.add_repository(connection, user, day=DAY)
        factories.add_history(connection, user, repository, until=DAY, stargazers=[1, 2, 3])

    client.delete(f"/v1/users/{gone.id}")

    assert [user["id"] for user in client.get("/v1/users").json()] == [kept.id]
    assert len(rows_of(connection, kept.id, DAY - timedelta(days=9), DAY)) == 3


def test_deleting_waits_for_a_scan_that_is_writing_and_takes_its_rows_too(
    client: TestClient, connection: Connection, engine: Engine
) -> None:
    user = factories.add_user(connection)

    def waits() -> bool:
        return bool(
            connection.execute(
                text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            ).scalar_one()
        )

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as scan:
            assert users.lock(scan, user.id)
            deletion = pool.submit(client.delete, f"/v1/users/{user.id}")
            wait_until(waits)
            repository = factories.add_repository(scan, user, day=DAY)
            factories.add_history(scan, user, repository, until=DAY, stargazers=[1])
        assert deletion.result().status_code == 200

    assert connection.execute(text("SELECT count(*) FROM daily_stats")).scalar_one() == 0


def test_of_two_concurrent_deletions_one_is_404(
    client: TestClient, connection: Connection, engine: Engine
) -> None:
    user = factories.add_user(connection)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.delete(f"/v1/users/{user.id}"), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
