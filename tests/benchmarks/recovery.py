"""How long embedded mode takes to recover from ``kill -9`` of each of its processes.

The real demo runs on free ports in its own directory. One process after the other is killed; the
figures are the seconds until it runs again, the API is ready, a new user is accepted and its rows
of today are recorded, and Flower answers::

    python -m tests.benchmarks.recovery
    python -m tests.benchmarks.recovery --rounds 1 --only worker postgres
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from local.ports import free_port
from tests.servers import ROOT

LOGIN = "glacial-falcon"
"""An account that the demo leaves for others to follow."""

LIMIT = 300.0
"""Seconds after which a round is given up."""

KINDS: dict[str, Callable[[psutil.Process], bool]] = {
    "api": lambda process: process.cmdline()[1:] == ["-m", "api"],
    "worker": lambda process: _is_worker(process) and not _is_worker(process.parent()),
    "a worker's child": lambda process: _is_worker(process) and _is_worker(process.parent()),
    "beat": lambda process: process.cmdline()[1:] == ["-m", "worker.beat"],
    "flower": lambda process: process.cmdline()[1:] == ["-m", "worker.flower"],
    "postgres": lambda process: process.name() == "postgres" and "-D" in process.cmdline(),
    "valkey": lambda process: process.name() == "valkey-server",
    "github": lambda process: "simulator" in process.cmdline(),
}
RUNNER = "runner"


def _is_worker(process: psutil.Process | None) -> bool:
    return process is not None and process.cmdline()[1:] == ["-m", "worker"]


class Demo:
    """The demo, from its first start to its last stop."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._environment = os.environ | {
            "DATA_DIR": str(directory / "data"),
            "API_PORT": str(free_port()),
            "FLOWER_PORT": str(free_port()),
        }
        self.api = httpx.Client(
            base_url=f"http://127.0.0.1:{self._environment['API_PORT']}", timeout=10
        )
        self.flower = f"http://127.0.0.1:{self._environment['FLOWER_PORT']}/healthcheck"
        self.start()

    def start(self) -> None:
        """Start the runner."""
        with (self._directory / "output").open("ab") as output:
            self.runner = subprocess.Popen(
                [sys.executable, "-m", "local", "demo"],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def find(self, kind: str) -> set[int]:
        """Return the ids of the processes of one kind."""
        found = set()
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.runner.pid).children(recursive=True):
                with suppress(psutil.Error):
                    if process.status() != psutil.STATUS_ZOMBIE and KINDS[kind](process):
                        found.add(process.pid)
        return found

    def kill(self, kind: str) -> Callable[[], bool]:
        """Kill one process; return a function that says whether another has taken its place."""
        if kind == RUNNER:
            self.runner.kill()
            self.runner.wait()
            self.start()
            return lambda: self.runner.poll() is None
        before = self.find(kind)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        return lambda: len(now := self.find(kind)) == len(before) and victim not in now

    def is_filled(self) -> bool:
        """Say whether the demo's own accounts have their past."""
        return "rows recorded" in (self._directory / "output").read_text()

    def stop(self) -> None:
        """Stop everything."""
        self.api.close()
        self.runner.send_signal(signal.SIGINT)
        self.runner.wait(20)


def wait_for(condition: Callable[[], bool], since: float) -> float:
    """Return the seconds from then until the condition holds."""
    while True:
        with suppress(httpx.TransportError):
            if condition():
                return time.monotonic() - since
        if time.monotonic() - since > LIMIT:
            raise SystemExit(f"not right again after {LIMIT:.0f} s")
        time.sleep(0.05)


def is_ready(demo: Demo) -> bool:
    """Say whether nothing is amiss with what the API needs."""
    return bool(demo.api.get("/readyz").json()["status"] == "ready")


def is_accepted(demo: Demo) -> bool:
    """Ask for the new user."""
    return demo.api.put("/v1/users", json={"login": LOGIN}).is_success


def is_recorded(demo: Demo) -> bool:
    """Say whether the new user has rows."""
    users = demo.api.get("/v1/users").json()
    ids = [user["id"] for user in users if user["login"] == LOGIN]
    return bool(ids and demo.api.get(f"/v1/users/{ids[0]}/stats").json()["stats"])


def is_shown(demo: Demo) -> bool:
    """Say whether Flower answers."""
    return httpx.get(demo.flower, timeout=5).is_success


def forget_user(demo: Demo) -> bool:
    """Let the account be a new one again."""
    users = demo.api.get("/v1/users").json()
    return all(
        demo.api.delete(f"/v1/users/{user['id']}").is_success
        for user in users
        if user["login"] == LOGIN
    )


STEPS: dict[str, Callable[[Demo], bool]] = {
    "ready": is_ready,
    "accepted": is_accepted,
    "recorded": is_recorded,
    "Flower": is_shown,
}


def measure(demo: Demo, kind: str) -> dict[str, float]:
    """Kill one process; return after how many seconds each thing was right again."""
    wait_for(lambda: forget_user(demo), time.monotonic())
    since = time.monotonic()
    replaced = demo.kill(kind)
    times = {name: wait_for(lambda step=step: step(demo), since) for name, step in STEPS.items()}  # type: ignore[misc]
    times["there"] = wait_for(replaced, since)
    times["all"] = max(times.values())
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    kinds = [*KINDS, RUNNER]
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    options = parser.parse_args()
    columns = [*STEPS, "there", "all"]
    print(f"seconds, median of {options.rounds}")
    print(f"{'killed':18}" + "".join(f"{column:>10}" for column in columns))
    with tempfile.TemporaryDirectory() as directory:
        demo = Demo(Path(directory))
        try:
            wait_for(demo.is_filled, time.monotonic())
            for step in STEPS.values():
                wait_for(lambda step=step: step(demo), time.monotonic())  # type: ignore[misc]
            for kind in options.only:
                rounds = [measure(demo, kind) for _ in range(options.rounds)]
                medians = [
                    statistics.median(times[column] for times in rounds) for column in columns
                ]
                print(f"{kind:18}" + "".join(f"{median:10.1f}" for median in medians), flush=True)
        finally:
            demo.stop()


if __name__ == "__main__":
    main()
