"""``GET /v1/repos/{id}/history``: bodies, sources, formats and ETags."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from common import repositories, users
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories, imported, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 10)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
PATH = "/v1/repos/900/history"
TOTALS = "/v1/users/1428904/history"


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection, 1428904, "allien")


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    """A repository with one observed, one imported and two reconstructed days."""
    repository = factories.add_repository(connection, user, 900, "hello")
    factories.add_rows(connection, user, repository, {day(6): (10, 2, 1)})
    star_readings.store(connection, 900, {day(2): 4}, NOON)
    imported.store(connection, 900, "old", {day(4): (7, 1, None)})
    return repository


def source(name: str | None, forks: str | None = None, watchers: str | None = None) -> Any:
    return {"stargazers": name, "forks": forks, "watchers": watchers}


BOUNDS = {"at_least": 4, "at_most": 10, "above_observed": False}
ROWS = [
    {
        "date": f"2026-06-0{number}",
        "stargazers": stargazers,
        "forks": forks,
        "watchers": watchers,
        "sources": sources,
        "bounds": bounds,
    }
    for number, stargazers, forks, watchers, sources, bounds in (
        (3, 10, None, None, source("github_history"), BOUNDS),
        (4, 7, 1, None, source("import:old", "import:old"), None),
        (5, 10, None, None, source("github_history"), BOUNDS),
        (6, 10, 2, 1, source("observed", "observed", "observed"), None),
    )
]


@pytest.mark.usefixtures("repository")
def test_each_number_has_its_source(client: TestClient) -> None:
    answer = client.get(PATH)

    assert answer.json() == {
        "repository": {
            "id": 900,
            "user_id": 1428904,
            "name": "hello",
            "full_name": "allien/hello",
        },
        "history": ROWS,
    }
    assert list(answer.json()["history"][0]) == list(ROWS[0])
    bounded = client.get(PATH, params={"date_from": "2026-06-04", "date_to": "2026-06-05"})
    assert bounded.json()["history"] == ROWS[1:3]


@pytest.mark.usefixtures("repository")
def test_the_same_rows_are_available_as_csv_and_ndjson(client: TestClient) -> None:
    as_csv = client.get(PATH, params={"format": "csv"})
    as_lines = client.get(PATH, headers={"Accept": "application/x-ndjson"})

    assert as_csv.text.split("\r\n") == [
        (
            "date,stargazers,forks,watchers,stargazers_source,forks_source,watchers_source,"
            "at_least,at_most,above_observed"
        ),
        "2026-06-03,10,,,github_history,,,4,10,false",
        "2026-06-04,7,1,,import:old,import:old,,,,",
        "2026-06-05,10,,,github_history,,,4,10,false",
        "2026-06-06,10,2,1,observed,observed,observed,,,",
        "",
    ]
    lines = [orjson.loads(line) for line in as_lines.text.splitlines()]
    assert len(lines) == len(ROWS)
    assert list(lines[0]) == as_csv.text.splitlines()[0].split(",")
    assert list(lines[0].values()) == [
        *("2026-06-03", 10, None, None, "github_history", None, None, 4, 10, False)
    ]
    assert (
        'filename="allien-hello-history-2026-05-12-2026-06-10.csv"'
        in (as_csv.headers["Content-Disposition"])
    )
    packed = client.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json()["history"] == ROWS


def test_totals_have_the_share_that_is_known(
    client: TestClient, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    other = factories.add_repository(connection, user)
    factories.add_rows(connection, user, other, {day(6): (1, 1, 1)})
    params = {"date_from": "2026-06-05", "date_to": "2026-06-06"}

    answer = client.get(TOTALS, params=params)
    as_csv = client.get(TOTALS, params={**params, "format": "csv"})
    as_lines = client.get(TOTALS, params={**params, "format": "ndjson"})

    rows = [
        {
            "date": "2026-06-05",
            "stargazers": 10,
            "forks": None,
            "watchers": None,
            "repositories": 2,
            "transferred": 0,
            "known": {"stargazers": 1, "forks": 0, "watchers": 0},
            "sources": source("github_history"),
            "bounds": {"at_least": 4, "at_most": 10},
        },
        {
            "date": "2026-06-06",
            "stargazers": 11,
            "forks": 3,
            "watchers": 2,
            "repositories": 2,
            "transferred": 0,
            "known": {"stargazers": 2, "forks": 2, "watchers": 2},
            "sources": source("observed", "observed", "observed"),
            "bounds": None,
        },
    ]
    assert answer.json() == {
        "user": {"id": 1428904, "login": "allien", "name": user.name},
        "history": rows,
    }
    assert as_csv.text.split("\r\n") == [
        (
            "date,stargazers,forks,watchers,repositories,transferred,"
            "stargazers_known,forks_known,watchers_known,"
            "stargazers_source,forks_source,watchers_source,at_least,at_most"
        ),
        "2026-06-05,10,,,2,0,1,0,0,github_history,,,4,10",
        "2026-06-06,11,3,2,2,0,2,2,2,observed,observed,observed,,",
        "",
    ]
    lines = [orjson.loads(line) for line in as_lines.text.splitlines()]
    assert list(lines[0]) == as_csv.text.splitlines()[0].split(",")
    assert list(lines[0].values()) == [
        *("2026-06-05", 10, None, None, 2, 0),
        *(1, 0, 0, "github_history", None, None, 4, 10),
    ]
    assert len(lines) == len(rows)
    assert client.get("/v1/users/1/history").json() == {"detail": "user not found"}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("source=observed", [6]),
        ("source=github_history", [3, 4, 5]),
        ("source=observed,github_history", [3, 4, 5, 6]),
        ("source=observed&source=github_history", [3, 4, 5, 6]),
        ("source=import:old&source=observed", [4, 6]),
    ],
)
def test_sources_can_be_chosen(client: TestClient, query: str, days: list[int]) -> None:
    rows = client.get(f"{PATH}?{query}").json()["history"]

    assert [row["date"] for row in rows] == [f"2026-06-0{number}" for number in days]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("name", ["guessed", "", "observed,", "import:new", "Observed"])
def test_an_unknown_source_is_refused(client: TestClient, name: str) -> None:
    answer = client.get(PATH, params={"source": name})

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", "source"]
    assert "there are observed, import:old, github_history" in fault["msg"]


def test_an_unknown_repository_is_404(client: TestClient, user: TrackedUser) -> None:
    assert client.get("/v1/repos/901/history").json() == {"detail": "repository not found"}
    assert client.get("/v1/repos/901/history").status_code == 404
    assert client.get("/v1/repos/901/flow").status_code == 404


def read_again(connection: Connection) -> None:
    star_readings.store(connection, 900, {day(2): 4, day(3): 1}, NOON + timedelta(days=1))


def bring(connection: Connection) -> None:
    imported.store(connection, 900, "new", {day(1): (1, 1, 1)})


def undo(connection: Connection) -> None:
    connection.execute(text("UPDATE imports SET state = 'undoing'"))


def scan(connection: Connection) -> None:
    user = users.get(connection, 1428904)
    assert user is not None
    repository = factories.make_repository(900, "hello")
    repositories.save(connection, user.id, TODAY, [repository])
    factories.add_rows(connection, user, repository, {TODAY: (11, 2, 1)})


def rename(connection: Connection) -> None:
    connection.execute(text("UPDATE users SET login = 'allienna'"))


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("path", [PATH, "/v1/repos/900/flow", TOTALS])
@pytest.mark.parametrize("change", [read_again, bring, undo, scan, rename])
def test_an_answer_is_current_until_anything_in_it_may_have_changed(
    client: TestClient, connection: Connection, path: str, change: Callable[[Connection], None]
) -> None:
    before = client.get(path)
    tag = {"If-None-Match": before.headers["ETag"]}

    same = client.get(path, headers=tag)
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == before.headers["ETag"]
    assert client.get(path, params={"date_from": "2026-06-01"}, headers=tag).status_code == 200
    change(connection)

    assert client.get(path, headers=tag).status_code == 200


def test_an_answer_changes_with_the_deletion_of_a_former_owner(
    client: TestClient, connection: Connection, repository: SeenRepository
) -> None:
    buyer = factories.add_user(connection)
    repositories.save(connection, buyer.id, TODAY, [repository])
    factories.add_rows(connection, buyer, repository, {TODAY: (11, 2, 1)})
    before = client.get(PATH)

    assert client.delete("/v1/users/1428904").status_code == 200

    after = client.get(PATH, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    observed = [row for row in after.json()["history"] if row["sources"]["forks"] == "observed"]
    assert [row["date"] for row in observed] == ["2026-06-10"]


@pytest.mark.usefixtures("repository")
def test_reading_a_history_leaves_the_daily_rows_as_they_are(
    client: TestClient, connection: Connection
) -> None:
    paths = ("/v1/users/1428904/stats", "/v1/repos/900/stats")
    before = [client.get(path).content for path in paths]

    read_again(connection)
    bring(connection)

    assert [client.get(path).content for path in paths] == before


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("path", [PATH, TOTALS])
def test_an_answer_that_was_sent_before_is_not_read_again(
    client: TestClient, connection: Connection, path: str
) -> None:
    formats = [{"format": name} for name in ("json", "csv", "ndjson")]
    before = [client.get(path, params=each).content for each in formats]
    # Nothing writes rows without a new revision.
    connection.execute(text("DELETE FROM daily_stats"))

    assert [client.get(path, params=each).content for each in formats] == before
    read_again(connection)
    assert [client.get(path, params=each).content for each in formats] != before


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "path", [PATH, TOTALS, *(f"/v1/repos/900/flow?per={per}" for per in ("day", "week", "month"))]
)
@pytest.mark.parametrize(
    ("first", "last"), [("0001-01-01", "0001-02-01"), ("9999-12-31", "9999-12-31")]
)
def test_the_ends_of_the_calendar_have_no_history(
    client: TestClient, path: str, first: str, last: str
) -> None:
    separator = "&" if "?" in path else "?"

    answer = client.get(f"{path}{separator}date_from={first}&date_to={last}")

    assert answer.status_code == 200
    rows = answer.json().get("history") or answer.json().get("flow") or []
    assert all(row.get("net") is None and "stargazers" not in row for row in rows)
