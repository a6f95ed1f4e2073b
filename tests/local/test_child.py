import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from local import child as module
from local.child import Child
from local.guard import Guard
from tests.waiting import wait_until

Processes = list["subprocess.Popen[bytes]"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard() as guard:
        yield guard


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_LIMIT", 0.01)


def launch(status: int) -> Callable[[], "subprocess.Popen[bytes]"]:
    command = [sys.executable, "-S", "-c", f"import sys; sys.exit({status})"]
    return lambda: subprocess.Popen(command, start_new_session=True)


def looks(child: Child, condition: Callable[[], bool]) -> Callable[[], bool]:
    def look() -> bool:
        child.look()
        return condition()

    return look


def test_restart_pause_doubles_up_to_30_seconds(
    guard: Guard, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_LIMIT", 30.0)
    child = Child("api", launch(3), guard, said.append)

    for _ in range(7):
        child.start()
        assert child.process is not None
        child.process.wait()
        child.look()

    pauses = [1, 2, 4, 8, 16, 30, 30]
    assert said == [f"api ended with status 3; starting it again in {pause} s." for pause in pauses]
    assert child.failures == 7


def test_restart_pause_is_short_again_after_a_long_run(
    guard: Guard, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child("api", launch(3), guard, said.append)
    child.start()
    wait_until(looks(child, lambda: child.failures == 3))
    monkeypatch.setattr(module, "SETTLED", -1.0)

    wait_until(looks(child, lambda: child.failures == 1))


def test_child_that_cannot_start_is_retried(guard: Guard, said: list[str]) -> None:
    outcomes = iter([FileNotFoundError(2, "No such file"), OSError(11, "no more processes")])

    def launch_in_the_end() -> "subprocess.Popen[bytes]":
        for error in outcomes:
            raise error
        return subprocess.Popen(["sleep", "600"], start_new_session=True)

    child = Child("api", launch_in_the_end, guard, said.append)
    child.start(launch(1)())
    wait_until(looks(child, lambda: child.running and child.failures == 3))

    assert [line.partition(";")[0] for line in said] == [
        "api ended with status 1",
        "api cannot start (No such file)",
        "api cannot start (no more processes)",
    ]
    child.end()
    assert child.status == -signal.SIGKILL


@pytest.mark.parametrize(("status", "lines"), [(0, []), (3, ["demo ended with status 3."])])
def test_program_that_runs_once_is_not_restarted(
    guard: Guard, said: list[str], status: int, lines: list[str]
) -> None:
    child = Child("demo", launch(status), guard, said.append, restart=False)
    child.start()
    wait_until(looks(child, lambda: child.status is not None))
    child.look()

    assert child.process is None
    assert said == lines
