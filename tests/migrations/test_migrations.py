import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text

from common.errors import SetupError
from common.stats import create_partitions
from common.tables import metadata
from local.ports import free_port
from tests.locks import is_waiting_for_a_lock
from tests.servers import ROOT, Databases, migrate
from tests.waiting import wait_until

VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))

_LOCK = 7_266_773_001


def config(url: str) -> Config:
    made = Config(ROOT / "alembic.ini")
    made.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    made.attributes["url"] = url
    return made


def open_engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    with databases.fresh(migrated=False) as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Connection]:
    """A connection to an empty database."""
    with open_engine(empty_url).connect() as opened:
        yield opened.execution_options(isolation_level="AUTOCOMMIT")


TABLES = """
    SELECT c.relname, c.relkind::text, pg_get_partkeydef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND NOT c.relispartition AND c.relname <> 'alembic_version'
      AND c.relkind IN ('r', 'p', 'v', 'S')
"""
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity::text, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = 'public' AND NOT c.relispartition AND c.relname <> 'alembic_version'
      AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
    SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND NOT c.relispartition AND c.relname <> 'alembic_version'
"""
INDEXES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
      AND tablename NOT LIKE 'daily\\_stats\\_%'
"""
FUNCTIONS = """
    SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
"""


def shape(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in connection.execute(text(query))), key=str)


def everything(connection: Connection) -> list[tuple[object, ...]]:
    queries = (TABLES, COLUMNS, CONSTRAINTS, INDEXES, FUNCTIONS)
    return [row for query in queries for row in shape(connection, query)]


def test_upgrade_of_an_empty_database_reaches_head(empty_url: str, empty: Connection) -> None:
    migrate(empty_url)

    context = MigrationContext.configure(empty)
    assert context.get_current_revision() == VERSIONS[-1].name[:4]


def test_downgrade_to_base_leaves_nothing(empty_url: str, empty: Connection) -> None:
    migrate(empty_url)

    command.downgrade(config(empty_url), "base")

    assert everything(empty) == []


def test_upgrade_after_a_downgrade_gives_the_same_schema(empty_url: str, empty: Connection) -> None:
    migrate(empty_url)
    first = everything(empty)
    command.downgrade(config(empty_url), "base")

    migrate(empty_url)

    assert everything(empty) == first


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_each_migration_can_be_downgraded(empty_url: str, empty: Connection, path: Path) -> None:
    revision = path.name[:4]
    before = f"{int(revision) - 1:04}"
    if before != "0000":
        migrate(empty_url, before)
    shape_before = everything(empty)

    migrate(empty_url, revision)
    assert everything(empty) != shape_before
    command.downgrade(config(empty_url), "-1")

    assert everything(empty) == shape_before


def test_models_equal_migrations(connection: Connection) -> None:
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "include_object": lambda _item, name, kind, _reflected, _other: (
                kind != "table" or not str(name).startswith("daily_stats_")
            ),
        },
    )

    assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("query", [TABLES, COLUMNS, CONSTRAINTS, INDEXES])
def test_database_created_from_the_models_is_the_same(
    connection: Connection, empty: Connection, query: str
) -> None:
    """Compare what Alembic does not: checks, defaults, partitioning, included columns."""
    (clock,) = (row for row in shape(connection, FUNCTIONS) if row[0] == "repopulse_now")
    empty.execute(text(str(clock[1])))
    metadata.create_all(empty)

    assert shape(empty, query) == shape(connection, query)


def test_alembic_check_finds_nothing(database_url: str) -> None:
    command.check(config(database_url))


def test_vanished_users_of_release_0_2_0_are_due_at_once(empty_url: str, empty: Connection) -> None:
    migrate(empty_url, "0008")
    empty.execute(
        text(
            "INSERT INTO users (id, login, name, not_before, missing_since) VALUES"
            " (1, 'gone', 'Gone', now() + interval '20 days', current_date - 40),"
            " (2, 'there', 'There', now() + interval '1 hour', NULL)"
        )
    )

    migrate(empty_url)

    due = empty.execute(text("SELECT id FROM users WHERE not_before <= now()")).scalars()
    assert list(due) == [1]


