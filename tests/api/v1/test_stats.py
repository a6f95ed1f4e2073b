"""``GET /v1/users/{id}/stats``: days, order and limits."""

from datetime import UTC, date, datetime, timedelta

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

import api.v1.stats
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


def days(client: TestClient, user: TrackedUser, **params: str) -> list[str]:
    answer = client.get(f"/v1/users/{user.id}/stats", params=params)
    assert answer.status_code == 200, answer.text
    return [row["date"] for row in answer.json()["stats"]]


def test_a_user_without_rows_has_an_empty_list(client: TestClient, user: TrackedUser) -> None:
    answer = client.get(f"/v1/users/{user.id}/stats")

    assert answer.status_code == 200
    assert answer.json() == {
        "user": {"id": user.id, "login": user.login, "name": user.name},
        "stats": [],
    }


def test_rows_are_ordered_by_repository_and_day(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    for repository_id in (900, 20, 1000):
        repository = factories.add_repository(connection, user, repository_id)
        for day in (TODAY, TODAY - timedelta(days=2), TODAY - timedelta(days=1)):
            factories.add_rows(connection, user, repository, {day: (1, 2, 3)})

    rows = client.get(f"/v1/users/{user.id}/stats").json()["stats"]

    keys = [(row["repo_id"], row["date"]) for row in rows]
    assert len(keys) == 9
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("params", "ends"),
    [
        ({}, ("2024-02-10", "2024-03-10")),
        ({"date_from": "2024-03-08"}, ("2024-03-08", "2024-03-10")),
        ({"date_to": "2024-03-01"}, ("2024-02-01", "2024-03-01")),
        ({"date_from": "2024-02-28", "date_to": "2024-03-01"}, ("2024-02-28", "2024-03-01")),
        ({"date_from": "2024-02-29", "date_to": "2024-02-29"}, ("2024-02-29", "2024-02-29")),
        ({"date_from": "2020-01-01", "date_to": "2030-01-07"}, ("2024-01-01", "2024-03-10")),
    ],
)
def test_both_dates_are_inclusive(
    client: TestClient,
    connection: Connection,
    user: TrackedUser,
    params: dict[str, str],
    ends: tuple[str, str],
) -> None:
    repository = factories.add_repository(connection, user)
    factories.add_history(connection, user, repository, until=TODAY, stargazers=range(70))

    found = days(client, user, **params)

    assert (found[0], found[-1]) == ends
    first, last = map(date.fromisoformat, ends)
    assert len(found) == (last - first).days + 1


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-05"])
def test_the_default_period_starts_no_earlier_than_the_calendar(
    client: TestClient, user: TrackedUser, day: str
) -> None:
    assert days(client, user, date_to=day) == []


def test_today_is_the_utc_day(
    client: TestClient, connection: Connection, user: TrackedUser, clock: Clock
) -> None:
    repository = factories.add_repository(connection, user)
    factories.add_rows(connection, user, repository, {date(2024, 3, 11): (1, 1, 1)})

    clock.set(datetime(2024, 3, 10, 23, 59, tzinfo=UTC))
    assert days(client, user) == []

    clock.advance(timedelta(minutes=2))
    assert days(client, user) == ["2024-03-11"]


@pytest.mark.parametrize("what", ["stats", "scans"])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"date_from": "2024-03-02", "date_to": "2024-03-01"},
            "date_from 2024-03-02 is after date_to 2024-03-01",
        ),
        ({"date_from": "2024-03-11"}, "date_from 2024-03-11 is after today, 2024-03-10"),
    ],
)
def test_dates_in_the_wrong_order_are_422(
    client: TestClient, user: TrackedUser, what: str, params: dict[str, str], message: str
) -> None:
    answer = client.get(f"/v1/users/{user.id}/{what}", params=params)

    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {
            "type": "value_error",
            "loc": ["query", "date_from"],
            "msg": message,
            "input": params["date_from"],
        }
    ]


@pytest.mark.parametrize("what", ["stats", "scans"])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"date_from": "2020-01-01", "date_to": "2030-01-08"},
            "2020-01-01 to 2030-01-08 is 3661 days: request at most 3660 days, ten years",
        ),
        (
            {"date_from": "2014-03-01"},
            "2014-03-01 to 2024-03-10 is 3663 days: request at most 3660 days, ten years",
        ),
    ],
)
def test_more_than_ten_years_are_422(
    client: TestClient, user: TrackedUser, what: str, params: dict[str, str], message: str
) -> None:
    answer = client.get(f"/v1/users/{user.id}/{what}", params=params)

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["query", "date_from"], message)


