"""Waiting for a condition: the only place where a test looks at a real clock."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """Return the condition's first true value; fail if there is none within the time."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not (value := condition()):
        if time.monotonic() > deadline:
            name = getattr(condition, "__name__", condition)
            raise AssertionError(f"not true within {seconds:g} s: {name}")
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    return value
