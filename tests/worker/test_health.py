"""Health as an engine asks for it: of a real worker that is well, frozen, busy or takes nothing."""

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
from common.broker import Queue, Task, make_celery, make_redis, send
from common.settings import Settings
from common.users import TrackedUser
from tests.end_to_end.system import System, free_port, running
from tests.servers import ROOT
from tests.waiting import wait_until
from worker.health import complaint_about_idleness, sick_for
from worker.heartbeat import STALE_AFTER, is_alive, path_of, read, touch

Ask = Callable[..., "subprocess.CompletedProcess[str]"]

TAKES_NONE = "repopulse: messages wait, and this worker is idle and takes none\n"


@pytest.fixture
def path(settings: Settings) -> Path:
    return path_of(settings, is_beat=False)


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Return how to ask for the health of this test's worker."""

    def ask_it(
        *arguments: str, redis_url: str = settings.redis
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "worker.health", *arguments],
            cwd=ROOT,
            env=os.environ | {"DATA_DIR": str(settings.data_dir), "REDIS_URL": redis_url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return ask_it


@contextmanager
def worker_of(settings: Settings, logs: Path, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker until the end of the block, from the time it is at work."""
    environment = {
        "DATABASE_URL": settings.database,
        "REDIS_URL": settings.redis,
        "DATA_DIR": str(settings.data_dir),
        "WORKER_CONCURRENCY": "1",
        **more,
    }
    system = System(environment, logs)
    with running(system, "worker"):
        wait_until(lambda: is_alive(path_of(settings, is_beat=False)), 30)
        yield system.processes["worker"]


def age(path: Path) -> None:
    """Let a process have been silent for too long."""
    then = time.time() - STALE_AFTER - 5
    os.utime(path, (then, then))


def waiting(settings: Settings) -> int:
    with make_redis(settings) as client:
        return sum(client.llen(queue) for queue in Queue)


def consume(settings: Settings, *, on: bool) -> None:
    """Let the worker take messages, or none."""
    control = make_celery(settings).control
    for queue in Queue:
        change = control.add_consumer if on else control.cancel_consumer
        # A worker hears of it a moment after its loop has begun.
        wait_until(lambda: change(queue, reply=True, timeout=1, limit=1), 20)  # noqa: B023 - at once


def test_the_health_of_a_worker_is_an_exit_status(path: Path, ask: Ask) -> None:
    sick = ask()
    touch(path)
    well = ask()

    assert (sick.returncode, sick.stderr.count("\n")) == (1, 1)
    assert "worker.heartbeat" in sick.stderr
    assert (well.returncode, well.stderr) == (0, "")


def test_the_health_of_beat_is_not_the_workers(path: Path, ask: Ask) -> None:
    touch(path)

    assert ask("--beat").returncode == 1


@pytest.mark.fault
def test_a_worker_whose_loop_is_frozen_is_sick_and_recovers(
    settings: Settings, path: Path, tmp_path: Path, ask: Ask
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        well = ask()
        worker.send_signal(signal.SIGSTOP)
        age(path)
        frozen = ask()
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: is_alive(path), 20)
        again = ask()

    assert [well.returncode, frozen.returncode, again.returncode] == [0, 1, 0]


@pytest.mark.fault
def test_a_worker_that_stays_frozen_is_ended(
    settings: Settings, path: Path, tmp_path: Path, ask: Ask
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        worker.send_signal(signal.SIGSTOP)
        age(path)
        patient = ask("--end-if-sick", "--patience", "1000")
        still_there = worker.poll()
        ended = ask("--end-if-sick", "--patience", "0")

        assert worker.wait(10) == -signal.SIGKILL
    assert (patient.returncode, ended.returncode, still_there) == (1, 1, None)
    # Where whoever wonders looks.
    assert (
        (tmp_path / "logs" / "worker.log")
        .read_text()
        .endswith(
            "repopulse: worker.heartbeat was not touched for 60 s: ended, to be started anew\n"
        )
    )


@pytest.mark.fault
def test_nobody_is_ended_while_redis_does_not_answer(
    settings: Settings, path: Path, tmp_path: Path, ask: Ask
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with worker_of(settings, tmp_path / "logs") as worker:
        worker.send_signal(signal.SIGSTOP)
        age(path)
        ask("--end-if-sick", "--patience", "1000")
        without_redis = ask("--end-if-sick", "--patience", "0", redis_url=nowhere)
        still_there = worker.poll()

        # And what was noted before is forgotten: connecting anew takes a while.
        ask("--end-if-sick", "--patience", "1")
        assert worker.poll() is None
    assert without_redis.returncode == 1
    assert still_there is None


@pytest.mark.fault
def test_a_worker_that_is_connected_and_takes_nothing_is_sick(
    settings: Settings, path: Path, tmp_path: Path, ask: Ask
) -> None:
    with worker_of(settings, tmp_path / "logs"):
        consume(settings, on=False)
        without_messages = ask()
        assert send(make_celery(settings), Task.SCAN_USER, 1, "2026-11-23")
        sick = ask()
        consume(settings, on=True)
        wait_until(lambda: waiting(settings) == 0, 20)
        well = ask()
        alive = is_alive(path)

    assert without_messages.returncode == 0
    assert (sick.returncode, sick.stderr) == (1, TAKES_NONE)
    assert (well.returncode, well.stderr) == (0, "")
    # It was connected and its loop ran all the time: only the second look tells.
    assert alive


@pytest.mark.fault
def test_a_worker_that_stays_connected_and_takes_nothing_is_ended(
    settings: Settings, tmp_path: Path, ask: Ask
) -> None:
    with worker_of(settings, tmp_path / "logs") as worker:
        consume(settings, on=False)
        assert send(make_celery(settings), Task.SCAN_USER, 1, "2026-11-23")
        ask("--end-if-sick", "--patience", "0")

        assert worker.wait(10) == -signal.SIGKILL


@pytest.mark.fault
def test_a_worker_that_has_its_hands_full_is_well(
    settings: Settings, engine: Engine, tmp_path: Path, ask: Ask
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
            wait_until(lambda: (said := read(path)) is not None and said.is_busy, 20)
            assert waiting(settings) > 0
            busy = ask()
            said = read(path)

    assert (busy.returncode, busy.stderr) == (0, "")
    assert said is not None
    assert said.taken_at is not None


@pytest.mark.parametrize(
    ("meanwhile", "complains"),
    [
        ({}, True),
        ({"taken_at": 8.0}, False),
        ({"is_busy": True}, False),
        (None, False),
    ],
    ids=["nothing", "took one", "has its hands full", "said nothing"],
)
def test_the_second_look_decides(
    path: Path, meanwhile: dict[str, Any] | None, complains: bool
) -> None:
    touch(path, taken_at=7.0)

    def waiting_while_it_goes_on() -> int:
        if meanwhile is not None:
            touch(path, **{"taken_at": 7.0, **meanwhile})
            os.utime(path, (time.time() + 1, time.time() + 1))
        return 1

    complaint = complaint_about_idleness(path, waiting_while_it_goes_on, apart=0)

    assert (complaint is not None) == complains


def test_messages_that_others_took_are_no_alarm(path: Path) -> None:
    touch(path)
    counted = iter([3, 0])

    def waiting_less() -> int:
        os.utime(path, (time.time() + 1, time.time() + 1))
        return next(counted)

    assert complaint_about_idleness(path, waiting_less, apart=0) is None


def test_a_redis_that_does_not_answer_leaves_the_file_to_judge(path: Path, ask: Ask) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    touch(path)
    well = ask(redis_url=nowhere)
    age(path)
    sick = ask(redis_url=nowhere)

    assert (well.returncode, sick.returncode) == (0, 1)


@pytest.mark.fault
def test_a_redis_that_accepts_and_is_silent_holds_nobody_up(path: Path, ask: Ask) -> None:
    touch(path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        answer = ask(redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        # The compose file gives it 30.
        assert time.monotonic() - begun < 20
    assert answer.returncode == 0


def test_sickness_counts_from_its_first_note(tmp_path: Path) -> None:
    note = tmp_path / "worker.sick"
    first = sick_for(note)
    note.write_text(str(time.time() - 100))

    assert first == 0
    assert sick_for(note) == pytest.approx(100, abs=5)


def test_sickness_that_nobody_looked_at_for_long_counts_anew(tmp_path: Path) -> None:
    note = tmp_path / "worker.sick"
    note.write_text(str(time.time() - 1000))
    age(note)

    assert sick_for(note) == 0


def test_a_worker_that_got_well_again_was_not_sick(path: Path, ask: Ask) -> None:
    touch(path)
    age(path)
    ask("--end-if-sick")
    note = path.with_suffix(".sick")
    noted = note.exists()
    touch(path)
    ask("--end-if-sick")

    assert noted
    assert not note.exists()


def test_a_program_that_is_no_worker_is_not_ended(path: Path, ask: Ask) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        touch(path)
        path.write_text(path.read_text().replace(str(os.getpid()), str(other.pid)))
        age(path)
        ask("--end-if-sick", "--patience", "0")
        status = other.poll()
        other.terminate()

    assert status is None
