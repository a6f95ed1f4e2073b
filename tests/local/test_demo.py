import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from local.ports import free_port
from tests.local.processes import eventually, processes_of
from tests.servers import ROOT


@pytest.mark.end_to_end
def test_demo_serves_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "DATA_DIR": str(tmp_path / "my data"),
        "API_PORT": str(port),
        "FLOWER_PORT": str(free_port()),
    }
    output = tmp_path / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "local", "demo"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        ready = eventually(lambda: "\nReady.\n" in output.read_text(), limit=60)
        try:
            assert ready, output.read_text()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/users", timeout=5) as answer:
                assert answer.status == 200
        finally:
            process.send_signal(signal.SIGINT)

        assert process.wait(12) == 0
    assert eventually(lambda: not processes_of(tmp_path / "my data" / "demo"), 1)
    assert "Traceback" not in output.read_text()
