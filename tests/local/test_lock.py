import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.errors import LocalError
from local.guard import Guard
from local.lock import DirectoryLock


def test_lock_has_one_holder(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.take()

    with pytest.raises(LocalError, match=rf"^already running on .* \(process {os.getpid()}\): "):
        second.take()
    first.release()
    second.take()
    second.release()


def test_guard_of_a_killed_holder_keeps_the_lock_until_all_has_stopped(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as ended:
        ended.wait()
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
        "time.sleep(600)"
    )
    first.take()
    # What the holder would leave behind if it were killed.
    (tmp_path / "lock").write_text(f"{ended.pid}\n")
    command = [sys.executable, "-S", "-c", deaf]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        left.stdout.readline()
        guard = Guard(first.descriptor)
        guard.watch(left.pid, signal.SIGTERM)
        first.release()
        assert guard.process.stdin is not None
        guard.process.stdin.close()
        begun = time.monotonic()

        second.take()

        assert time.monotonic() - begun > 1
        assert left.wait(1) == -signal.SIGKILL
    second.release()
    guard.process.wait()