def test_current_names_are_taken_from_users_and_repositories(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0011")
    empty.execute(
        text(
            """
            INSERT INTO users (id, login, name, added_at, scanned_on) VALUES
                (1, 'giver', 'G', '2020-01-01 12:00Z', '2020-11-20'),
                (2, 'taker', 'T', '2020-02-02 12:00Z', NULL),
                (3, 'ahead', 'A', '2020-03-03 12:00Z', '2140-01-01');
            INSERT INTO repositories
                (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)
            VALUES (7, 1, 'kept', false, false, '2020-01-01', '2020-11-20'),
                (8, 2, 'moved', false, false, '2020-01-01', '2020-11-19'),
                (9, 1, 'ahead', false, false, '2020-01-01', '2140-01-01');
            INSERT INTO ownerships (user_id, repo_id) VALUES (1, 7), (1, 8), (2, 8), (1, 9)
            """
        )
    )

    migrate(empty_url)

    rows = empty.execute(
        text(
            """
            SELECT user_id, repo_id, name,
                   CASE WHEN first_seen_on < '2021-01-01' THEN first_seen_on::text
                        WHEN first_seen_on <= (now() AT TIME ZONE 'UTC')::date THEN 'today' END,
                   last_seen_on
            FROM names ORDER BY user_id, repo_id NULLS FIRST
            """
        )
    )
    assert [tuple(row) for row in rows] == [
        (1, None, "giver", "2020-11-20", None),
        (1, 7, "kept", "2020-11-20", None),
        (1, 9, "ahead", "today", None),
        (2, None, "taker", "2020-02-02", None),
        (2, 8, "moved", "2020-11-19", None),
        (3, None, "ahead", "today", None),
    ]


def test_files_are_numbered_without_gaps() -> None:
    assert [path.name[:5] for path in VERSIONS] == [
        f"{number:04}_" for number in range(1, len(VERSIONS) + 1)
    ]


def test_each_revision_id_is_the_number_of_its_file() -> None:
    script = ScriptDirectory.from_config(config("postgresql://nowhere"))
    chain = [
        (revision.revision, revision.down_revision, Path(revision.path).name[:4])
        for revision in reversed(list(script.walk_revisions()))
    ]
    numbers = [f"{number:04}" for number in range(1, len(VERSIONS) + 1)]

    assert chain == list(zip(numbers, [None, *numbers], numbers, strict=False))


def test_there_is_one_head() -> None:
    script = ScriptDirectory.from_config(config("postgresql://nowhere"))

    assert len(script.get_heads()) == 1


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_migrations_do_not_import_the_product(path: Path) -> None:
    imports = re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)

    assert not {"common", "api", "worker"} & set(imports)


def test_concurrent_migrations_all_succeed(empty_url: str, empty: Connection) -> None:
    environment = os.environ | {"DATABASE_URL": empty_url}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "migrations"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]

    assert ends == [("", 0), ("", 0)]
    assert MigrationContext.configure(empty).get_current_revision() == VERSIONS[-1].name[:4]


def test_migration_waits_for_another_process_that_migrates(
    empty_url: str, empty: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    other = create_engine(empty_url, poolclass=NullPool).connect()

    def other_ends(seconds: float) -> None:
        slept.append(seconds)
        assert everything(empty) == []
        other.close()

    monkeypatch.setattr("time.sleep", other_ends)
    other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})

    migrate(empty_url)

    assert len(slept) == 1


def test_upgrade_of_a_database_at_head_takes_no_lock(database_url: str, engine: Engine) -> None:
    plain = config(database_url)
    plain.attributes["fast_path"] = True
    with engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})

        # If it took the lock, it would wait for two minutes and fail.
        command.upgrade(plain, "head")


