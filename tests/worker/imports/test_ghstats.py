"""The database of ghstats, and databases that pretend to be one."""

import io
import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from common.imports import ImportFormat
from tests.worker.imports.desk import Desk
from worker.imports import ghstats
from worker.imports.ghstats import read
from worker.imports.rows import Basis, FileRefusedError, Refusal, Row

SCHEMA = """
    CREATE TABLE repos (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE repo_stats (
        repo_id INTEGER NOT NULL, date TEXT NOT NULL,
        stars INTEGER NOT NULL DEFAULT 0, forks INTEGER NOT NULL DEFAULT 0,
        watchers INTEGER NOT NULL DEFAULT 0, issues INTEGER NOT NULL DEFAULT 0,
        views_count INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (repo_id, date)
    );
    INSERT INTO repos VALUES (11, 'octo/cat'), (21, 'hexa/pod');
"""

DAY = date(2024, 1, 31)


def database(
    path: Path, rows: Sequence[tuple[object, ...]] = (), *, more: str = "", schema: str = SCHEMA
) -> bytes:
    """Return the bytes of a database."""
    file = path / "ghstats.db"
    file.unlink(missing_ok=True)
    connection = sqlite3.connect(file)
    connection.executescript(schema + more)
    insert = "INSERT INTO repo_stats (repo_id, date, stars, forks, watchers) VALUES (?, ?, ?, ?, ?)"
    for row in rows:
        connection.execute(insert, row)
    connection.commit()
    connection.close()
    return file.read_bytes()


def rows(content: bytes) -> list[Row | Refusal]:
    return list(read(io.BytesIO(content)).rows)


def test_stars_and_forks_are_read_and_watchers_left_out(tmp_path: Path) -> None:
    parsed = read(io.BytesIO(database(tmp_path, [(11, "2024-01-31T00:00:00Z", 110, 4, 110)])))

    assert parsed.basis is Basis.OBSERVED
    assert "the highest count of that day" in parsed.notes[0]
    assert parsed.notes[1].startswith("Watchers are left out")
    assert list(parsed.rows) == [Row(1, 11, DAY, 110, 4, None)]


def test_what_ghstats_writes_without_counting_is_not_taken_for_a_count(tmp_path: Path) -> None:
    content = database(
        tmp_path,
        [
            (11, "2024-01-28", 0, 0, 0),
            (11, "2024-01-29", 50, 0, 0),
            (11, "2024-01-30", 0, 3, 0),
            (11, "2024-01-31", 50, 0, 50),
        ],
    )

    first, *others = rows(content)
    assert isinstance(first, Refusal)
    assert "only visits" in first.reason
    assert others == [
        Row(2, 11, date(2024, 1, 29), 50, None),
        Row(3, 11, date(2024, 1, 30), 0, 3),
        Row(4, 11, DAY, 50, 0),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((11, "yesterday", 1, 1, 1), "yesterday is not a date like 2024-06-10"),
        ((11, 20240131.5, 1, 1, 1), "20240131.5 is not a date like 2024-06-10"),
        ((11, b"2024-01-31", 1, 1, 1), "date is not a text"),
        ((11, "x" * 2000, 1, 1, 1), "date is not a text"),
        (("eleven", "2024-01-31", 1, 1, 1), "repo_id is not a number"),
        ((11, "2024-01-31", "many", 1, 1), "many is not a count"),
        ((11, "2024-01-31", -1, 1, 1), "-1 is not a count"),
        ((11, "2024-01-31", 1.5, 1, 1), "1.5 is not a count"),
        ((11, "2024-01-31", b"\x00", 1, 1), "a count is binary data"),
    ],
)
def test_any_value_in_any_column_is_refused_if_it_is_not_what_it_should_be(
    tmp_path: Path, row: tuple[object, ...], reason: str
) -> None:
    content = database(tmp_path, [row, (21, "2024-01-31", 7.0, "8", 7)])

    assert rows(content) == [Refusal(1, reason), Row(2, 21, DAY, 7, 8)]


def test_a_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    bad = "INSERT INTO repo_stats VALUES (11, CAST(x'ff41' AS TEXT), 1, 1, 1, 1, 1);"
    (refusal,) = rows(database(tmp_path, more=bad))

    assert refusal == Refusal(1, "\ufffdA is not a date like 2024-06-10")


