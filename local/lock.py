"""The lock on a data directory: one runner at a time."""

import fcntl
import os
import time
from pathlib import Path

from local.errors import LocalError

GUARD_LIMIT = 5.0
"""Seconds that the guard of a killed runner may take to stop what the runner left."""


class DirectoryLockedError(LocalError):
    """Another process has the lock."""


class DirectoryLock:
    """A lock that the kernel releases when its last holder ends, however it ends.

    A runner shares it with its guard: after ``kill -9`` of the runner the directory is free once
    the guard has stopped the other processes.
    """

    descriptor: int
    """The open lock file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def take(self) -> None:
        """Take the lock; make the directory if there is none.

        :raise DirectoryLockedError: another process has it
        :raise LocalError: the directory cannot be written to
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LocalError(
                f"{self._directory} cannot be written to ({error.strerror}): "
                "set DATA_DIR to a directory that you own"
            ) from error
        deadline = time.monotonic() + GUARD_LIMIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
                if _is_alive(holder) or time.monotonic() > deadline:
                    os.close(descriptor)
                    raise DirectoryLockedError(
                        f"already running on {self._directory} (process {holder}): "
                        "stop that one, or give this one another DATA_DIR"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self.descriptor = descriptor

    def release(self) -> None:
        """Release the lock. The file stays: if it were removed, two processes could lock two."""
        os.close(self.descriptor)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
