"""``python -m api.restore``: an export becomes the same installation, or nothing at all."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BufferedReader, BytesIO
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

from api import restore
from api.queries import export
from api.restore import RestoreError
from common import export_records, tables
from common.db import make_engine
from common.export_reader import ExportError
from tests import everything, factories
from tests.api.conftest import MakeClient
from tests.servers import ROOT, Databases
from tests.waiting import wait_until


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """The address of another installation."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_url, process="test", pool_size=4)
    yield engine
    engine.dispose()


def opened(content: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(content))


def exported(engine: Engine) -> bytes:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return b"".join(export.ndjson(connection))


@pytest.fixture
def whole(engine: Engine) -> bytes:
    """The export of an installation with every kind of row."""
    everything.fill(engine)
    return exported(engine)


def count_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return sum(
            connection.execute(text(f"SELECT count(*) FROM {record.table.name}")).scalar_one()
            for record in export_records.RECORDS
        )


def is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        github = connection.execute(text("SELECT github FROM installation")).scalar_one()
    return count_rows(engine) == 0 and github is None


def test_an_export_that_is_restored_and_exported_again_has_the_same_bytes(
    whole: bytes, empty: Engine
) -> None:
    counts = restore.restore(empty, opened(whole))

    assert exported(empty) == whole
    assert set(counts) == {record.type for record in export_records.RECORDS}
    assert sum(counts.values()) == len(whole.splitlines()) - 2
    # Also by another way.
    assert count_rows(empty) == sum(counts.values())


def test_an_export_of_nothing_can_be_restored(engine: Engine, empty: Engine) -> None:
    nothing = exported(engine)

    restore.restore(empty, opened(nothing))

    assert exported(empty) == nothing


def test_restored_rows_are_in_partitions_of_their_months(whole: bytes, empty: Engine) -> None:
    restore.restore(empty, opened(whole))

    with empty.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT tableoid::regclass::text AS name, count(*) AS n FROM daily_stats GROUP BY 1"
            )
        )
        counts = {row.name: row.n for row in rows}
    assert "daily_stats_default" not in counts
    assert counts["daily_stats_2023_12"] == 3
    assert counts["daily_stats_2024_01"] == 2


def test_users_are_due_after_a_restore(whole: bytes, empty: Engine) -> None:
    """What only says how far the work had come is not restored."""
    restore.restore(empty, opened(whole))

    with empty.connect() as connection:
        for table in (tables.users, tables.backfills, tables.imports):
            waits = text(f"SELECT count(*) FROM {table.name} WHERE isfinite(lease_until)")
            assert connection.execute(waits).scalar_one() == 0


def test_a_new_import_gets_another_number(whole: bytes, empty: Engine) -> None:
    restore.restore(empty, opened(whole))

    with empty.begin() as connection:
        added = connection.execute(
            text("INSERT INTO imports (name, format) VALUES ('new', 'csv') RETURNING id")
        ).scalar_one()
        newest = connection.execute(text("SELECT max(id) FROM imports")).scalar_one()
    assert added == newest


def test_the_product_works_with_what_was_restored(
    whole: bytes, empty: Engine, empty_url: str, make_client: MakeClient
) -> None:
    restore.restore(empty, opened(whole))
    client = make_client(database_url=SecretStr(empty_url))

    assert client.get("/v1/export").content == whole
    stats = client.get(f"/v1/users/{everything.BOB.id}/stats?date_from=2020-01-01").json()
    assert len(stats["stats"]) == 4
    with empty.begin() as connection:
        kit = factories.make_repository(everything.KIT, "kit")
        factories.add_history(
            connection,
            everything.BOB,
            kit,
            until=everything.FIRST_DAY,
            stargazers=[1, 2],
        )
    assert client.delete(f"/v1/users/{everything.BOB.id}").status_code == 200


@pytest.mark.parametrize("kind", ["user", "import"])
def test_an_installation_that_is_not_empty_is_refused(
    whole: bytes, empty: Engine, kind: str
) -> None:
    with empty.begin() as connection:
        if kind == "user":
            factories.add_user(connection, 5)
        else:
            connection.execute(text("INSERT INTO imports (name, format) VALUES ('one', 'csv')"))
    before = exported(empty)

    with pytest.raises(RestoreError, match=r"not empty.*new one.*or import it here"):
        restore.restore(empty, opened(whole))

    assert exported(empty) == before


