"""The health check of a real worker that is healthy, frozen, busy, or takes no messages."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from common import users
from common.broker import Queue, Task, make_celery, send
from common.redis_client import make_redis
from common.settings import Settings
from common.users import TrackedUser
from local.ports import free_port
from tests.end_to_end.system import System, running
from tests.servers import ROOT
from tests.waiting import wait_until
from worker.health import check_takes_messages, unhealthy_for
from worker.heartbeat import STALE_AFTER, is_fresh, path_of, read, write

Check = Callable[..., "subprocess.CompletedProcess[str]"]

TAKES_NONE = "repopulse: messages wait, but this worker is idle and takes none\n"


@pytest.fixture
def path(settings: Settings) -> Path:
    return path_of(settings, is_beat=False)


@pytest.fixture
def check(settings: Settings) -> Check:
    """Run the health check of this test's worker."""

    def run(*arguments: str, redis_url: str = settings.redis) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "worker.health", *arguments],
            cwd=ROOT,
            env=os.environ | {"DATA_DIR": str(settings.data_dir), "REDIS_URL": redis_url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@contextmanager
def worker_of(settings: Settings, logs: Path, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker until the end of the block; wait for its first heartbeat."""
    environment = {
        "DATABASE_URL": settings.database,
        "REDIS_URL": settings.redis,
        "DATA_DIR": str(settings.data_dir),
        "WORKER_CONCURRENCY": "1",
        **more,
    }
    system = System(environment, logs)
    with running(system, "worker"):
        wait_until(lambda: is_fresh(path_of(settings, is_beat=False)), 30)
        yield system.processes["worker"]


def age(path: Path) -> None:
    """Make the heartbeat too old."""
    then = time.time() - STALE_AFTER - 5
    os.utime(path, (then, then))


def waiting(settings: Settings) -> int:
    with make_redis(settings) as client:
        return sum(client.llen(queue) for queue in Queue)


def consume(settings: Settings, *, on: bool) -> None:
    """Make the worker take messages, or none."""
    control = make_celery(settings).control
    for queue in Queue:
        change = control.add_consumer if on else control.cancel_consumer
        # A worker receives it a moment after its loop has begun.
        wait_until(lambda: change(queue, reply=True, timeout=1, limit=1), 20)  # noqa: B023 - at once


def test_health_of_a_worker_is_an_exit_status(path: Path, check: Check) -> None:
    unhealthy = check()
    write(path)
    healthy = check()

    assert (unhealthy.returncode, unhealthy.stderr.count("\n")) == (1, 1)
    assert "worker.heartbeat" in unhealthy.stderr
    assert (healthy.returncode, healthy.stderr) == (0, "")


def test_health_of_beat_is_not_that_of_the_worker(path: Path, check: Check) -> None:
    write(path)

    assert check("--beat").returncode == 1


@pytest.mark.fault
def test_frozen_worker_is_unhealthy_until_it_goes_on(
    settings: Settings, path: Path, tmp_path: Path, check: Check
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        healthy = check()
        worker.send_signal(signal.SIGSTOP)
        age(path)
        frozen = check()
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: is_fresh(path), 20)
        again = check()

    assert [healthy.returncode, frozen.returncode, again.returncode] == [0, 1, 0]


@pytest.mark.fault
def test_worker_that_stays_frozen_is_killed(
    settings: Settings, path: Path, tmp_path: Path, check: Check
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        worker.send_signal(signal.SIGSTOP)
        age(path)
        patient = check("--end-if-sick", "--patience", "1000")
        still_there = worker.poll()
        killed = check("--end-if-sick", "--patience", "0")

        assert worker.wait(10) == -signal.SIGKILL
    assert (patient.returncode, killed.returncode, still_there) == (1, 1, None)
    # In the log of the worker, where the operator looks.
    assert (
        (tmp_path / "logs" / "worker.log")
        .read_text()
        .endswith("repopulse: worker.heartbeat was not written for 60 s: killed, to be restarted\n")
    )


@pytest.mark.fault
def test_nothing_is_killed_while_redis_does_not_answer(
    settings: Settings, path: Path, tmp_path: Path, check: Check
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with worker_of(settings, tmp_path / "logs") as worker:
        worker.send_signal(signal.SIGSTOP)
        age(path)
        check("--end-if-sick", "--patience", "1000")
        without_redis = check("--end-if-sick", "--patience", "0", redis_url=nowhere)
        still_there = worker.poll()

        # Earlier problems are forgotten, because a reconnection takes a while.
        check("--end-if-sick", "--patience", "1")
        assert worker.poll() is None
    assert without_redis.returncode == 1
    assert still_there is None


@pytest.mark.fault
def test_idle_worker_that_takes_no_messages_is_unhealthy(
    settings: Settings, path: Path, tmp_path: Path, check: Check
) -> None:
    with worker_of(settings, tmp_path / "logs"):
        consume(settings, on=False)
        without_messages = check()
        assert send(make_celery(settings), Task.SCAN_USER, 1, "2026-11-23")
        unhealthy = check()
        consume(settings, on=True)
        wait_until(lambda: waiting(settings) == 0, 20)
        healthy = check()
        is_beating = is_fresh(path)

    assert without_messages.returncode == 0
    assert (unhealthy.returncode, unhealthy.stderr) == (1, TAKES_NONE)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    # It was connected and its loop ran: only the second check shows the problem.
    assert is_beating


@pytest.mark.fault
def test_worker_that_stays_idle_and_takes_no_messages_is_killed(
    settings: Settings, tmp_path: Path, check: Check
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        consume(settings, on=False)
        assert send(make_celery(settings), Task.SCAN_USER, 1, "2026-11-23")
        check("--end-if-sick", "--patience", "0")

        assert worker.wait(10) == -signal.SIGKILL


@pytest.mark.fault
def test_busy_worker_is_healthy_while_messages_wait(
    settings: Settings, engine: Engine, tmp_path: Path, check: Check
) -> None:
    path = path_of(settings, is_beat=False)
    app = make_celery(settings)
    with engine.begin() as connection:
        user, _ = users.add(connection, TrackedUser(1, "ada", "Ada"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        github = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with worker_of(settings, tmp_path / "logs", GITHUB_API_URL=github, GITHUB_TOKEN="t"):
            for _ in range(5):
                assert send(app, Task.LOAD_USER, user.id)
            wait_until(lambda: (heartbeat := read(path)) is not None and heartbeat.is_busy, 20)
            assert waiting(settings) > 0
            busy = check()
            heartbeat = read(path)

    assert (busy.returncode, busy.stderr) == (0, "")
    assert heartbeat is not None
    assert heartbeat.taken_at is not None


@pytest.mark.parametrize(
    ("meanwhile", "is_unhealthy"),
    [
        ({}, True),
        ({"taken_at": 8.0}, False),
        ({"is_busy": True}, False),
        (None, False),
    ],
    ids=["nothing", "took one", "is busy", "wrote nothing"],
)
def test_second_check_decides(
    path: Path, meanwhile: dict[str, Any] | None, is_unhealthy: bool
) -> None:
    write(path, taken_at=7.0)

    def waiting_while_it_goes_on() -> int:
        if meanwhile is not None:
            write(path, **{"taken_at": 7.0, **meanwhile})
            os.utime(path, (time.time() + 1, time.time() + 1))
        return 1

    problem = check_takes_messages(path, waiting_while_it_goes_on, interval=0)

    assert (problem is not None) == is_unhealthy


def test_messages_that_other_workers_took_are_no_problem(path: Path) -> None:
    write(path)
    counted = iter([3, 0])

    def waiting_less() -> int:
        os.utime(path, (time.time() + 1, time.time() + 1))
        return next(counted)

    assert check_takes_messages(path, waiting_less, interval=0) is None


def test_heartbeat_decides_while_redis_does_not_answer(path: Path, check: Check) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    write(path)
    healthy = check(redis_url=nowhere)
    age(path)
    unhealthy = check(redis_url=nowhere)

    assert (healthy.returncode, unhealthy.returncode) == (0, 1)


@pytest.mark.fault
def test_frozen_redis_does_not_delay_the_check(path: Path, check: Check) -> None:
    write(path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        answer = check(redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        # The compose file gives it 30.
        assert time.monotonic() - begun < 20
    assert answer.returncode == 0


def test_unhealthy_time_counts_from_the_first_check(tmp_path: Path) -> None:
    record = tmp_path / "worker.sick"
    first = unhealthy_for(record)
    record.write_text(str(time.time() - 100))

    assert first == 0
    assert unhealthy_for(record) == pytest.approx(100, abs=5)


def test_unhealthy_time_starts_again_after_a_pause(tmp_path: Path) -> None:
    record = tmp_path / "worker.sick"
    record.write_text(str(time.time() - 1000))
    age(record)

    assert unhealthy_for(record) == 0


def test_healthy_check_ends_the_unhealthy_time(path: Path, check: Check) -> None:
    write(path)
    age(path)
    check("--end-if-sick")
    record = path.with_suffix(".sick")
    recorded = record.exists()
    write(path)
    check("--end-if-sick")

    assert recorded
    assert not record.exists()


def test_program_that_is_no_worker_is_not_killed(path: Path, check: Check) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        write(path)
        path.write_text(path.read_text().replace(str(os.getpid()), str(other.pid)))
        age(path)
        check("--end-if-sick", "--patience", "0")
        status = other.poll()
        other.terminate()

    assert status is None