def test_migrations_leave_no_lock_and_no_setting_behind(empty_url: str, empty: Connection) -> None:
    migrate(empty_url)

    assert empty.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0
    # Behind a pooler this may be the session that the migrations used.
    assert empty.scalar(text("SHOW lock_timeout")) == "0"


def test_unreachable_server_gives_an_error_without_the_password() -> None:
    url = make_url(f"postgresql+psycopg2://user:s3cret@127.0.0.1:{free_port()}/name")

    with pytest.raises(SetupError, match="Postgres does not answer") as raised:
        migrate(url.render_as_string(hide_password=False))

    assert "s3cret" not in str(raised.value)


def make_rows(url: str) -> None:
    """Insert rows into three months and into the default partition."""
    with open_engine(url).begin() as connection:
        create_partitions(connection, date(2031, 5, 17))
        connection.execute(
            text(
                """
                INSERT INTO users (id, login, name) VALUES (1, 'octocat', 'The Octocat');
                INSERT INTO repositories
                    (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)
                VALUES (7, 1, 'hello', false, false, '2031-05-01', '2031-05-01');
                INSERT INTO ownerships (user_id, repo_id) VALUES (1, 7);
                INSERT INTO daily_stats (repo_id, date, user_id, stargazers, forks, watchers)
                SELECT 7, CAST(day AS date), 1, extract(doy FROM day), 2, 3
                FROM generate_series(timestamp '2031-05-01', '2031-09-30', '1 day') AS day
                """
            )
        )


ROWS = "SELECT repo_id, date, user_id, stargazers, forks, watchers FROM daily_stats"
KEYS = """
    SELECT t.relname, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relname LIKE 'daily_stats%'
"""
NEW_KEY = "(repo_id, date) INCLUDE (stargazers, forks, watchers, user_id)"
OLD_KEY = "(repo_id, date) INCLUDE (user_id, stargazers, forks, watchers)"


