"""The record of running children, by which the next start finds what a crash left."""

import json
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psutil

from local.orphans import ending, living


class ProcessRecord:
    """Which processes this data directory's supervisor started, in a file."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "processes.json"
        self._births: dict[int, str] = {}
        self._is_written = True

    def add(self, process: int) -> None:
        """Note a process, the leader of its group."""
        with suppress(psutil.NoSuchProcess):
            self._births[process] = _birth(process)
        self._is_written = False
        self.save()

    def remove(self, process: int) -> None:
        """Forget a process that has ended."""
        if self._births.pop(process, None) is not None:
            self._is_written = False
            self.save()

    def save(self) -> None:
        """Write what could not be written yet: a full disk must not end what runs."""
        if not self._is_written:
            with suppress(OSError):
                self._write()

    def sweep(self) -> Generator[None, None, int]:
        """Stop the noted processes that are still there, and return how many there were.

        An id alone proves nothing, since ids are given again: it must have started then, too.

        :raise OSError: the file cannot be written
        """
        left = self._noted()
        yield from ending(left, signal.SIGTERM, group=True)
        self._write()
        return len(left)

    def _noted(self) -> list[psutil.Process]:
        try:
            noted = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return []
        found = []
        for number, birth in noted.items():
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(number))
                if _birth(process.pid) == birth and living([process]):
                    found.append(process)
        return found

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._births))
        new.replace(self._file)
        self._is_written = True


def _birth(process: int) -> str:
    """Say when a process started, so that no other with its id ever says the same.

    :raise psutil.NoSuchProcess: there is none
    """
    try:
        # Linux counts from its own start. A date would move whenever the clock is set.
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return str(psutil.Process(process).create_time())
    return f"{boot} {fields[19]}"
