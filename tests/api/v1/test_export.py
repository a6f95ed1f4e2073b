"""``GET /v1/export``: all records, of one moment, in a fixed order, within bounds."""

import codecs
import csv
import gzip
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

from api.http import parquet
from api.queries import export
from common import export_records, tables
from tests import everything, factories
from tests.waiting import wait_until


def lines(content: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content.splitlines()]


@pytest.fixture
def full(engine: Engine) -> Engine:
    everything.fill(engine)
    return engine


def test_every_column_is_exported_or_left_out_on_purpose() -> None:
    exported = {record.table.name for record in export_records.RECORDS}

    assert exported | export_records.LEFT_OUT_TABLES == set(tables.metadata.tables)
    assert not exported & export_records.LEFT_OUT_TABLES
    for record in export_records.RECORDS:
        only = {name for name, _ in record.only}
        assert {*record.names, *record.left_out, *only} == set(record.table.columns.keys())
        assert set(record.order) <= set(record.names)
        # How far the work has come, by the names that such columns have.
        assert not record.fields & {"lease_until", "not_before", "held_by", "attempts", "kills"} - (
            {"attempts"} if record is export_records.SCAN else set()
        )


def test_an_export_has_every_kind_of_record_in_order(client: TestClient, full: Engine) -> None:
    answer = client.get("/v1/export")

    header, *records, end = lines(answer.content)
    types = [record["type"] for record in records]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].endswith('Z.ndjson"')
    assert header["format"] == 1
    assert header["github"] == "github.com"
    assert list(dict.fromkeys(types)) == [record.type for record in export_records.RECORDS]
    assert end == {"type": "end", "records": len(records)}


def test_the_records_have_what_the_tables_have(
    client: TestClient, full: Engine, connection: Connection
) -> None:
    records = lines(client.get("/v1/export").content)

    def of_type(name: str) -> list[dict[str, Any]]:
        return [record for record in records if record["type"] == name]

    assert [user["name"] for user in of_type("user")] == [
        everything.ADA.name,
        everything.BOB.name,
        everything.GONE.name,
    ]
    observed = connection.execute(
        text("SELECT repo_id, date, user_id, stargazers, forks, watchers FROM daily_stats")
    ).mappings()
    assert len(of_type("observed")) == 8
    assert sorted(map(str, of_type("observed"))) == sorted(
        str({"type": "observed", **row, "date": row["date"].isoformat()}) for row in observed
    )
    assert {scan["reason"] for scan in of_type("scan")} >= {"GitHub: 502", "no such account"}
    assert {name["name"] for name in of_type("name")} >= {"lovelace", "ada", "tool", "Tool-2"}
    # Only what is applied counts.
    assert [each["name"] for each in of_type("import")] == ["ghstats", 'sheet "2"']
    ids = {each["id"] for each in of_type("import")}
    assert {row["import_id"] for row in of_type("imported")} == ids
    assert len(of_type("imported")) == 8


def test_two_exports_have_the_same_bytes(client: TestClient, full: Engine) -> None:
    assert client.get("/v1/export").content == client.get("/v1/export").content


def test_an_export_of_nothing_has_a_header_and_an_end(client: TestClient) -> None:
    assert lines(client.get("/v1/export").content) == [
        {"type": "export", "format": 1, "github": None, "scanned_on": None},
        {"type": "end", "records": 0},
    ]


