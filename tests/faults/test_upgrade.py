"""An upgrade from the previous release: its data is kept, and both releases work side by side."""

import io
import os
import re
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text

from local.ports import free_port
from simulator import Account
from tests.faults.chaos import first_days
from tests.faults.cluster import TODAY, Cluster
from tests.faults.conftest import Length, MakeCluster, make_world
from tests.faults.invariants import SETTLED, check
from tests.servers import ROOT, migrate
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

PREVIOUS_RELEASE = "0d85365f5878"
"""The commit of version 0.2.0, from which people upgrade to this one: each release moves it on."""

UNKNOWN_TASK = re.compile(r"Received unregistered task of type 'repopulse\.sweep'")
"""What a worker of 0.2.0 logs, with a traceback, when it discards a sweep of a later beat."""

OLDEST_SCHEMA = "0001"
"""The revision of version 0.1.0."""


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """Return a directory with the previous release's code."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", PREVIOUS_RELEASE]
    try:
        answer = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("the previous release comes from git's history, and there is no git")
    if answer.returncode != 0:
        pytest.skip(
            "the previous release is not in the history of this checkout (a shallow clone, or an "
            f"unpacked archive): {answer.stderr.decode(errors='replace').strip()}"
        )
    directory = tmp_path / "previous"
    with tarfile.open(fileobj=io.BytesIO(answer.stdout)) as archive:
        archive.extractall(directory, filter="data")
    return directory


def put(address: str, account: Account, *, by_login: bool) -> None:
    """Follow an account; a login may take longer than the answer does."""
    body = {"login": account.login} | ({} if by_login else {"id": account.id})
    answer = httpx.put(f"{address}/v1/users", json=body, timeout=30)
    assert answer.status_code in ((201, 202) if by_login else (201,)), answer.text


def status(address: str, path: str) -> int | None:
    """Return the status of an answer, or None if there is no answer."""
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}{path}", timeout=5).status_code
    return None


def recorded(cluster: Cluster) -> dict[str, set[tuple[object, ...]]]:
    """Return what is recorded about past days: the rows, and how each scan ended."""
    statements = {
        "daily_stats": "SELECT repo_id, date, user_id, stargazers, forks, watchers"
        " FROM daily_stats",
        "scans": "SELECT user_id, day, state, reason, finished_at FROM scans",
    }
    with cluster.engine.connect() as connection:
        return {
            table: {tuple(row) for row in connection.execute(text(statement))}
            for table, statement in statements.items()
        }


def test_19_an_upgrade_keeps_every_row_while_both_releases_work(
    previous: Path, make_cluster: MakeCluster, length: Length
) -> None:
    def migrate_as_before(url: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=previous,
            env={**os.environ, "DATABASE_URL": url},
            check=True,
        )

    world = make_world(length(80, full=800), largest=60)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, migrated_by=migrate_as_before)
    old = ("api-old", "worker-old", "beat-old")
    cluster.system.checkouts = dict.fromkeys(old, previous)
    cluster.follow(world.accounts[:half])
    old_port = free_port()
    cluster.start(*old, API_PORT=str(old_port))
    addresses = (f"http://127.0.0.1:{old_port}", cluster.system.address)
    wait_until(lambda: status(addresses[0], "/readyz") == 200, 60)
    assert all(Path(psutil.Process(cluster.pid(name)).cwd()) == previous for name in old)

    # One day that the previous release records alone.
    cluster.wait_until_done(half)
    before = recorded(cluster)
    assert len(before["scans"]) == half

    migrate(cluster.postgres.url)
    cluster.start("api", "worker", "beat")
    second_day = cluster.next_day()
    for number, account in enumerate(world.accounts[half:]):
        put(addresses[number % 2], account, by_login=number % 4 < 2)
    cluster.wait_until_done(len(world.accounts), 120)

    third_day = cluster.next_day()
    cluster.wait_until_done(half)
    # In the middle of the day's work, as a deploy does.
    cluster.stop(*old)

    days = [TODAY, second_day, third_day]
    check(
        cluster,
        days=days,
        since=lambda: first_days(cluster),
        tracebacks={"worker-old": UNKNOWN_TASK},
    )
    assert cluster.users() == len(world.accounts)
    after = recorded(cluster)
    for table, rows in before.items():
        assert rows <= after[table], f"{table}: {sorted(rows - after[table], key=str)[:3]}"
    for name in ("worker-old", "worker"):
        assert SETTLED.search(cluster.logs()[name]), f"{name} scanned no user"
    assert status(addresses[1], "/readyz") == 200
    assert not cluster.restarts


def test_19_processes_on_an_older_schema_wait_for_its_migration(
    make_cluster: MakeCluster, length: Length
) -> None:
    world = make_world(length(20, full=400), largest=9)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, migrated_by=lambda url: migrate(url, OLDEST_SCHEMA))
    cluster.follow(world.accounts[:half])
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    cluster.start("api-early", "worker", "beat", API_PORT=str(port))
    wait_until(lambda: status(address, "/readyz") == 503, 60)
    reason = httpx.get(f"{address}/readyz", timeout=5).json()["checks"]["migrations"]
    assert "run `python -m migrations`" in reason

    for number, account in enumerate(world.accounts[half:]):
        put(address, account, by_login=number % 2 == 0)
    # Nothing is stored, and nothing lost.
    wait_until(lambda: "not migrated to this release" in cluster.logs()["worker"], 60)
    migrate(cluster.postgres.url)

    wait_until(lambda: cluster.users() == len(world.accounts), 60)
    check(cluster)
    tomorrow = cluster.next_day()
    check(cluster, days=[TODAY, tomorrow])
    assert status(address, "/readyz") == 200
    assert not cluster.restarts
