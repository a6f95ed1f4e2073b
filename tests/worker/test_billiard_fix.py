import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import billiard
import pytest
from billiard import pool
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

from tests.waiting import wait_until
from worker import billiard_fix


@pytest.fixture
def children() -> Iterator[Any]:
    """A pool of one child that was forked with the fix."""
    original = pool.soft_timeout_sighandler
    billiard_fix.apply()
    with billiard.Pool(1) as made:
        yield made
    pool.soft_timeout_sighandler = original


def limited(path: str) -> str:
    """Run as a task does, and say what ended it."""

    def work() -> str:
        Path(path).touch()
        try:
            time.sleep(20)
        except SoftTimeLimitExceeded:
            return "the limit"
        return "nothing"

    task: Any = Celery(set_as_current=False).task(work, shared=False)
    return str(task.apply().get())


def test_a_child_without_a_task_outlives_a_limit_that_comes_late(children: Any) -> None:
    child = children.apply(os.getpid)

    os.kill(child, signal.SIGUSR1)

    assert children.apply(os.getpid) == child


def test_a_task_at_work_is_told_of_its_limit(children: Any, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    child = children.apply(os.getpid)
    outcome = children.apply_async(limited, (str(begun),))
    wait_until(begun.exists)

    os.kill(child, signal.SIGUSR1)

    assert outcome.get(10) == "the limit"