def test_a_database_with_a_write_ahead_log_is_read_without_it(tmp_path: Path) -> None:
    content = database(
        tmp_path, [(11, "2024-01-31", 1, 1, 1)], schema="PRAGMA journal_mode = WAL;" + SCHEMA
    )

    assert content[18:20] == b"\x02\x02"
    assert rows(content) == [Row(1, 11, DAY, 1, 1)]


@pytest.mark.parametrize(
    "more",
    [
        "CREATE VIEW everything AS SELECT * FROM repos;",
        "CREATE TRIGGER bad AFTER INSERT ON repos BEGIN SELECT 1; END;",
        "DROP TABLE repo_stats; CREATE VIEW repo_stats AS SELECT 1 AS repo_id;",
        "CREATE VIRTUAL TABLE words USING fts5(word);",
    ],
)
def test_views_triggers_and_virtual_tables_are_refused(tmp_path: Path, more: str) -> None:
    with pytest.raises(FileRefusedError, match="views, triggers or virtual tables"):
        rows(database(tmp_path, more=more))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("DROP TABLE repo_stats;", "no table repo_stats"),
        ("ALTER TABLE repo_stats DROP COLUMN forks;", "no column forks"),
        (
            (
                "ALTER TABLE repo_stats DROP COLUMN forks;"
                "ALTER TABLE repo_stats ADD COLUMN forks AS (abs(-9223372036854775807));"
            ),
            "no column forks",
        ),
    ],
)
def test_another_schema_is_refused(tmp_path: Path, more: str, reason: str) -> None:
    with pytest.raises(FileRefusedError, match=reason):
        rows(database(tmp_path, more=more))


def test_a_schema_that_was_changed_behind_sqlites_back_is_refused(tmp_path: Path) -> None:
    content = database(tmp_path, [(11, "2024-01-31", 1, 1, 1)])
    with pytest.raises(FileRefusedError, match="cannot read"):
        rows(content.replace(b"CREATE TABLE repo_stats", b"CREATE TABEL repo_stats"))


@pytest.mark.parametrize("size", [0, 15, 16, 17, 100, 4096, 5000, 8192])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, size: int) -> None:
    content = database(tmp_path, [(11, f"2024-01-{day:02}", 1, 1, 1) for day in range(1, 32)])
    assert size < len(content)

    with pytest.raises(FileRefusedError):
        rows(content[:size])


def test_any_damaged_page_is_refused_or_read(tmp_path: Path) -> None:
    """Whatever bytes are wrong, reading ends, with nothing but refusals of the file."""
    content = database(tmp_path, [(11, f"2024-01-{day:02}", 1, 1, 1) for day in range(1, 32)])
    for place in range(100, len(content), 61):
        damaged = bytearray(content)
        damaged[place : place + 8] = b"\xff" * 8
        try:
            rows(bytes(damaged))
        except FileRefusedError:
            continue


def test_the_steps_of_sqlite_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghstats, "_MAX_STEPS", 20_000)
    content = database(tmp_path, [(number, "2024-01-31", 1, 1, 1) for number in range(20_000)])

    with pytest.raises(FileRefusedError, match="interrupted"):
        rows(content)


def test_nothing_but_the_table_can_be_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.deserialize(database(tmp_path))
    connection.set_authorizer(ghstats.authorize)
    connection.execute("SELECT repo_id FROM repo_stats")

    for statement in (
        "SELECT name FROM repos",
        "SELECT abs(repo_id) FROM repo_stats",
        "ATTACH ':memory:' AS other",
        "PRAGMA writable_schema = ON",
        "DELETE FROM repo_stats",
    ):
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute(statement)


def test_a_database_is_imported(desk: Desk, tmp_path: Path) -> None:
    content = database(
        tmp_path,
        [
            (11, "2024-01-31", 110, 4, 110),
            (21, "2024-01-31", 7, 0, 7),
            (99, "2024-01-31", 1, 1, 1),
        ],
    )

    report = desk.report(content, ImportFormat.GHSTATS)

    assert report["refusals"] == [
        {"reason": "repository 99 is not followed", "rows": 1, "lines": [3]}
    ]
    assert desk.staged() == [
        (11, "2024-01-31", 110, 4, None),
        (21, "2024-01-31", 7, 0, None),
    ]
