"""Reading, applying and undoing an import, whatever happens meanwhile."""

from collections.abc import Iterator
from typing import BinaryIO

import pytest
from sqlalchemy import text

from common import imports, users
from common.imports import ImportFormat
from common.states import ImportState
from tests.worker.imports import desk as desks
from tests.worker.imports.desk import Desk
from worker.imports import importer, plain, staging
from worker.imports.importer import Importer
from worker.imports.rows import ParsedFile, Refusal, Row

ROWS = """\
repo,date,stargazers,forks,watchers
octo/cat,2024-01-01,10,2,1
octo/cat,2024-01-02,11,,1
21,2024-01-01,7,0,
"""

STORED = [
    (11, "2024-01-01", 10, 2, 1),
    (11, "2024-01-02", 11, None, 1),
    (21, "2024-01-01", 7, 0, None),
]


def test_reading_stages_the_rows_and_reports_them(desk: Desk) -> None:
    found = desk.read(ROWS)

    assert found.state is ImportState.REPORTED
    assert desk.staged() == STORED
    assert desk.applied() == []
    assert found.report == {
        "basis": "observed",
        "notes": [],
        "rows": 3,
        "days": 3,
        "repeated": 0,
        "first_day": "2024-01-01",
        "last_day": "2024-01-02",
        "repository_count": 2,
        "repositories": [
            {
                "repo_id": 11,
                "full_name": "octo/cat",
                "given": "octo/cat",
                "matched_by": "name",
                "days": 2,
                "first_day": "2024-01-01",
                "last_day": "2024-01-02",
            },
            {
                "repo_id": 21,
                "full_name": "hexa/pod",
                "given": "21",
                "matched_by": "id",
                "days": 1,
                "first_day": "2024-01-01",
                "last_day": "2024-01-01",
            },
        ],
        "refused": 0,
        "refusals": [],
    }


def test_the_file_is_deleted_once_it_is_read(desk: Desk) -> None:
    desk.read(ROWS)
    desk.read("nonsense")

    assert desk.all_tables()["import_chunks"] == []


def test_applying_moves_the_rows(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    desk.process(import_id)

    desk.apply(import_id)

    found = desk.get(import_id)
    assert found is not None
    assert found.report is not None
    assert (found.state, found.report["applied_days"]) == (ImportState.APPLIED, 3)
    assert found.applied_at is not None
    assert desk.applied() == STORED
    assert desk.staged() == []


def test_applying_without_a_report_does_nothing(desk: Desk) -> None:
    import_id = desk.store("nonsense")
    desk.process(import_id)

    desk.apply(import_id)

    found = desk.get(import_id)
    assert found is not None
    assert found.state is ImportState.REFUSED


@pytest.mark.parametrize("stop", ["stored", "read", "applied", "refused"])
def test_undoing_leaves_every_table_as_it_was(desk: Desk, stop: str) -> None:
    other = desk.store(ROWS, name="other")
    desk.process(other)
    desk.apply(other)
    desk.read(ROWS)
    before = desk.all_tables()

    import_id = desk.store("nonsense" if stop == "refused" else ROWS)
    if stop != "stored":
        desk.process(import_id)
    if stop == "applied":
        desk.apply(import_id)
        assert len(desk.applied()) == 6
    desk.undo(import_id)

    assert desk.all_tables() == before


def test_more_rows_than_a_batch_are_read_applied_and_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 2)
    monkeypatch.setattr(staging, "BATCH_ROWS", 2)
    before = desk.all_tables()
    import_id = desk.store(ROWS)

    desk.process(import_id)
    assert desk.staged() == STORED
    desk.apply(import_id)
    assert desk.applied() == STORED
    desk.undo(import_id)

    assert desk.all_tables() == before