def keys(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    """Return by table the columns of its indexes, and whether each is valid and primary."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for table, definition, *flags in shape(connection, KEYS):
        found.setdefault(str(table), set()).add((str(definition).split(" btree ")[1], *flags))
    return found


def test_every_partition_gets_the_new_key_and_keeps_its_rows(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0004")
    make_rows(empty_url)
    rows = shape(empty, ROWS)
    tables = set(keys(empty))
    assert len(tables) == 5

    migrate(empty_url, "0005")

    assert keys(empty) == {table: {(NEW_KEY, True, True)} for table in tables}
    assert shape(empty, ROWS) == rows

    command.downgrade(config(empty_url), "0004")

    assert keys(empty) == {table: {(OLD_KEY, True, True)} for table in tables}
    assert shape(empty, ROWS) == rows


def test_invalid_index_of_an_aborted_migration_is_rebuilt(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0004")
    make_rows(empty_url)
    broken, whole = "daily_stats_2031_05", "daily_stats_2031_06"
    for month in (broken, whole):
        empty.execute(text(f"CREATE UNIQUE INDEX {month}_key ON {month} {NEW_KEY}"))
    empty.execute(
        text(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{broken}_key'::regclass")
    )

    migrate(empty_url, "0005")

    assert all(found == {(NEW_KEY, True, True)} for found in keys(empty).values())


def test_partition_created_during_the_migration_gets_the_new_key(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0004")
    make_rows(empty_url)

    with reader_of(empty_url, "ONLY daily_stats") as reader, ThreadPoolExecutor(1) as pool:
        migration = pool.submit(migrate, empty_url, "0005")
        # The partitions have their new indexes by now.
        wait_until(lambda: is_waiting_for_a_lock(empty), 20)
        with open_engine(empty_url).begin() as sweep:
            assert create_partitions(sweep, date(2031, 8, 1))
        reader.rollback()
        migration.result(60)

    assert len(keys(empty)) == 8
    assert all(found == {(NEW_KEY, True, True)} for found in keys(empty).values())


@contextmanager
def reader_of(url: str, table: str) -> Iterator[Connection]:
    """Read a table in a transaction that stays open, as a backup does."""
    with open_engine(url).connect() as reader:
        reader.execute(text(f"LOCK TABLE {table} IN ACCESS SHARE MODE"))
        yield reader


def test_migration_that_waits_for_a_long_read_lets_other_readers_pass(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0001")

    with reader_of(empty_url, "repositories") as long, ThreadPoolExecutor(1) as pool:
        migration = pool.submit(migrate, empty_url, "0002")
        for _ in range(2):
            wait_until(lambda: is_waiting_for_a_lock(empty), 20)
            with reader_of(empty_url, "users") as other:
                other.execute(text("SET LOCAL lock_timeout = '5s'"))
                # This queues behind the migration, which gives up first.
                assert other.scalar(text("SELECT count(*) FROM repositories")) == 0
        assert not migration.done()
        long.rollback()
        migration.result(60)

    assert MigrationContext.configure(empty).get_current_revision() == "0002"


def test_migration_gives_up_on_a_table_that_stays_in_use(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_url, "0001")
    minutes = iter(range(0, 6000, 60))
    monkeypatch.setattr("time.monotonic", lambda: next(minutes))
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    with (
        reader_of(empty_url, "repositories"),
        pytest.raises(SetupError, match=r"in use for two minutes: look for long transactions"),
    ):
        migrate(empty_url, "0002")


def make_done_days(connection: Connection) -> None:
    """Make a user with a whole day in each of two months, and one that is not whole."""
    connection.execute(
        text(
            """
            INSERT INTO users (id, login, name) VALUES (1, 'octo', 'Octo');
            INSERT INTO repositories
                (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)
            SELECT id, 1, 'r' || id, false, false, '2026-09-30', '2026-09-30'
            FROM generate_series(1, 2) id;
            INSERT INTO ownerships (user_id, repo_id) VALUES (1, 1), (1, 2);
            INSERT INTO daily_stats (user_id, repo_id, date, stargazers, forks, watchers)
            SELECT 1, repo, day, 10 * repo, repo, 3
            FROM generate_series(1, 2) repo,
                 unnest(ARRAY[date '2026-09-30', '2026-10-01', '2026-10-02']) day;
            INSERT INTO scans (user_id, day, state, finished_at) VALUES
            (1, '2026-09-30', 'done', '2026-09-30 05:00Z'),
            (1, '2026-10-01', 'done', '2026-10-01 05:00Z'),
            (1, '2026-10-02', 'incomplete', '2026-10-02 05:00Z');
            """
        )
    )


def read_totals(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(
        text(
            "SELECT to_char(day, 'MM-DD'), stargazers, forks, watchers, totals_at = finished_at"
            " FROM scans ORDER BY day"
        )
    )
    return [tuple(row) for row in rows]


TOTALS = [("09-30", 30, 3, 6, True), ("10-01", 30, 3, 6, True), ("10-02", None, None, None, None)]


def test_totals_of_past_days_are_added_up_while_others_read_and_write(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0014")
    make_done_days(empty)

    with open_engine(empty_url).connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text("LOCK TABLE daily_stats"))
        migration = pool.submit(migrate, empty_url, "0015")
        wait_until(lambda: is_waiting_for_a_lock(empty), 20)
        with open_engine(empty_url).begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert other.scalar(text("SELECT count(stargazers) FROM scans")) == 0
            other.execute(text("INSERT INTO scans (user_id, day) VALUES (1, '2026-10-03')"))
            other.rollback()
        holder.rollback()
        migration.result(60)

    assert read_totals(empty) == TOTALS


def test_totals_that_were_cut_off_are_completed_by_the_next_attempt(
    empty_url: str, empty: Connection
) -> None:
    migrate(empty_url, "0015")
    make_done_days(empty)
    empty.execute(text("UPDATE alembic_version SET version_num = '0014'"))

    migrate(empty_url, "0015")

    assert read_totals(empty) == TOTALS
