"""Places for requests that compute for long."""

import threading
from collections.abc import Callable

import anyio
import pytest

from api.http.slots import MAX_COMPARISONS, ComparisonSlots


class Work:
    """Counts how many run at once; each waits until it is let go on."""

    def __init__(self) -> None:
        self.running = self.most = self.done = 0
        self.lock = threading.Lock()
        self.go_on = threading.Event()

    def __call__(self) -> None:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.go_on.wait(30)
        with self.lock:
            self.running -= 1
            self.done += 1


def run(work: Callable[[], None], number: int, *, while_running: Callable[[], None]) -> None:
    async def main() -> None:
        slots = ComparisonSlots()
        async with anyio.create_task_group() as tasks:
            for _ in range(number):
                tasks.start_soon(slots.run, work)
            await anyio.wait_all_tasks_blocked()
            while_running()

    anyio.run(main)


def test_others_wait_for_a_place_and_get_one() -> None:
    work = Work()

    run(work, 5, while_running=work.go_on.set)

    assert (work.most, work.done) == (MAX_COMPARISONS, 5)


def test_a_failure_frees_its_place() -> None:
    failures = iter([True, False])

    def fail_once() -> None:
        if next(failures):
            raise ValueError("failed")

    async def main() -> None:
        slots = ComparisonSlots()
        with pytest.raises(ValueError, match="failed"):
            await slots.run(fail_once)
        await slots.run(fail_once)

    anyio.run(main)
