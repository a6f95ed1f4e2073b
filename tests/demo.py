"""Start the demo, as ``make demo`` does, with data and ports of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.ports import free_port
from tests.servers import ROOT

_STOP_LIMIT = 12
"""Seconds that the demo may take to stop."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    url: str
    data_dir: Path
    output_file: Path

    @property
    def output(self) -> str:
        """What the demo has printed so far."""
        return self.output_file.read_text()


@contextmanager
def running_demo(directory: Path) -> Iterator[Demo]:
    """Run the demo during the block; then Ctrl-C must stop it in time and without an error."""
    port = free_port()
    demo = Demo(f"http://127.0.0.1:{port}", directory / "my data", directory / "output")
    settings = {
        "DATA_DIR": str(demo.data_dir),
        "API_PORT": str(port),
        "FLOWER_PORT": str(free_port()),
    }
    with (
        demo.output_file.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "local", "demo"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield demo
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(_STOP_LIMIT) == 0, demo.output