def test_a_database_of_another_github_is_refused(whole: bytes, empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("UPDATE installation SET github = 'github.example.org'"))

    with pytest.raises(RestoreError, match=r"records github\.example\.org.*is of github\.com"):
        restore.restore(empty, opened(whole))

    assert count_rows(empty) == 0


def changed(whole: bytes, type_: str, **values: object) -> bytes:
    """Return an export in which the last record of a type has other values."""
    lines = [orjson.loads(line) for line in whole.splitlines()]
    index = max(i for i, line in enumerate(lines) if line["type"] == type_)
    lines[index] |= values
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def test_a_wrong_line_in_the_middle_leaves_the_installation_empty(
    whole: bytes, empty: Engine
) -> None:
    with pytest.raises(ExportError, match=r"line \d+: forks of observed has to be a number"):
        restore.restore(empty, opened(changed(whole, "observed", forks="many")))

    assert is_empty(empty)


def test_a_file_that_was_cut_leaves_the_installation_empty(whole: bytes, empty: Engine) -> None:
    with pytest.raises(ExportError, match="not whole"):
        restore.restore(empty, opened(b"".join(whole.splitlines(keepends=True)[:-1])))

    assert is_empty(empty)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        # A foreign key, a deferred one, a key that is there already, a check.
        ("observed", {"user_id": 99}),
        ("name", {"user_id": 13, "repo_id": 99}),
        ("user", {"id": 11}),
        ("scan", {"state": "wonderful"}),
        ("observed", {"stargazers": -1}),
    ],
)
def test_a_file_that_contradicts_itself_leaves_the_installation_empty(
    whole: bytes, empty: Engine, type_: str, values: dict[str, object]
) -> None:
    with pytest.raises(ExportError, match="the file contradicts itself: ") as refused:
        restore.restore(empty, opened(changed(whole, type_, **values)))

    assert "\n" not in str(refused.value)
    assert is_empty(empty)


def test_a_restore_waits_for_no_one_who_writes(whole: bytes, empty: Engine) -> None:
    with empty.begin() as other:
        factories.add_user(other, 5)
        with pytest.raises(RestoreError, match="the database is busy"):
            restore.restore(empty, opened(whole))

    assert not is_empty(empty)


def start(url: str, argument: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "api.restore", argument],
        env=os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )


def test_the_command_reads_a_file_and_says_what_it_restored(
    whole: bytes, empty: Engine, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "an export.ndjson.gz"
    file.write_bytes(gzip.compress(whole))

    said, errors = start(empty_url, str(file)).communicate(timeout=60)

    assert errors == b""
    assert said == b"restored 3 users, 8 observed rows, 2 imports with 8 rows\n"
    assert exported(empty) == whole


def test_the_command_refuses_in_one_line(empty_url: str, tmp_path: Path) -> None:
    missing = start(empty_url, str(tmp_path / "missing"))
    _, errors = missing.communicate(timeout=60)

    assert missing.returncode == 1
    assert errors.decode().startswith("repopulse: ")
    assert errors.decode().endswith("missing cannot be read: No such file or directory\n")


def copying(connection: Connection) -> Callable[[], bool]:
    """Return a function that says whether a COPY waits for more lines."""

    def look() -> bool:
        found: int = connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE 'COPY %' AND state = 'active'"
            )
        ).scalar_one()
        return found > 0

    return look


def test_a_restore_that_is_killed_half_way_leaves_the_installation_empty(
    whole: bytes, empty: Engine, empty_url: str
) -> None:
    half = whole.splitlines(keepends=True)
    with ExitStack() as stack:
        killed = stack.enter_context(start(empty_url, "-"))
        assert killed.stdin is not None
        killed.stdin.write(b"".join(half[: len(half) // 2]))
        killed.stdin.flush()
        with empty.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            wait_until(copying(connection), 60)
            killed.kill()
            killed.wait()
            # Postgres notices when it looks for the next line.
            wait_until(lambda: not copying(connection)(), 60)

    assert is_empty(empty)
    restore.restore(empty, opened(whole))
    assert exported(empty) == whole


def test_an_export_over_http_is_what_a_restore_reads(
    engine: Engine, client: TestClient, empty: Engine
) -> None:
    everything.fill(engine)
    with client.stream("GET", "/v1/export", headers={"Accept-Encoding": "gzip"}) as answer:
        compressed = b"".join(answer.iter_raw())

    restore.restore(empty, opened(compressed))

    assert exported(empty) == exported(engine)
