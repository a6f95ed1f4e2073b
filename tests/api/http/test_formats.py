"""Rows as CSV and NDJSON: negotiated, equal to the JSON, and safe to open."""

import codecs
import csv
import io
import json
import math
import string
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.http import formats
from common import repositories
from common.states import ScanState
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

TODAY = date(2024, 3, 10)

HOSTILE = [
    "<script>alert(1)</script>",
    'a "quoted", one',
    "'single'",
    "\u202eright-to-left",
    "🦊 and ünïcode",
    "x" * 100,
    "two\nlines\r\nof text",
]

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1"]

FILE_NAME = string.ascii_letters + string.digits + "._-"

LISTS = [
    "/v1/users/1428904/stats",
    "/v1/users/1428904/scans",
    "/v1/users/1428904/repos",
    "/v1/users/1428904/growth",
    "/v1/growth",
    "/v1/repos/7329078/stats",
]


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user with two repositories, one of them forty days old, and two scans."""
    clock.set(TODAY)
    user = factories.add_user(connection, 1428904, "allien")
    for repository_id, days in ((7329078, 40), (7329079, 3)):
        repository = factories.add_repository(connection, user, repository_id)
        factories.add_history(connection, user, repository, until=TODAY, stargazers=range(days))
    factories.add_scan(connection, user, TODAY - timedelta(days=3))
    factories.add_scan(connection, user, TODAY, ScanState.INCOMPLETE, reason='a "reason", with\n')
    return user


def rows_of(answer: Response) -> list[dict[str, Any]]:
    """Return the rows of a JSON answer."""
    body = answer.json()
    rows: list[dict[str, Any]] = body["stats"] if isinstance(body, dict) else body
    return rows


def table_of(answer: Response) -> list[dict[str, str]]:
    """Return the rows of a CSV answer."""
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def cell(value: object) -> str:
    """Write a value of JSON as a cell of a table."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return str(value)


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of JSON with a value for each column."""
    counts = row.pop("latest", None)
    changes = row.pop("changes", {})
    shown = dict(row)
    if changes:
        for days, those in {"": counts, **changes}.items():
            for metric in ("stargazers", "forks", "watchers"):
                name = f"{metric}_{days}d" if days else metric
                shown[name] = those and those[metric]
    return shown


def cells(row: dict[str, Any]) -> dict[str, str]:
    """Write a row of JSON as a row of a table."""
    return {name: cell(value) for name, value in flat(row).items()}


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("path", LISTS)
def test_csv_equals_the_json_row_by_row(client: TestClient, path: str) -> None:
    rows = rows_of(client.get(path))
    answer = client.get(path, params={"format": "csv"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(rows) > 1
    assert table_of(answer) == [cells(row) for row in rows]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("path", LISTS)
def test_ndjson_has_a_line_for_each_row_with_the_columns_of_the_csv(
    client: TestClient, path: str
) -> None:
    rows = rows_of(client.get(path))
    answer = client.get(path, params={"format": "ndjson"})
    columns = client.get(path, params={"format": "csv"}).text.splitlines()[0].split(",")

    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.removesuffix("\n").split("\n")]
    assert lines == [flat(row) for row in rows]
    assert all(list(line) == columns for line in lines)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_csv_begins_with_a_byte_order_mark_if_asked_to(
    client: TestClient, path: str, encoding: str
) -> None:
    headers = {"Accept-Encoding": encoding}
    plain = client.get(path, params={"format": "csv"}, headers=headers).content
    marked = client.get(path, params={"format": "csv", "bom": "1"}, headers=headers).content

    assert marked == codecs.BOM_UTF8 + plain
    assert client.get(path, params={"format": "csv", "bom": "0"}, headers=headers).content == plain


def test_only_a_csv_can_have_a_byte_order_mark(client: TestClient, user: TrackedUser) -> None:
    path = f"/v1/users/{user.id}/repos"

    (error,) = client.get(path, params={"bom": "1"}).json()["detail"]

    assert error["loc"] == ["query", "bom"]
    assert "add format=csv" in error["msg"]
    assert client.get(path, params={"bom": "1"}, headers={"Accept": "text/csv"}).is_success
    assert client.get(path, params={"bom": "yes", "format": "csv"}).status_code == 422


@pytest.mark.parametrize("path", LISTS[:4])
def test_an_empty_csv_has_only_the_header_line(
    client: TestClient, connection: Connection, path: str
) -> None:
    factories.add_user(connection, 1428904, "allien")
    past = {"date_from": "2001-01-01", "date_to": "2001-01-02"}
    if path.endswith("/repos"):
        past = {}

    table = client.get(path, params={"format": "csv", **past}).text
    lines = client.get(path, params={"format": "ndjson", **past}).text

    assert table.count("\r\n") == 1
    assert table.count(",") > 3
    assert lines == ""


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/ndjson", "application/x-ndjson"),
        ("application/*", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("application/json; q=0, */*", "text/csv"),
        ("text/html, text/csv;q=0.1", "text/csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_accept_chooses_the_format(client: TestClient, accept: str, type_: str) -> None:
    for path in LISTS:
        answer = client.get(path, headers={"Accept": accept})

        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == type_
        assert answer.headers["vary"].split(", ")[0] == "Accept"


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    "accept", ["text/html", "text/csv;q=0", "*/*;q=0", "csv", ";;,=", "text/csv;q=x", "image/*"]
)
def test_accept_without_an_available_format_is_406(client: TestClient, accept: str) -> None:
    for path in LISTS:
        answer = client.get(path, headers={"Accept": accept})

        assert answer.status_code == 406
        assert "application/json, text/csv and application/x-ndjson" in answer.json()["detail"]
        assert answer.headers["vary"] == "Accept"


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("path", LISTS)
def test_the_parameter_takes_precedence_over_accept(client: TestClient, path: str) -> None:
    answer = client.get(path, params={"format": "json"}, headers={"Accept": "text/csv"})

    assert answer.headers["content-type"] == "application/json"
    assert client.get(path, params={"format": "csv"}, headers={"Accept": "x/y"}).is_success


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("format_", ["xlsx", "CSV", ""])
def test_an_unknown_format_is_422(client: TestClient, path: str, format_: str) -> None:
    answer = client.get(path, params={"format": format_})

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", "format"]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/users/1428904/stats?date_from=2024-03-01", "allien-stats-2024-03-01-2024-03-10"),
        ("/v1/users/1428904/scans?date_from=2024-03-01", "allien-scans-2024-03-01-2024-03-10"),
        ("/v1/users/1428904/repos?fork=false", "allien-repos"),
        (
            "/v1/users/1428904/growth?by=forks&date_from=2024-03-01",
            "allien-growth-forks-2024-03-01-2024-03-10",
        ),
        (
            "/v1/repos/7329078/stats?date_from=2024-03-01",
            "allien-repository-7329078-stats-2024-03-01-2024-03-10",
        ),
    ],
)
def test_downloads_have_descriptive_file_names(client: TestClient, path: str, name: str) -> None:
    for format_ in ("csv", "ndjson"):
        answer = client.get(f"{path}&format={format_}")
        header = answer.headers["content-disposition"]
        assert header == f'attachment; filename="{name}.{format_}"'
    assert "content-disposition" not in client.get(path).headers


def add(connection: Connection, user: TrackedUser, name: str, description: str) -> int:
    seen = replace(factories.make_repository(name=name), description=description)
    repositories.save(connection, user.id, TODAY, [seen])
    factories.add_history(connection, user, seen, until=TODAY, stargazers=[1, 2])
    return seen.id


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_preserved(
    client: TestClient, connection: Connection, user: TrackedUser, text: str
) -> None:
    repository_id = str(add(connection, user, text, text))
    path = f"/v1/users/{user.id}/repos"

    (row,) = [
        row for row in table_of(client.get(f"{path}?format=csv")) if row["id"] == repository_id
    ]
    named = client.get(f"/v1/repos/{repository_id}/stats?format=csv")

    assert (row["name"], row["full_name"], row["description"]) == (text, f"allien/{text}", text)
    # No character ends the header or changes the directory.
    header = named.headers["content-disposition"].removeprefix('attachment; filename="')
    assert set(header.removesuffix('"')) <= set(FILE_NAME)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(
    client: TestClient, connection: Connection, user: TrackedUser, text: str
) -> None:
    repository_id = str(add(connection, user, text, text))

    for path, key in (("repos", "id"), ("growth", "repo_id")):
        table = table_of(client.get(f"/v1/users/{user.id}/{path}?format=csv"))
        (row,) = [row for row in table if row[key] == repository_id]
        assert row["name"] == f"'{text}"
    # JSON has the original name.
    names = [row["name"] for row in client.get(f"/v1/users/{user.id}/repos").json()]
    assert text in names


def test_a_login_that_begins_with_a_hyphen_is_neither_a_formula_nor_an_option(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection, login="-old")
    factories.add_repository(connection, user, name="r")

    answer = client.get(f"/v1/users/{user.id}/repos?format=csv")

    assert [row["full_name"] for row in table_of(answer)] == ["'-old/r"]
    assert answer.headers["content-disposition"] == 'attachment; filename="old-repos.csv"'


def test_a_negative_number_stays_a_number(
    client: TestClient, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user, name="fell")
    factories.add_history(connection, user, repository, until=TODAY, stargazers=[900, 2])

    table = table_of(client.get(f"/v1/users/{user.id}/growth?format=csv"))

    assert (table[0]["name"], table[0]["difference"]) == ("fell", "-898")


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_csv_and_ndjson_are_streamed(client: TestClient, format_: str) -> None:
    answer = client.get("/v1/repos/7329078/stats", params={"format": format_})

    assert "content-length" not in answer.headers


@pytest.mark.parametrize("number", [0, 1, 4, 5, 12])
def test_rows_in_chunks_are_the_same_as_in_one(number: int) -> None:
    rows = [{"id": each, "name": f"={each}"} for each in range(number)]

    lines = list(formats.ndjson_chunks(rows, chunk_rows=4))
    table = list(formats.csv_chunks(["id", "name"], rows, chunk_rows=4))

    assert len(lines) == math.ceil(number / 4)
    assert len(table) == max(1, len(lines))
    assert b"".join(lines) == b"".join(formats.ndjson_chunks(rows))
    assert b"".join(table) == b"".join(formats.csv_chunks(["id", "name"], rows))
    assert [json.loads(line) for line in b"".join(lines).splitlines()] == rows
    assert b"".join(table).count(b"\r\n") == number + 1


@pytest.mark.usefixtures("user")
def test_head_returns_no_rows(client: TestClient) -> None:
    answer = client.head("/v1/users/1428904/stats?format=csv")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/csv")


def test_the_next_link_keeps_the_format(client: TestClient, user: TrackedUser) -> None:
    answer = client.get(f"/v1/users/{user.id}/repos?format=csv&limit=1")
    rest = client.get(answer.links["next"]["url"])

    ids = [row["id"] for page in (answer, rest) for row in table_of(page)]
    assert ids == ["7329078", "7329079"]
