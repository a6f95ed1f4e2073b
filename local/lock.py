"""The lock on a data directory: one supervisor at a time."""

import fcntl
import os
from pathlib import Path

from local.errors import LocalError


class DirectoryLock:
    """A lock that the system itself gives back when its holder ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock.

        :raise LocalError: another process has it
        """
        descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 100).decode(errors="replace").strip()
            os.close(descriptor)
            raise LocalError(
                f"already running on {self._directory} (process {holder}): "
                "stop that one, or give this one another DATA_DIR"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Its file stays: two processes might hold two files otherwise."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
