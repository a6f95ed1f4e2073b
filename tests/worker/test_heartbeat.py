import os
import time
from pathlib import Path

import pytest

from common.settings import Settings
from worker.heartbeat import STALE_AFTER, Heartbeat, is_fresh, path_of, read, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "worker.heartbeat"


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_missing_heartbeat_is_not_fresh(path: Path) -> None:
    assert not is_fresh(path)


def test_heartbeat_just_written_is_fresh(path: Path) -> None:
    write(path)

    assert is_fresh(path)


@pytest.mark.parametrize(("off", "fresh"), [(-5, True), (5, False)])
def test_heartbeat_is_stale_after_a_minute(path: Path, off: int, fresh: bool) -> None:
    write(path)
    grow_old(path, STALE_AFTER + off)

    assert is_fresh(path) is fresh


def test_next_heartbeat_is_fresh_again(path: Path) -> None:
    write(path)
    grow_old(path, STALE_AFTER * 2)
    write(path)

    assert is_fresh(path)


def test_disk_that_cannot_be_written_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    write(tmp_path / "file" / "worker.heartbeat")


def test_worker_and_beat_have_separate_files(settings: Settings) -> None:
    worker, beat = path_of(settings, is_beat=False), path_of(settings, is_beat=True)

    assert worker != beat
    assert worker.parent == beat.parent == settings.data_dir


def test_heartbeat_holds_process_and_state(path: Path) -> None:
    write(path, taken_at=7.0, is_busy=True)

    assert read(path) == Heartbeat(os.getpid(), path.stat().st_mtime, 7.0, is_busy=True)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"process": 1, "more": 2}'])
def test_invalid_file_is_no_heartbeat(path: Path, content: str | None) -> None:
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)

    assert read(path) is None


def test_file_that_cannot_be_replaced_is_touched(path: Path) -> None:
    write(path)
    path.with_suffix(".new").mkdir()
    grow_old(path, STALE_AFTER * 2)

    write(path)

    assert is_fresh(path)


def test_heartbeat_from_the_future_is_stale(path: Path) -> None:
    write(path)
    grow_old(path, -STALE_AFTER * 2)

    assert not is_fresh(path)
