"""A full disk, and a read-only database."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psycopg2
import pytest
from sqlalchemy import make_url

from local.account import account_for
from simulator import Account
from tests.faults.cluster import Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import check, unscanned
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

MEGABYTE = 1024**2


class SmallDisk:
    """A file system of a few megabytes that can be filled to the last byte."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._filler = directory / "filler"

    def fill(self) -> None:
        """Fill the disk."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(64 * 1024))
        assert shutil.disk_usage(self.directory).free == 0

    def make_room(self) -> None:
        """Free the space again."""
        self._filler.unlink()


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Mount a small file system for the test; the servers end before it is unmounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small file system that this test fills")
    with tempfile.TemporaryDirectory(prefix="repopulse-small-disk-") as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=0755", "tmpfs", place]
        answer = subprocess.run(mount, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            pytest.skip(f"this machine mounts no small file system: {answer.stderr.strip()}")
        Path(place).chmod(0o755)
        try:
            yield SmallDisk(Path(place))
        finally:
            subprocess.run(["umount", place], check=True)


def administer(cluster: Cluster, *statements: str) -> None:
    """Execute statements on the server, connected to another database than the product's."""
    cluster.engine.dispose()
    url = make_url(cluster.postgres.url)
    with closing(
        psycopg2.connect(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname="postgres",
        )
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def move_to(cluster: Cluster, disk: SmallDisk) -> None:
    """Move the whole database to the small disk; nothing may be connected to it."""
    tables = disk.directory / "tables"
    tables.mkdir(mode=0o700)
    account = account_for(cluster.postgres.directory)
    assert account is not None
    os.chown(tables, *account)
    database = make_url(cluster.postgres.url).database
    administer(
        cluster,
        f"CREATE TABLESPACE small LOCATION '{tables}'",
        f"ALTER DATABASE {database} SET TABLESPACE small",
    )


class Newcomers:
    """Accounts that are followed one after the other, with one call each."""

    def __init__(self, cluster: Cluster, accounts: Sequence[Account]) -> None:
        self.accepted = 0
        self._cluster = cluster
        self._accounts = iter(accounts)

    def follow(self) -> httpx.Response:
        """Follow the next account."""
        account = next(self._accounts)
        # A long name, so that a page of the table is soon full.
        body = {"id": account.id, "login": account.login, "name": "n" * 200}
        answer = self._cluster.call("PUT", "/v1/users", json=body)
        self.accepted += answer.status_code == 201
        return answer

    def follow_until_refused(self) -> httpx.Response:
        """Follow accounts until a call is refused: the last page may have space left."""
        while (answer := self.follow()).status_code == 201:
            pass
        return answer


def check_refusal(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 503, answer.text
    assert words in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_18_a_full_disk_refuses_writes_and_loses_nothing(
    small_disk: SmallDisk, make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(400, full=2000), largest=3)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, latency=0.02)
    move_to(cluster, small_disk)
    cluster.follow(world.accounts[:half])
    cluster.start("api")
    small_disk.fill()
    cluster.start("worker", "beat")

    newcomers = Newcomers(cluster, world.accounts[half:])
    check_refusal(newcomers.follow_until_refused(), "disk of the database is full")
    wait_until(lambda: "disk of the database is full" in cluster.logs()["worker"], 60)
    # Reading works all the time.
    assert cluster.call("GET", "/v1/users?limit=1").status_code == 200
    assert unscanned(cluster)

    small_disk.make_room()
    wait_until(lambda: newcomers.follow().status_code == 201, 10)
    check(cluster)
    assert cluster.users() == half + newcomers.accepted
    assert not cluster.restarts


def test_18_a_read_only_database_refuses_writes_and_loses_nothing(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(100, full=1000), largest=9)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, latency=0.1)
    cluster.follow(world.accounts[:half])
    database = make_url(cluster.postgres.url).database
    newcomers = Newcomers(cluster, world.accounts[half:])
    cluster.start("api", "worker", "beat")
    cluster.wait_until_done(1)

    # As after a failover to a standby: sessions end, and new ones cannot write.
    administer(cluster, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    cluster.end_sessions()
    check_refusal(newcomers.follow_until_refused(), "read-only")
    assert cluster.call("GET", "/v1/users?limit=1").status_code == 200
    wait_until(lambda: "the database is read-only" in cluster.logs()["worker"], 60)

    # Sessions that began meanwhile stay read-only: the product must leave them by itself.
    administer(cluster, f"ALTER DATABASE {database} RESET default_transaction_read_only")
    wait_until(lambda: newcomers.follow().status_code == 201, 10)
    check(cluster)
    assert cluster.users() == half + newcomers.accepted
    assert not cluster.restarts
