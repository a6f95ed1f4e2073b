"""The export of another installation as an import: its observed rows, by id."""

import gzip
import io
from datetime import date

import orjson
import pytest
from sqlalchemy import Engine, text

from api.queries import export
from common.db import make_engine
from common.imports import ImportFormat
from common.states import ImportState
from tests import everything, factories
from tests.servers import Databases
from tests.worker.imports.desk import Desk
from worker.imports import repopulse
from worker.imports.rows import Basis, FileRefusedError, Row


def exported(engine: Engine) -> bytes:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return b"".join(export.ndjson(connection))


@pytest.fixture
def whole(databases: Databases) -> bytes:
    """The export of another installation with every kind of row."""
    with databases.fresh() as url:
        engine = make_engine(url, process="test")
        everything.fill(engine)
        content = exported(engine)
        engine.dispose()
        return content


def observed(content: bytes) -> list[dict[str, object]]:
    lines = map(orjson.loads, content.splitlines())
    return [line for line in lines if line["type"] == "observed"]


def test_the_observed_rows_are_read_with_their_lines(whole: bytes) -> None:
    parsed = repopulse.read(io.BytesIO(whole))
    rows = list(parsed.rows)

    assert parsed.basis is Basis.OBSERVED
    assert parsed.github == "github.com"
    assert len(rows) == 8
    assert rows[0] == Row(
        1 + whole.splitlines().index(next(line for line in whole.splitlines() if b"serv" in line)),
        everything.TOOL,
        everything.FIRST_DAY,
        42,
        9,
        14,
    )
    assert list(repopulse.read(io.BytesIO(gzip.compress(whole))).rows) == rows


@pytest.mark.parametrize("content", [b"", b"repo,date,stargazers\n", b'{"type":"user"}\n', b"\x1f"])
def test_a_file_that_is_no_export_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefusedError, match=r"not an export of Repopulse|no JSON"):
        repopulse.read(io.BytesIO(content))


def test_an_export_that_was_cut_is_refused(whole: bytes) -> None:
    cut = b"".join(whole.splitlines(keepends=True)[:-1])

    with pytest.raises(FileRefusedError, match="not whole"):
        list(repopulse.read(io.BytesIO(cut)).rows)


def test_the_lines_of_a_file_are_bounded(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repopulse, "MAX_LINES", 5)

    with pytest.raises(FileRefusedError, match="more than 5 lines"):
        list(repopulse.read(io.BytesIO(whole)).rows)


def follow_some(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        user = factories.add_user(connection, 12, "bob")
        factories.add_repository(connection, user, everything.KIT, "kit-by-another-name")


def test_observed_rows_become_imported_ones_and_undo_removes_them(desk: Desk, whole: bytes) -> None:
    follow_some(desk)
    # Those of the clock of this test are days to come.
    past = [
        row
        for row in observed(whole)
        if row["repo_id"] == everything.KIT and str(row["date"]) < "2026-01-01"
    ]
    before = desk.all_tables()

    found = desk.read(whole, ImportFormat.REPOPULSE)
    desk.apply(found.id)

    assert found.report is not None
    assert desk.applied() == [
        (row["repo_id"], row["date"], row["stargazers"], row["forks"], row["watchers"])
        for row in past
    ]
    assert {refusal["reason"] for refusal in found.report["refusals"]} >= {
        f"repository {everything.TOOL} is not followed"
    }
    assert "Only observed rows are imported." in found.report["notes"][0]
    with desk.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM daily_stats")).scalar_one() == 0
    desk.undo(found.id)
    assert desk.all_tables() == before


def test_ids_of_another_github_are_refused(desk: Desk, whole: bytes) -> None:
    follow_some(desk)
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE installation SET github = 'github.example.org'"))

    found = desk.read(whole, ImportFormat.REPOPULSE)

    assert found.state is ImportState.REFUSED
    assert found.reason == "the file is of github.com, and this database records github.example.org"
    assert desk.staged() == []


def test_an_export_of_this_installation_can_be_imported_beside_its_rows(desk: Desk) -> None:
    """Observed rows win wherever there are both."""
    with desk.engine.begin() as connection:
        kit = factories.make_repository(11, "cat")
        factories.add_history(connection, desk.octo, kit, until=date(2024, 5, 2), stargazers=[1, 2])

    found = desk.read(exported(desk.engine), ImportFormat.REPOPULSE)
    desk.apply(found.id)

    assert desk.applied() == [(11, "2024-05-01", 1, 9, 14), (11, "2024-05-02", 2, 9, 14)]