def test_an_export_is_compressed_if_the_client_accepts_it(client: TestClient, full: Engine) -> None:
    with client.stream("GET", "/v1/export", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())

    plain = client.get("/v1/export", headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize("accept", ["", "*/*", "application/x-ndjson", "application/ndjson"])
def test_an_export_is_ndjson_where_the_client_does_not_choose(
    client: TestClient, accept: str
) -> None:
    answer = client.get("/v1/export", headers={"Accept": accept})

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_a_format_that_no_export_has_is_refused(client: TestClient) -> None:
    answer = client.get("/v1/export", headers={"Accept": "text/html"})

    assert answer.status_code == 406
    assert client.get("/v1/export?format=json").status_code == 422
    assert client.get("/v1/export?formt=ndjson").status_code == 422


def test_a_head_request_makes_no_export(client: TestClient, engine: Engine) -> None:
    with engine.begin() as holder:
        # Whatever read a table would wait.
        holder.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        answer = client.head("/v1/export")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-disposition"].startswith("attachment")


def test_exports_over_the_limit_are_answered_429(
    client: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = Event()

    def never_ending(_connection: Connection) -> Iterator[bytes]:
        yield b"begun"
        may_end.wait(60)

    def places() -> int:
        taken: int = connection.execute(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = pg_locks.database"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
        ).scalar_one()
        return taken

    with ThreadPoolExecutor(export.MAX_EXPORTS) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(export, "ndjson", never_ending)
            running = [pool.submit(client.get, "/v1/export") for _ in range(export.MAX_EXPORTS)]
            try:
                wait_until(lambda: places() == export.MAX_EXPORTS)
                refused = client.get("/v1/export")
            finally:
                may_end.set()
        answers = [each.result(30) for each in running]

    assert refused.status_code == 429
    assert refused.json() == {"detail": "other exports are running: try again in a minute"}
    assert refused.headers["retry-after"] == "60"
    assert [answer.text for answer in answers] == ["begun"] * export.MAX_EXPORTS
    # Their places are free again.
    wait_until(lambda: places() == 0)
    assert client.get("/v1/export").status_code == 200


def test_an_export_shows_one_moment(
    client: TestClient, full: Engine, connection: Connection
) -> None:
    before = client.get("/v1/export").content
    pieces: list[bytes] = []
    with full.connect().execution_options(isolation_level="REPEATABLE READ") as reading:
        for piece in export.ndjson(reading):
            if not pieces:
                # A scan of this moment is not in it.
                connection.execute(text("UPDATE daily_stats SET forks = forks + 1"))
                connection.execute(text("DELETE FROM imported_stats"))
            pieces.append(piece)

    assert b"".join(pieces) == before
    assert client.get("/v1/export").content != before


def files(content: bytes) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each file of a zip."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
            for name in archive.namelist()
        }


def test_the_csvs_of_a_zip_begin_with_a_byte_order_mark_if_asked_to(client: TestClient) -> None:
    plain = files_of(client.get("/v1/export?format=zip").content)
    marked = files_of(client.get("/v1/export?format=zip&bom=1").content)

    assert marked == {name: codecs.BOM_UTF8 + content for name, content in plain.items()}
    (error,) = client.get("/v1/export?bom=1").json()["detail"]
    assert error["loc"] == ["query", "bom"]


def files_of(content: bytes) -> dict[str, bytes]:
    """Return the bytes of each file of a zip."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_zip_has_a_csv_of_each_type_with_names_beside_ids(
    client: TestClient, full: Engine
) -> None:
    answer = client.get("/v1/export?format=zip")

    found = files(answer.content)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].endswith('Z.zip"')
    assert list(found) == [
        "export.csv",
        *(f"{record.type}.csv" for record in export_records.RECORDS),
    ]
    assert found["export.csv"][0]["github"] == "github.com"
    assert found["observed.csv"][0] == {
        "repo_id": "701",
        "full_name": "ada/Tool-2",
        "date": "2023-12-30",
        "user_id": "11",
        "login": "ada",
        "stargazers": "42",
        "forks": "9",
        "watchers": "14",
    }
    # It was Ada's then, and is Bob's now.
    moved = next(row for row in found["observed.csv"] if row["repo_id"] == "702")
    assert (moved["full_name"], moved["login"]) == ("bob/kit", "ada")
    assert found["repository.csv"][0]["full_name"] == "ada/Tool-2"
    assert found["github_history.csv"][0]["read_at"] == "2026-09-04T23:02:03.000004+00:00"
    assert {row["import"] for row in found["imported.csv"]} == {"ghstats", 'sheet "2"'}
    assert orjson.loads(found["import.csv"][0]["report"])["rows"] == 2
    # A spreadsheet would take it for a formula.
    assert found["repository.csv"][0]["description"] == 'a\t"tool"\\ \x7f'


def test_a_zip_and_ndjson_have_the_same_rows(client: TestClient, full: Engine) -> None:
    records = lines(client.get("/v1/export").content)
    found = files(client.get("/v1/export", headers={"Accept": "application/zip"}).content)

    for record in export_records.RECORDS:
        ids = [name for name in record.order if name != "name"]
        assert [tuple(row[name] for name in ids) for row in found[f"{record.type}.csv"]] == [
            tuple("" if line[name] is None else str(line[name]) for name in ids)
            for line in records
            if line["type"] == record.type
        ]


def test_two_zips_have_the_same_bytes(client: TestClient, full: Engine) -> None:
    first, second = (client.get("/v1/export?format=zip").content for _ in range(2))

    assert first == second


def test_text_in_a_zip_is_no_formula(client: TestClient, connection: Connection) -> None:
    factories.add_user(connection, 5, "eve", "=HYPERLINK(1)")

    found = files(client.get("/v1/export?format=zip").content)

    assert found["user.csv"][0]["name"] == "'=HYPERLINK(1)"


def test_rows_are_read_in_portions(engine: Engine, connection: Connection) -> None:
    user = factories.add_user(connection)
    repository = factories.add_repository(connection, user)
    connection.execute(
        text("""
            INSERT INTO star_gains (repo_id, day, gained_first, gained_last, read_at)
            SELECT :repository, '2000-01-01'::date + number, 1, 1, repopulse_now()
            FROM generate_series(1, 12000) number
        """),
        {"repository": repository.id},
    )
    with engine.begin() as reading:
        for read in (export.json_rows, export.csv_rows):
            sizes = [len(rows) for rows in read(reading, export_records.STAR_GAIN)]
            assert sizes == [5000, 5000, 2000]


def test_parquet_without_pyarrow_is_refused_with_what_to_do(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "is_available", lambda: False)

    answer = client.get("/v1/export?format=parquet")

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == (
        "Parquet needs pyarrow on the server, which is not installed here: install"
        " requirements/parquet.txt, or convert the NDJSON with DuckDB as docs/export.md shows"
    )
    only = client.get("/v1/export", headers={"Accept": "application/vnd.apache.parquet"})
    assert only.status_code == 406
    other = client.get(
        "/v1/export", headers={"Accept": "application/vnd.apache.parquet, */*;q=0.1"}
    )
    assert other.headers["content-type"] == "application/x-ndjson"


@pytest.mark.skipif(
    not parquet.is_available(), reason="needs pyarrow, which `make parquet` installs"
)
def test_parquet_has_each_count_with_its_source(client: TestClient, full: Engine) -> None:
    import pyarrow.parquet  # noqa: PLC0415

    answer = client.get("/v1/export?format=parquet")

    rows = pyarrow.parquet.read_table(BytesIO(answer.content)).to_pylist()
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.content == client.get("/v1/export?format=parquet").content
    assert rows[0] == {
        "repo_id": 701,
        "full_name": "ada/Tool-2",
        "date": everything.FIRST_DAY,
        "user_id": 11,
        "login": "ada",
        "stargazers": 42,
        "forks": 9,
        "watchers": 14,
        "source": "observed",
    }
    assert Counter(row["source"] for row in rows) == {
        "observed": 8,
        "import:ghstats": 4,
        'import:sheet "2"': 4,
    }
    assert {(row["login"], row["forks"]) for row in rows if row["source"] != "observed"} == {
        (None, None)
    }


@pytest.mark.skipif(
    not parquet.is_available(), reason="needs pyarrow, which `make parquet` installs"
)
def test_parquet_of_nothing_has_no_rows(client: TestClient) -> None:
    import pyarrow.parquet  # noqa: PLC0415

    content = client.get("/v1/export?format=parquet").content

    assert pyarrow.parquet.read_table(BytesIO(content)).num_rows == 0
