import os
import time
from pathlib import Path

import pytest

from common.settings import Settings
from worker.heartbeat import STALE_AFTER, Heartbeat, is_alive, path_of, read, touch


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


def test_the_file_says_whose_it_is_and_what_was_done(path: Path) -> None:
    touch(path, taken_at=7.0, is_busy=True)

    assert read(path) == Heartbeat(os.getpid(), path.stat().st_mtime, 7.0, is_busy=True)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"process": 1, "more": 2}'])
def test_a_file_that_cannot_be_understood_says_nothing(path: Path, content: str | None) -> None:
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)

    assert read(path) is None


def test_a_file_that_cannot_be_written_anew_is_touched_at_least(path: Path) -> None:
    touch(path)
    path.with_suffix(".new").mkdir()
    grow_old(path, STALE_AFTER * 2)

    touch(path)

    assert is_alive(path)


def test_a_clock_that_was_set_back_hides_no_stuck_process(path: Path) -> None:
    touch(path)
    grow_old(path, -STALE_AFTER * 2)

    assert not is_alive(path)
