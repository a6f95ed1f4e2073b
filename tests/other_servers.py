"""Servers as users have them: another Postgres, or a pooler in front of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from local.account import NOBODY, run_as
from local.ports import LOOPBACK, free_port
from local.postgres import DATABASE, USER, EmbeddedPostgres
from tests.certificates import Certificates
from tests.waiting import wait_until

_NEWER_SETTINGS = {"io_method": 18}
"""Settings of the embedded Postgres that older versions do not have, with their first version."""


def debian_postgres_binaries(version: int) -> Path:
    """Return the directory of the programs of Debian's package, or skip the test without it."""
    directory = Path(f"/usr/lib/postgresql/{version}/bin")
    if not directory.is_dir():
        pytest.skip(f"needs Debian's package postgresql-{version}")
    return directory


class DebianPostgres(EmbeddedPostgres):
    """A Postgres of Debian's package, started like the embedded one.

    :param version: the major version
    """

    def __init__(self, directory: Path, *, version: int) -> None:
        super().__init__(directory, durable=False)
        self._version = version
        self._binaries = debian_postgres_binaries(version)

    def _initialize(self, directory: Path) -> None:
        self._run(
            [
                str(self._binaries / "initdb"),
                f"--pgdata={directory}",
                f"--username={USER}",
                f"--pwfile={self._password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--wal-segsize=4",
                "--no-sync",
            ]
        )
        self._run(
            [str(self._binary()), "--single", "-D", str(directory), *self._options(), "postgres"],
            f"CREATE DATABASE {DATABASE}\n",
        )

    def _options(self) -> list[str]:
        unknown = {name for name, since in _NEWER_SETTINGS.items() if since > self._version}
        return [
            word
            for option in super()._options()
            if option.partition("=")[0] not in unknown and option != "-c"
            for word in ("-c", option)
        ]

    def _binary(self) -> Path:
        return self._binaries / "postgres"


class PrimaryPostgres(EmbeddedPostgres):
    """An embedded Postgres that standbys follow."""

    @property
    def password(self) -> str:
        """The password of its role."""
        return self._password()

    def _options(self) -> list[str]:
        return [*super()._options(), "-c", "wal_level=replica", "-c", "max_wal_senders=4"]


class StandbyPostgres(PrimaryPostgres):
    """A hot standby: it has what its primary has, a moment later, and refuses writes.

    :param primary: runs already
    """

    def __init__(self, directory: Path, primary: PrimaryPostgres) -> None:
        super().__init__(directory, durable=False)
        self._primary = primary

    def _initialize(self, directory: Path) -> None:
        self._password_file.write_text(self._primary.password)
        backup = self._binary().with_name("pg_basebackup")
        address = make_url(self._primary.url).set(drivername="postgresql", database="")
        url = address.render_as_string(hide_password=False)
        self._run([str(backup), "-d", url, "-D", str(directory), "-R", "-c", "fast", "--no-sync"])


@contextmanager
def pgbouncer(directory: Path, postgres: str) -> Iterator[str]:
    """Run PgBouncer in transaction mode, all else as by default, in front of every database.

    :param postgres: an address of the server behind it
    :return: the same address at PgBouncer
    """
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("needs Debian's package pgbouncer")
    behind = make_url(postgres)
    directory.mkdir()
    users = directory / "users.txt"
    users.write_text(f'"{behind.username}" "{behind.password}"\n')
    port = free_port()
    configuration = directory / "pgbouncer.ini"
    configuration.write_text(
        "[databases]\n"
        f"* = host={behind.host} port={behind.port}\n"
        "[pgbouncer]\n"
        "pool_mode = transaction\n"
        "auth_type = scram-sha-256\n"
        f"auth_file = {users}\n"
        f"listen_addr = {LOOPBACK}\n"
        f"listen_port = {port}\n"
        "unix_socket_dir =\n"
    )
    log = directory / "pgbouncer.log"
    # It refuses to run as root.
    account = NOBODY if os.geteuid() == 0 else None
    if account is not None:
        for path in (directory, users, configuration):
            os.chown(path, *account)
    run = run_as(account, Path(program), directory)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*run.prefix, program, str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **run.options,
        )
    url = behind.set(host=LOOPBACK, port=port)
    try:
        wait_until(lambda: process.poll() is not None or _answers(url), 10)
        assert process.poll() is None, log.read_text()
        yield url.render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait()


def _answers(url: URL) -> bool:
    try:
        create_engine(url, poolclass=NullPool).connect().close()
    except OperationalError:
        return False
    return True


PASSWORD = "throw-away"
"""Of each Redis here."""


@contextmanager
def redis_server(
    directory: Path, *options: str, certificates: Certificates | None = None
) -> Iterator[int]:
    """Run the Redis of Debian's package with a password; yield its port.

    :param options: words of its command line
    :param certificates: of a server that speaks TLS alone
    """
    lines = [f"requirepass {PASSWORD}", 'save ""']
    with _redis_process(directory, lines, options, PASSWORD, certificates) as port:
        yield port


@contextmanager
def redis_sentinel(
    directory: Path, master: int, *, password: str, certificates: Certificates | None = None
) -> Iterator[int]:
    """Run a Sentinel that watches a master and agrees with one more; yield its port.

    :param master: the port of the master at this moment
    :param password: of the Sentinels
    :param certificates: of a Sentinel, and a master, that speak TLS alone
    """
    lines = [
        f"requirepass {password}",
        f"sentinel sentinel-pass {password}",
        f"sentinel monitor mymaster {LOOPBACK} {master} 2",
        f"sentinel auth-pass mymaster {PASSWORD}",
        "sentinel down-after-milliseconds mymaster 1000",
        "sentinel failover-timeout mymaster 3000",
    ]
    with _redis_process(directory, lines, ("--sentinel",), password, certificates) as port:
        yield port


@contextmanager
def _redis_process(
    directory: Path,
    lines: list[str],
    options: tuple[str, ...],
    password: str,
    certificates: Certificates | None,
) -> Iterator[int]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs Debian's package redis-server")
    directory.mkdir()
    port = free_port()
    ports = [f"port {port}"]
    if certificates is not None:
        ports = [
            *("port 0", f"tls-port {port}", "tls-auth-clients no", "tls-replication yes"),
            f"tls-ca-cert-file {certificates.authority}",
            f"tls-cert-file {certificates.certificate}",
            f"tls-key-file {certificates.key}",
        ]
    configuration = directory / "redis.conf"
    configuration.write_text(
        "\n".join([f"bind {LOOPBACK}", f"dir {directory}", *ports, *lines, ""])
    )
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [program, str(configuration), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    authority = None if certificates is None else str(certificates.authority)
    try:
        wait_until(
            lambda: process.poll() is not None or _redis_answers(port, password, authority), 30
        )
        assert process.poll() is None, (directory / "log").read_text()
        yield port
    finally:
        process.kill()
        process.wait()


def _redis_answers(port: int, password: str, authority: str | None) -> bool:
    with redis.Redis(
        LOOPBACK, port, password=password, ssl=authority is not None, ssl_ca_certs=authority
    ) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
