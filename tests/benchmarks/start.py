"""The median of five imports of the API in a new process, minus an empty process; and of three
warm starts of `make up` until `/readyz` answers 200, in a data directory that a first start has
made.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from local.ports import free_port
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.servers import ROOT

TITLE = "Start"


def measure(bench: Bench) -> list[Figure]:
    """Measure imports and starts."""
    imported = statistics.median(
        _seconds_of("import api.app") - _seconds_of("pass") for _ in range(5)
    )
    started = [_start(bench.directory / "start") for _ in range(4)]
    return [
        Figure.under("import of the API", imported, "s", most=1),
        Figure.under(
            "`make up`, warm, to the first answer", statistics.median(started[1:]), "s", most=6
        ),
    ]


def _seconds_of(code: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.monotonic() - began


def _start(directory: Path) -> float:
    """Start everything and stop it; return the seconds to the first answer of ``/readyz``."""
    port = free_port()
    environment = os.environ | {
        "DATA_DIR": str(directory),
        "API_PORT": str(port),
        "FLOWER_PORT": str(free_port()),
        "GITHUB_API_URL": "http://127.0.0.1:9",
    }
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.monotonic() - began < 60:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).is_success:
                    return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError("no answer within a minute")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
