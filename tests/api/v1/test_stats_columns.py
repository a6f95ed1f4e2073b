"""``columns=`` of the calls for stats, and ``/v1/stats`` of all users."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from httpx2 import Response
from sqlalchemy import Connection, Engine
from starlette.testclient import TestClient

from api.queries import export
from common import repositories
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2026, 3, 20)
YESTERDAY = TODAY - timedelta(days=1)
HOSTILE = 'a "b",\n=1'


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user whose login looks like a formula, with two repositories and two days."""
    clock.set(TODAY)
    owner = factories.add_user(connection, 1428904, "-allien")
    for repo_id, name in ((7329078, "hello"), (7329079, HOSTILE)):
        repository = factories.make_repository(repo_id, name)
        repositories.save(connection, owner.id, YESTERDAY, [repository])
        for number, day in enumerate((YESTERDAY, TODAY)):
            rows = {day: (repo_id % 10 + number, 5, 3)}
            factories.add_rows(connection, owner, repository, rows)
    return owner


def table_of(answer: Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def test_columns_of_a_csv_are_those_asked_for_in_their_order(
    client: TestClient, user: TrackedUser
) -> None:
    answer = client.get(
        f"/v1/users/{user.id}/stats?format=csv&columns=stargazers,full_name,date,repo_id"
    )

    assert table_of(answer) == [
        ["stargazers", "full_name", "date", "repo_id"],
        # An apostrophe: a spreadsheet would take a hyphen for the beginning of a formula.
        ["8", "'-allien/hello", "2026-03-19", "7329078"],
        ["9", "'-allien/hello", "2026-03-20", "7329078"],
        ["9", f"'-allien/{HOSTILE}", "2026-03-19", "7329079"],
        ["10", f"'-allien/{HOSTILE}", "2026-03-20", "7329079"],
    ]


def test_columns_of_ndjson_are_those_asked_for(client: TestClient, user: TrackedUser) -> None:
    answer = client.get(f"/v1/users/{user.id}/stats?format=ndjson&columns=date&columns=full_name")
    rows = [json.loads(line) for line in answer.text.removesuffix("\n").split("\n")]

    assert len(rows) == 4
    assert rows[3] == {"date": "2026-03-20", "full_name": f"-allien/{HOSTILE}"}


@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_usual_columns_asked_for_give_the_usual_bytes(
    client: TestClient, user: TrackedUser, format_: str
) -> None:
    path = f"/v1/users/{user.id}/stats?format={format_}"
    usual = client.get(path)
    chosen = client.get(f"{path}&columns=repo_id,date,stargazers,forks,watchers")

    assert usual.content == chosen.content
    assert usual.headers["etag"] != chosen.headers["etag"]


def test_repository_has_the_same_choice(client: TestClient, user: TrackedUser) -> None:
    path = "/v1/repos/7329079/stats?columns=full_name,watchers"

    assert table_of(client.get(f"{path}&format=csv"))[1:] == [[f"'-allien/{HOSTILE}", "3"]] * 2
    lines = client.get(f"{path}&format=ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"full_name": f"-allien/{HOSTILE}", "watchers": 3}
    ] * 2


def test_pages_by_repository_keep_the_columns(client: TestClient, user: TrackedUser) -> None:
    first = client.get(f"/v1/users/{user.id}/stats?format=csv&columns=repo_id,date&limit=1")
    second = client.get(first.links["next"]["url"])

    assert [row[0] for row in table_of(first)[1:]] == ["7329078"] * 2
    assert [row[0] for row in table_of(second)[1:]] == ["7329079"] * 2


@pytest.mark.parametrize("path", ["/v1/users/1428904/stats", "/v1/repos/7329078/stats"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("format=csv&columns=stars", "no column 'stars': there are repo_id, full_name, date,"),
        ("format=csv&columns=", "no column ''"),
        ("format=csv&columns=user_id", "no column 'user_id'"),
        ("format=csv&columns=date,date", "date is there twice"),
        ("columns=date", "columns are those of CSV and NDJSON"),
    ],
)
def test_other_columns_are_422(
    client: TestClient, user: TrackedUser, path: str, query: str, message: str
) -> None:
    answer = client.get(f"{path}?{query}")

    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["query", "columns"]
    assert error["msg"].startswith(message)


@pytest.fixture
def others(connection: Connection, user: TrackedUser) -> TrackedUser:
    """Another user, with a lower id, to whom one of the repositories belonged yesterday."""
    other = factories.add_user(connection, 7, "eve")
    repository = factories.add_repository(connection, other, 50, "own", day=YESTERDAY)
    factories.add_rows(connection, other, repository, {TODAY: (1, 2, 3)})
    return other


@pytest.mark.usefixtures("others")
def test_stats_of_all_users_have_names_beside_ids(client: TestClient) -> None:
    answer = client.get("/v1/stats?format=csv&bom=1&date_from=2026-03-20")

    assert answer.text.startswith("\ufeffuser_id,")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="stats-2026-03-20-2026-03-20.csv"'
    )
    header, *rows = table_of(answer)
    assert header[1:] == [
        *("login", "repo_id", "full_name", "date", "stargazers", "forks", "watchers")
    ]
    assert rows == [
        ["7", "eve", "50", "eve/own", "2026-03-20", "1", "2", "3"],
        ["1428904", "'-allien", "7329078", "'-allien/hello", "2026-03-20", "9", "5", "3"],
        ["1428904", "'-allien", "7329079", f"'-allien/{HOSTILE}", "2026-03-20", "10", "5", "3"],
    ]


@pytest.mark.usefixtures("others")
def test_stats_of_all_users_are_the_same_in_each_format(client: TestClient) -> None:
    rows = client.get("/v1/stats").json()["stats"]
    lines = client.get("/v1/stats?format=ndjson", headers={"Accept-Encoding": "gzip"}).text
    table = table_of(client.get("/v1/stats?format=csv&columns=full_name,date"))

    assert len(rows) == 5
    assert [json.loads(line) for line in lines.removesuffix("\n").split("\n")] == rows
    assert [row["date"] for row in rows] == [row[1] for row in table[1:]]


@pytest.mark.usefixtures("others")
def test_stats_of_all_users_hold_those_of_each_user(client: TestClient) -> None:
    of_all = client.get("/v1/stats").json()["stats"]

    for user_id in (7, 1428904):
        expected = client.get(f"/v1/users/{user_id}/stats").json()["stats"]
        mine = [row for row in of_all if row["user_id"] == user_id]
        assert [{name: row[name] for name in expected[0]} for row in mine] == expected


@pytest.mark.usefixtures("others")
def test_stats_of_all_users_can_be_those_of_one(client: TestClient) -> None:
    rows = client.get("/v1/stats?user_id=7").json()["stats"]

    assert [row["full_name"] for row in rows] == ["eve/own"]
    assert client.get("/v1/stats?user_id=8").status_code == 404


def test_stats_of_no_user_are_empty_in_each_format(client: TestClient) -> None:
    assert client.get("/v1/stats").json() == {"stats": []}
    assert client.get("/v1/stats?format=ndjson").content == b""
    assert client.get("/v1/stats?format=csv").text.count("\r\n") == 1
    head = client.head("/v1/stats?format=csv")
    assert (head.status_code, head.content) == (200, b"")


def test_stats_of_all_users_take_a_place_of_the_exports(client: TestClient, engine: Engine) -> None:
    with engine.connect() as one, engine.connect() as two:
        assert export.take_place(one)
        assert export.take_place(two)

        answer = client.get("/v1/stats")

        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "60"
        assert client.head("/v1/stats").status_code == 200
    assert client.get("/v1/stats").status_code == 200
