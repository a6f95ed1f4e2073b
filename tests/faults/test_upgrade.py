"""The previous release and this one together, for the length of a rolling deploy."""

import io
import os
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from simulator import Account
from tests.end_to_end.system import free_port
from tests.faults.cluster import TODAY
from tests.faults.conftest import Length, MakeCluster, a_world
from tests.faults.invariants import SETTLED, check
from tests.servers import ROOT, migrate
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.fault]

PREVIOUS_RELEASE = "97db467003c1"
"""The commit of version 0.1.0, from which people upgrade to this one: each release moves it on."""


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


def answers(address: str, path: str) -> int | None:
    """Return the status of an answer; None where there is none."""
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}{path}", timeout=5).status_code
    return None


def test_19_two_releases_side_by_side(
    previous: Path, make_cluster: MakeCluster, length: Length
) -> None:
    world = a_world(length(80, full=800), largest=60)
    half = len(world.accounts) // 2
    cluster = make_cluster(world)
    old = ("api-old", "worker-old", "beat-old")
    cluster.system.checkouts = dict.fromkeys(old, previous)
    cluster.follow(world.accounts[:half])
    old_port = free_port()
    cluster.start(*old, API_PORT=str(old_port))
    addresses = (f"http://127.0.0.1:{old_port}", cluster.system.address)
    # Not /readyz: 0.1.0 takes tables of a later release for a fault, and serves all the same.
    wait_until(lambda: answers(addresses[0], "/healthz") == 200, 60)
    cluster.wait_until_done(1)
    assert all(Path(psutil.Process(cluster.pid(name)).cwd()) == previous for name in old)

    cluster.start("api", "worker", "beat")
    for number, account in enumerate(world.accounts[half:]):
        put(addresses[number % 2], account, by_login=number % 4 < 2)
    cluster.wait_until_done(len(world.accounts))
    tomorrow = cluster.next_day()
    cluster.wait_until_done(half)
    # In the middle of the day's work, as a deploy does; how long 0.1.0 takes cannot be changed now.
    cluster.stop(*old, then_kill=True)

    check(cluster, days=[TODAY, tomorrow])
    assert cluster.users() == len(world.accounts)
    for name in ("worker-old", "worker"):
        assert SETTLED.search(cluster.logs()[name]), f"{name} scanned nobody"
    assert not cluster.restarts


def test_19_this_release_on_the_previous_ones_schema(
    previous: Path, make_cluster: MakeCluster, length: Length
) -> None:
    def migrate_as_before(url: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=previous,
            env={**os.environ, "DATABASE_URL": url},
            check=True,
        )

    world = a_world(length(20, full=400), largest=9)
    half = len(world.accounts) // 2
    cluster = make_cluster(world, migrated_by=migrate_as_before)
    cluster.follow(world.accounts[:half])
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    cluster.start("api-early", "worker", "beat", API_PORT=str(port))
    wait_until(lambda: answers(address, "/readyz") == 503, 60)
    told = httpx.get(f"{address}/readyz", timeout=5).json()["checks"]["migrations"]
    assert "run `python -m migrations`" in told

    for number, account in enumerate(world.accounts[half:]):
        put(address, account, by_login=number % 2 == 0)
    # Nothing is stored, and nothing lost.
    wait_until(lambda: "not migrated to this release" in cluster.logs()["worker"], 60)
    migrate(cluster.postgres.url)

    wait_until(lambda: cluster.users() == len(world.accounts), 60)
    check(cluster)
    tomorrow = cluster.next_day()
    check(cluster, days=[TODAY, tomorrow])
    assert answers(address, "/readyz") == 200
    assert not cluster.restarts
