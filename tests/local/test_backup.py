"""The commands of docs/operations.md for `make up`: what was backed up is there again."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from common import redis_claim
from common.redis_client import connect
from local.lock import DirectoryLock
from local.ports import free_port
from local.postgres import EmbeddedPostgres
from local.valkey import EmbeddedValkey
from tests.documents import commands
from tests.servers import ROOT, migrate

PAGE = "docs/operations.md"

Rows = list[tuple[object, ...]]


def pasted(heading: str) -> str:
    """The page's command as the Makefile runs it, in the environment that is there already."""
    (command,) = [line for line in commands(PAGE, heading) if line.startswith("make ")]
    _, target, file = command.split()
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(rf"\n{target}: .*\n\t@exec \$\(IN\)/python (.*)\n", makefile)
    name, _, value = file.partition("=")
    return f"{shlex.quote(sys.executable)} {recipe.replace(f'$({name})', value)}"


def run(
    heading: str, data_dir: Path, folder: Path, **more: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        pasted(heading),
        shell=True,
        cwd=folder,
        env=os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def running(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """Postgres as a runner runs it."""
    lock = DirectoryLock(data_dir)
    lock.take()
    try:
        with EmbeddedPostgres(data_dir / "postgres", durable=False) as postgres:
            yield postgres
    finally:
        lock.release()


def ask(postgres: EmbeddedPostgres, statement: str) -> Rows:
    url = postgres.url.replace("+psycopg2", "", 1)
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def fill(postgres: EmbeddedPostgres) -> None:
    migrate(postgres.url)
    ask(postgres, "INSERT INTO users (id, login, name) VALUES (1, 'ada', 'Ada'), (2, 'bob', 'Bob')")


def logins(postgres: EmbeddedPostgres) -> list[object]:
    return [login for (login,) in ask(postgres, "SELECT login FROM users ORDER BY id")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a person is who pastes."""
    made = tmp_path / "a folder"
    made.mkdir()
    return made


def test_backup_of_a_running_system_can_be_restored_elsewhere(
    data_dir: Path, folder: Path, tmp_path: Path
) -> None:
    with running(data_dir) as postgres:
        fill(postgres)
        done = run("Back up", data_dir, folder)
        still = logins(postgres)
    elsewhere = tmp_path / "another machine"
    restored = run("Restore", elsewhere, folder)
    with running(elsewhere) as postgres:
        found = logins(postgres)
        revisions = ask(postgres, "SELECT count(*) FROM alembic_version")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (restored.returncode, restored.stdout + restored.stderr) == (0, "")
    assert still == found == ["ada", "bob"]
    assert revisions == [(1,)]


def test_restore_replaces_the_data(data_dir: Path, folder: Path) -> None:
    with running(data_dir) as postgres:
        fill(postgres)
    # Nothing runs: a server is started for the while.
    assert run("Back up", data_dir, folder).returncode == 0
    with running(data_dir) as postgres:
        ask(postgres, "UPDATE users SET login = 'eve' WHERE id = 1")

    assert run("Restore", data_dir, folder).returncode == 0
    with running(data_dir) as postgres:
        assert logins(postgres) == ["ada", "bob"]
        assert ask(postgres, "SELECT datname FROM pg_database WHERE datname ~ '_re'") == []


def test_restored_data_of_another_installation_gets_the_embedded_redis(
    data_dir: Path, folder: Path
) -> None:
    with running(data_dir) as postgres:
        fill(postgres)
    assert run("Back up", data_dir, folder).returncode == 0
    with EmbeddedValkey(data_dir / "valkey") as valkey, connect(valkey.url) as client:
        redis_claim.claim(client, uuid4())
        client.set("kept", 1)

    assert run("Restore", data_dir, folder).returncode == 0

    with EmbeddedValkey(data_dir / "valkey") as valkey, connect(valkey.url) as client:
        assert redis_claim.get_owner(client) is None
        assert client.exists("kept")


@pytest.mark.parametrize("content", [b"", b"not a backup", b"PGDMP then nothing"])
def test_restore_of_a_file_that_is_not_a_backup_changes_nothing(
    data_dir: Path, folder: Path, content: bytes
) -> None:
    with running(data_dir) as postgres:
        fill(postgres)
    (folder / "repopulse.dump").write_bytes(content)

    refused = run("Restore", data_dir, folder)

    assert refused.returncode == 1
    assert refused.stderr.startswith("repopulse: pg_restore: error: ")
    assert refused.stderr.count("\n") == 1
    with running(data_dir) as postgres:
        assert logins(postgres) == ["ada", "bob"]


def test_restore_of_a_truncated_backup_changes_nothing(data_dir: Path, folder: Path) -> None:
    with running(data_dir) as postgres:
        fill(postgres)
        assert run("Back up", data_dir, folder).returncode == 0
    whole = (folder / "repopulse.dump").read_bytes()
    (folder / "repopulse.dump").write_bytes(whole[: len(whole) // 2])

    assert run("Restore", data_dir, folder).returncode == 1
    with running(data_dir) as postgres:
        assert logins(postgres) == ["ada", "bob"]


def test_restore_refuses_while_the_product_runs(data_dir: Path, folder: Path) -> None:
    (folder / "repopulse.dump").touch()
    with running(data_dir) as postgres:
        refused = run("Restore", data_dir, folder)
        alive = ask(postgres, "SELECT 1")

    assert refused.returncode == 1
    assert refused.stderr.startswith("repopulse: already running on ")
    assert alive == [(1,)]


def test_backup_that_fails_keeps_the_previous_file(data_dir: Path, folder: Path) -> None:
    file = folder / "repopulse.dump"
    file.write_text("the last one")
    lock = DirectoryLock(data_dir)
    lock.take()
    note = data_dir / "postgres" / "postmaster.pid"
    note.write_text(f"1\n{data_dir}\n0\n{free_port()}\n")

    failed = run("Back up", data_dir, folder)
    lock.release()

    assert failed.returncode == 1
    assert failed.stderr.startswith("repopulse: pg_dump: error: ")
    assert failed.stderr.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert file.read_text() == "the last one"


@pytest.mark.parametrize("heading", ["Back up", "Restore"])
def test_backup_and_restore_refuse_an_external_database(
    data_dir: Path, folder: Path, heading: str
) -> None:
    refused = run(heading, data_dir, folder, DATABASE_URL="postgresql://ada:s3cret@127.0.0.1/a")

    assert refused.returncode == 1
    assert refused.stderr.startswith("repopulse: DATABASE_URL names your own server: ")
    assert "s3cret" not in refused.stderr


def test_backup_without_data_writes_no_file(tmp_path: Path, folder: Path) -> None:
    refused = run("Back up", tmp_path / "empty", folder)

    assert refused.returncode == 1
    assert refused.stderr.endswith("holds no data: there is nothing to back up\n")
    assert list(folder.iterdir()) == []


def test_restore_names_a_missing_file(data_dir: Path, folder: Path) -> None:
    refused = run("Restore", data_dir, folder)

    assert (refused.returncode, refused.stderr) == (1, "repopulse: repopulse.dump does not exist\n")
