import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from local.supervisor import ROOT
from tests.local.processes import eventually

OWNER = """
import subprocess, sys, time
from local.guard import guard
import signal
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
first = subprocess.Popen(sleep, start_new_session=True)
guard().watch(first.pid, signal.SIGTERM)
print(first.pid, guard()._process.pid, flush=True)
input()
second = subprocess.Popen(sleep, start_new_session=True)
guard().watch(second.pid, signal.SIGTERM)
forgotten = subprocess.Popen(sleep, start_new_session=True)
guard().watch(forgotten.pid, signal.SIGTERM)
guard().forget(forgotten.pid)
print(second.pid, guard()._process.pid, forgotten.pid, flush=True)
input()
"""


FROZEN = """
import os, signal, subprocess, sys
from local.guard import guard
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleep, start_new_session=True)
os.kill(guard()._process.pid, signal.SIGSTOP)
frozen = guard()._process.pid
for _ in range(6000):
    guard().watch(child.pid, signal.SIGTERM)
    guard().forget(child.pid)
guard().watch(child.pid, signal.SIGTERM)
print(child.pid, frozen, guard()._process.pid, flush=True)
input()
"""


def test_a_guard_that_no_longer_reads_is_replaced_rather_than_waited_for() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FROZEN],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        child, frozen, successor = map(int, owner.stdout.readline().split())

        assert successor != frozen
        owner.kill()

    assert eventually(lambda: not psutil.pid_exists(child))
    assert eventually(lambda: not psutil.pid_exists(successor))


def test_a_guard_that_was_killed_is_replaced_and_the_new_one_knows_all(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        first, guard = map(int, owner.stdout.readline().split())
        os.kill(guard, signal.SIGKILL)
        dead = psutil.Process(guard)
        assert eventually(lambda: dead.status() == psutil.STATUS_ZOMBIE)
        owner.stdin.write("\n")
        owner.stdin.flush()
        second, successor, forgotten = map(int, owner.stdout.readline().split())

        assert successor != guard
        owner.kill()
        owner.wait()

    assert eventually(lambda: not psutil.pid_exists(first) and not psutil.pid_exists(second))
    assert eventually(lambda: not psutil.pid_exists(successor))
    assert psutil.pid_exists(forgotten)
    os.kill(forgotten, signal.SIGKILL)
