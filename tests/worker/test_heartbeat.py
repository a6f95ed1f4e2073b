import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.settings import Settings
from tests.servers import ROOT
from worker.heartbeat import STALE_AFTER, is_alive, path_of, touch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "worker.heartbeat"


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_process_that_was_never_heard_of_is_not_alive(path: Path) -> None:
    assert not is_alive(path)


def test_a_process_that_was_just_heard_of_is_alive(path: Path) -> None:
    touch(path)

    assert is_alive(path)


@pytest.mark.parametrize(("off", "alive"), [(-5, True), (5, False)])
def test_a_process_that_was_not_heard_of_for_a_minute_is_not_alive(
    path: Path, off: int, alive: bool
) -> None:
    touch(path)
    grow_old(path, STALE_AFTER + off)

    assert is_alive(path) is alive


def test_a_process_that_is_heard_of_again_is_alive(path: Path) -> None:
    touch(path)
    grow_old(path, STALE_AFTER * 2)
    touch(path)

    assert is_alive(path)


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    touch(tmp_path / "file" / "worker.heartbeat")


def test_worker_and_beat_have_files_of_their_own(settings: Settings) -> None:
    worker, beat = path_of(settings, is_beat=False), path_of(settings, is_beat=True)

    assert worker != beat
    assert worker.parent == beat.parent == settings.data_dir


def ask(data_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker.health", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_health_of_a_worker_is_an_exit_status(path: Path) -> None:
    sick = ask(path.parent)
    touch(path)
    well = ask(path.parent)

    assert (sick.returncode, sick.stderr.count("\n")) == (1, 1)
    assert "worker.heartbeat" in sick.stderr
    assert (well.returncode, well.stderr) == (0, "")


def test_the_health_of_beat_is_not_the_workers(path: Path) -> None:
    touch(path)

    assert ask(path.parent, "--beat").returncode == 1