def test_more_than_half_a_million_rows_are_422(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    span = {"date_from": "2015-01-01", "date_to": "2024-03-10"}
    fill(connection, user, repositories=200, days=2500)

    answer = client.get(f"/v1/users/{user.id}/stats", params=span)

    assert answer.status_code == 200
    assert answer.content.count(b"repo_id") == 500_000

    one_more = factories.add_repository(connection, user)
    factories.add_rows(connection, user, one_more, {TODAY: (1, 1, 1)})
    answer = client.get(f"/v1/users/{user.id}/stats", params=span)

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", "date_from"]
    assert fault["msg"] == (
        "more than 500000 rows from 2015-01-01 to 2024-03-10: request fewer days at a time or,"
        " with limit, fewer repositories"
    )
    assert (
        client.get(f"/v1/users/{user.id}/stats", params=span | {"limit": "200"}).status_code == 200
    )
    assert client.get(f"/v1/users/{user.id}/stats").status_code == 200


@pytest.mark.parametrize("params", [{}, {"date_to": "2024-03-09"}])
def test_days_that_were_not_sent_are_never_too_many(
    client: TestClient,
    connection: Connection,
    user: TrackedUser,
    monkeypatch: pytest.MonkeyPatch,
    params: dict[str, str],
) -> None:
    fill(connection, user, repositories=3, days=35)
    monkeypatch.setattr(api.v1.stats, "_MAX_ROWS", 50)

    assert len(days(client, user, **params)) == 3 * 30

    sent = {"date_from": "2024-02-10"} | params
    assert client.get(f"/v1/users/{user.id}/stats", params=sent).status_code == 422


def follow(client: TestClient, path: str) -> list[Response]:
    """Return an answer and those to which its ``Link`` headers lead."""
    answers = [client.get(path)]
    while link := answers[-1].links.get("next"):
        answers.append(client.get(link["url"]))
    assert {answer.status_code for answer in answers} == {200}
    return answers


def test_pages_of_repositories_have_all_rows_once(
    client: TestClient, connection: Connection, user: TrackedUser, clock: Clock
) -> None:
    fill(connection, user, repositories=7, days=40)
    idle = factories.add_repository(connection, user)
    path = f"/v1/users/{user.id}/stats"
    whole = client.get(path)

    pages = [page.json()["stats"] for page in follow(client, f"{path}?limit=3")]

    assert [len(page) for page in pages] == [90, 90, 30]
    assert [row for page in pages for row in page] == whole.json()["stats"]
    (only,) = follow(client, f"{path}?limit=8")
    assert only.content == whole.content
    assert "link" not in whole.headers
    (rest,) = follow(client, f"{path}?after={idle.id - 1}")
    assert rest.json()["stats"] == []
    (beyond,) = follow(client, f"{path}?limit=3&after={2**63 - 1}")
    assert beyond.json()["stats"] == []


def test_pages_are_of_the_same_days_and_in_the_same_format(
    client: TestClient, connection: Connection, user: TrackedUser, clock: Clock
) -> None:
    fill(connection, user, repositories=4, days=40)
    path = f"/v1/users/{user.id}/stats?format=csv&limit=2"
    first = client.get(path)
    clock.advance(timedelta(days=1))

    second = client.get(first.links["next"]["url"])

    def shown(answer: Response) -> list[str]:
        return [line.split(",")[1] for line in answer.text.splitlines()[1:]]

    assert shown(first) == shown(second)
    assert second.headers["content-type"].startswith("text/csv")


def test_pages_have_etags_of_their_own(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    fill(connection, user, repositories=4, days=4)
    path = f"/v1/users/{user.id}/stats"
    answers = [client.get(path), *follow(client, f"{path}?limit=2")]

    assert len({answer.headers["etag"] for answer in answers}) == 3
    known = {"If-None-Match": answers[1].headers["etag"]}
    again = client.get(f"{path}?limit=2", headers=known)
    assert again.status_code == 304
    assert again.headers["link"] == answers[1].headers["link"]


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "10001"}, {"after": "-1"}])
def test_invalid_pages_are_422(
    client: TestClient, user: TrackedUser, params: dict[str, str]
) -> None:
    answer = client.get(f"/v1/users/{user.id}/stats", params=params)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", next(iter(params))]


def fill(connection: Connection, user: TrackedUser, *, repositories: int, days: int) -> None:
    """Record many rows at once, until today; the product's own writer would take minutes."""
    ids = [factories.add_repository(connection, user).id for _ in range(repositories)]
    connection.execute(text("SET session_replication_role = replica"))
    connection.execute(
        text(
            """
            INSERT INTO daily_stats (repo_id, date, user_id, stargazers, forks, watchers)
            SELECT repo_id, CAST(:today AS date) - ago, :user_id, 42, 9, 14
            FROM unnest(CAST(:ids AS bigint[])) AS repo_id, generate_series(0, :days - 1) AS ago
            """
        ),
        {"today": TODAY, "user_id": user.id, "ids": ids, "days": days},
    )
    connection.execute(text("RESET session_replication_role"))


def test_a_gap_stays_a_gap(client: TestClient, connection: Connection, user: TrackedUser) -> None:
    repository = factories.add_repository(connection, user)
    factories.add_rows(
        connection, user, repository, {date(2024, 3, 1): (5, 0, 0), date(2024, 3, 4): (0, 0, 0)}
    )

    assert days(client, user) == ["2024-03-01", "2024-03-04"]


def test_rows_of_other_users_are_not_shown(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    other = factories.add_user(connection)
    repository = factories.add_repository(connection, other)
    factories.add_rows(connection, other, repository, {TODAY: (1, 1, 1)})

    assert days(client, user) == []
