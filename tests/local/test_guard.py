import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from local.guard import Guard
from tests.local.processes import eventually
from tests.servers import ROOT

OWNER = """
import subprocess, sys
from signal import SIGINT, SIGTERM
from local.guard import Guard
def start(program):
    command = [sys.executable, "-S", "-c", program]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process.pid
sleep = "import time; print(flush=True); time.sleep(600)"
deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {sleep}"
parent = f"import subprocess as s, sys; s.Popen([sys.executable, '-S', '-c', {deaf!r}]); {sleep}"
guard = Guard()
watched = [start(sleep), start(deaf), start(parent), start(sleep)]
for process in watched[:3]:
    guard.watch(process, SIGTERM)
guard.watch(watched[3], SIGINT)
forgotten = start(sleep)
guard.watch(forgotten, SIGTERM)
guard.forget(forgotten)
print(guard.process.pid, forgotten, *watched, flush=True)
input()
"""


@contextmanager
def owner() -> Iterator[tuple["subprocess.Popen[str]", psutil.Process, int, list[int]]]:
    """Run a process with five children: the last four watched, the first one forgotten."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        guard, forgotten, *watched = map(int, process.stdout.readline().split())
        assert all(psutil.pid_exists(child) for child in watched)
        try:
            yield process, psutil.Process(guard), forgotten, watched
        finally:
            process.kill()
            for child in (forgotten, *watched):
                if psutil.pid_exists(child):
                    os.killpg(child, signal.SIGKILL)


def are_gone(groups: list[int]) -> bool:
    """Return whether no process of these groups is left."""
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            return False
    return True


def test_guard_stops_only_watched_groups_after_kill_9_of_its_owner() -> None:
    with owner() as (process, guard, forgotten, watched):
        process.kill()
        process.wait()

        # One of them does not listen, nor does the child of another one.
        assert eventually(lambda: are_gone(watched), 5)
        assert eventually(lambda: not guard.is_running())
        assert psutil.pid_exists(forgotten)


def test_guard_stops_watched_groups_when_its_owner_ends() -> None:
    with owner() as (process, _, _, watched):
        process.communicate("\n")

        assert eventually(lambda: are_gone(watched), 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_guard_ignores_signals_to_stop(number: signal.Signals) -> None:
    with owner() as (process, guard, _, watched):
        guard.send_signal(number)
        process.kill()
        process.wait()

        assert eventually(lambda: are_gone(watched), 5)


def test_owner_goes_on_without_a_killed_guard() -> None:
    with Guard() as guard:
        guard.process.kill()
        guard.process.wait()

        guard.watch(os.getpid(), signal.SIGTERM)
        guard.forget(os.getpid())
