"""The product's real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers import ROOT
from tests.waiting import wait_until

MODULES = {
    "api": "api",
    "worker": "worker",
    "beat": "worker.beat",
    "flower": "worker.flower",
}


@dataclass
class System:
    """Processes that share one environment, each in a process group of its own."""

    environment: dict[str, str]
    logs: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    checkouts: dict[str, Path] = field(default_factory=dict)
    """By process, the directory of its code; this checkout if not given."""

    def start(self, name: str, **environment: str) -> None:
        """Start one process: ``api``, ``beat``, ``flower``, ``worker`` or ``worker-2``.

        :param environment: variables of this process only, on top of the shared ones
        """
        module = MODULES[name.partition("-")[0]]
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=self.checkouts.get(name, ROOT),
                env={**os.environ, **self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End a process and its children at once, as a power cut would."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all processes; those that ignore SIGTERM are killed."""
        for process in self.processes.values():
            process.terminate()
        for name in list(self.processes):
            with suppress(subprocess.TimeoutExpired):
                self.processes[name].wait(10)
            self.kill(name)

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.logs / f"{name}.log").read_text()

    @property
    def address(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.environment['API_PORT']}"

    def wait_until_ready(self) -> None:
        """Wait until the API is ready."""

        def is_ready() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200
            return False

        wait_until(is_ready, 60)

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send one request to the API."""
        return httpx.request(method, f"{self.address}{path}", timeout=30, **arguments)


@contextmanager
def running(system: System, *names: str) -> Iterator[System]:
    """Run processes until the end of the block, and print their logs if a test fails."""
    try:
        for name in names:
            system.start(name)
        if "api" in names:
            system.wait_until_ready()
        yield system
    except BaseException:
        for log in sorted(system.logs.glob("*.log")):
            print(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-40:]))
        raise
    finally:
        system.stop()
