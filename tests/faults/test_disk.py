"""A database without room, and a database that is read-only."""

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
from tests.faults.conftest import Length, MakeCluster, a_world
from tests.faults.invariants import check, left
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

MEGABYTE = 1024**2


class SmallDisk:
    """A file system of a few megabytes that can be filled to the last byte."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._filler = directory / "filler"

    def fill(self) -> None:
        """Leave no room."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(64 * 1024))
        assert shutil.disk_usage(self.directory).free == 0

    def make_room(self) -> None:
        """Give back what filled it."""
        self._filler.unlink()


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Mount a small file system for the test; the servers end before it does."""
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
    """Carry statements out on the server, from beside the product's database."""
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
    """Let the whole database lie on the small disk; nobody may be connected to it."""
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
    """Accounts that are followed one after the other, each asked for once."""

    def __init__(self, cluster: Cluster, accounts: Sequence[Account]) -> None:
        self.accepted = 0
        self._cluster = cluster
        self._accounts = iter(accounts)

    def follow(self) -> httpx.Response:
        """Ask for the next one to be followed."""
        account = next(self._accounts)
        # A long name, so that a page of the table is soon full.
        body = {"id": account.id, "login": account.login, "name": "n" * 200}
        answer = self._cluster.call("PUT", "/v1/users", json=body)
        self.accepted += answer.status_code == 201
        return answer

    def follow_until_refused(self) -> httpx.Response:
        """Follow accounts until that is refused: the last page may still have room."""
        while (answer := self.follow()).status_code == 201:
            pass
        return answer


def check_refusal(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 503, answer.text
    assert words in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_18_a_disk_that_is_full(
    small_disk: SmallDisk, make_cluster: MakeCluster, length: Length
) -> None:
    world = a_world(length(400, full=2000), largest=3)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, latency=0.02)
    move_to(cluster, small_disk)
    cluster.follow(world.accounts[:half])
    cluster.start("api")
    small_disk.fill()
    cluster.start("worker", "beat")

    newcomers = Newcomers(cluster, world.accounts[half:])
    check_refusal(newcomers.follow_until_refused(), "no room left")
    wait_until(lambda: "no room left" in cluster.logs()["worker"], 60)
    # What is there can be read all the time.
    assert cluster.call("GET", "/v1/users?limit=1").status_code == 200
    assert left(cluster)

    small_disk.make_room()
    wait_until(lambda: newcomers.follow().status_code == 201, 10)
    check(cluster)
    assert cluster.users() == half + newcomers.accepted
    assert not cluster.restarts


def test_18_a_database_that_is_read_only_for_a_while(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = a_world(length(100, full=1000), largest=9)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, latency=0.1)
    cluster.follow(world.accounts[:half])
    database = make_url(cluster.postgres.url).database
    newcomers = Newcomers(cluster, world.accounts[half:])
    cluster.start("api", "worker", "beat")
    cluster.wait_until_done(1)

    # What is met after a failover that leads to a standby: sessions end, new ones cannot write.
    administer(cluster, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    cluster.end_sessions()
    check_refusal(newcomers.follow_until_refused(), "read-only")
    assert cluster.call("GET", "/v1/users?limit=1").status_code == 200
    wait_until(lambda: "the database is read-only" in cluster.logs()["worker"], 60)

    # Sessions that began meanwhile stay read-only: they are left, not ended.
    administer(cluster, f"ALTER DATABASE {database} RESET default_transaction_read_only")
    wait_until(lambda: newcomers.follow().status_code == 201, 10)
    check(cluster)
    assert cluster.users() == half + newcomers.accepted
    assert not cluster.restarts