def test_repository_that_is_deleted_before_applying_is_left_out(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    desk.process(import_id)
    with desk.engine.begin() as connection:
        users.delete(connection, desk.octo.id)

    assert desk.staged() == STORED[2:]
    desk.apply(import_id)

    assert desk.applied() == STORED[2:]


def test_row_of_a_deleted_repository_that_was_staged_late_is_left_out(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    with desk.engine.begin() as connection:
        users.delete(connection, desk.octo.id)
        connection.execute(
            text(
                "INSERT INTO import_rows (import_id, repo_id, date, stargazers, line, repeats)"
                " VALUES (:id, 11, '2024-01-01', 1, 2, 0)"
            ),
            {"id": import_id},
        )
        connection.execute(text("UPDATE imports SET state = 'applying'"))

    desk.process(import_id)

    assert desk.applied() == []


def test_deleting_a_user_deletes_what_was_imported(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    desk.process(import_id)
    desk.apply(import_id)

    with desk.engine.begin() as connection:
        users.delete(connection, desk.octo.id)

    assert desk.applied() == STORED[2:]


# Leases


def test_a_second_task_leaves_an_import_to_the_first(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    with desk.engine.begin() as connection:
        assert imports.begin(connection, import_id, holder="first", lease=60)

    assert "nothing to do" in desk.process(import_id, holder="second").summary
    assert "read: 3 days" in desk.process(import_id, holder="first").summary


def test_a_task_whose_import_is_undone_meanwhile_stops(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", 1)
    before = desk.all_tables()
    import_id = desk.store(ROWS)

    def read(file: BinaryIO) -> ParsedFile:
        parsed = plain.read(file)
        return ParsedFile(undo_after_the_first(parsed.rows), parsed.basis)

    def undo_after_the_first(rows: Iterator[Row | Refusal]) -> Iterator[Row | Refusal]:
        for row in rows:
            yield row
            assert desk.staged() == STORED[:1]
            with desk.engine.begin() as connection:
                imports.request_undo(connection, import_id)

    interrupted = Importer(desk.engine, desk.settings, readers={ImportFormat.CSV: read})
    assert interrupted.process(import_id, holder="task").summary.startswith("stopped")
    desk.process(import_id, holder="next")

    assert desk.all_tables() == before


def test_reading_begins_anew_after_a_task_was_killed(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    with desk.engine.begin() as connection:
        imports.begin(connection, import_id, holder="killed", lease=0)
        connection.execute(
            text(
                "INSERT INTO import_rows (import_id, repo_id, date, stargazers, line, repeats)"
                " VALUES (:id, 11, '2024-01-01', 999, 2, 0)"
            ),
            {"id": import_id},
        )

    desk.process(import_id, holder="next")

    assert desk.staged() == STORED


def test_a_file_that_kills_its_reader_each_time_is_refused(desk: Desk) -> None:
    import_id = desk.store(ROWS)
    for holder in "abc":
        with desk.engine.begin() as connection:
            imports.begin(connection, import_id, holder=holder, lease=0)

    desk.process(import_id)

    found = desk.get(import_id)
    assert found is not None
    assert (found.state, found.reason) == (ImportState.REFUSED, "reading it failed 3 times")


# Repositories


def test_a_former_name_is_found(desk: Desk) -> None:
    desk.name_repository(desk.octo, 11, "lion")

    report = desk.report("repo,date,stargazers\nOcto/CAT,2024-01-01,10\n")

    assert report["repositories"][0]["matched_by"] == "former name"
    assert report["repositories"][0]["full_name"] == "octo/lion"


def test_a_name_that_two_repositories_had_is_refused(desk: Desk) -> None:
    desk.name_repository(desk.octo, 11, "lion")
    desk.name_repository(desk.octo, 13, "cat")

    found = desk.read("repo,date,stargazers\nocto/cat,2024-01-01,10\n")

    assert found.state is ImportState.REFUSED
    assert found.report is not None
    assert found.report["refusals"] == [
        {
            "reason": "several repositories have or had the name octo/cat:"
            " give the id, one of 11, 13",
            "rows": 1,
            "lines": [2],
        }
    ]


def test_what_is_not_tracked_is_refused_by_name(desk: Desk) -> None:
    report = desk.report(
        "repo,date,stargazers\n"
        "octo/cat,2024-01-01,10\nno/one,2024-01-01,1\nno/one,2024-01-02,1\n4711,2024-01-02,1\n"
        "99999999999999999999,2024-01-02,1\n"
    )

    assert report["refused"] == 4
    assert report["refusals"] == [
        {"reason": "99999999999999999999 is not a repository", "rows": 1, "lines": [6]},
        {"reason": "repository no/one is not followed", "rows": 2, "lines": [3, 4]},
        {"reason": "repository 4711 is not followed", "rows": 1, "lines": [5]},
    ]


def test_a_file_without_repositories_needs_the_name(desk: Desk) -> None:
    content = "date,stargazers\n2024-01-01,10\n"

    assert "give its name" in (desk.read(content).reason or "")
    assert desk.report(content, repository="octo/cat")["days"] == 1
    assert "without a name" in (desk.read(ROWS, repository="octo/cat").reason or "")


# Rows that cannot be


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("octo/cat,2026-11-24,1", "a day in the future"),
        ("octo/cat,2007-12-31,1", "a day before 2008, when GitHub began"),
        ("octo/cat,2024-01-01,", "no count"),
        ("octo/cat,2024-01-01,2147483648", "a count that is out of range"),
        ("octo/cat,2024-01-01,99999999999", "a count that is out of range"),
    ],
)
def test_a_row_that_cannot_be_is_refused(desk: Desk, row: str, reason: str) -> None:
    report = desk.report(f"repo,date,stargazers\n{row}\n11,2024-01-02,1\n")

    assert report["refusals"] == [{"reason": reason, "rows": 1, "lines": [2]}]
    assert desk.staged() == [(11, "2024-01-02", 1, None, None)]


def test_today_and_the_first_day_of_github_are_accepted(desk: Desk) -> None:
    report = desk.report(f"repo,date,stargazers\n11,{desks.TODAY},0\n11,2008-01-01,2147483647\n")

    assert (report["days"], report["refused"]) == (2, 0)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_equal_rows_count_once_and_different_ones_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(importer, "BATCH_ROWS", batch)
    report = desk.report(
        "repo,date,stargazers\n"
        "11,2024-01-01,1\n11,2024-01-02,2\nocto/cat,2024-01-01,1\n11,2024-01-02,3\n"
        "11,2024-01-02,2\n12,2024-01-02,2\n"
    )

    assert report["refusals"] == [
        {"reason": "the same repository and day with other counts", "rows": 3, "lines": [3, 5]}
    ]
    assert (report["rows"], report["days"], report["repeated"]) == (6, 2, 1)
    import_id = 1
    desk.apply(import_id)
    assert desk.applied() == [
        (11, "2024-01-01", 1, None, None),
        (12, "2024-01-02", 2, None, None),
    ]


def test_report_is_bounded(desk: Desk) -> None:
    lines = "".join(f"no/one-{number},2024-01-01,1\n" for number in range(200))
    report = desk.report(f"repo,date,stargazers\n{lines}11,2024-01-01,1\n")

    assert report["refused"] == 200
    assert len(report["refusals"]) == 51
    assert report["refusals"][-1]["reason"] == "other reasons"
    assert report["refusals"][-1]["rows"] == 150


def test_a_file_with_too_many_rows_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_ROWS", 2)

    found = desk.read(ROWS)

    assert found.reason == "the file has more than 2 rows: split it"
    assert desk.staged() == []


def test_a_repository_that_moved_keeps_its_rows(desk: Desk) -> None:
    desk.name_repository(desk.hexa, 11, "cat")

    report = desk.report("repo,date,stargazers\nocto/cat,2024-01-01,10\n")

    assert report["repositories"][0]["matched_by"] == "former name"
    assert report["repositories"][0]["full_name"] == "hexa/cat"
