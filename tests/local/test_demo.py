import urllib.request
from pathlib import Path

import pytest

from tests.demo import running_demo
from tests.local.processes import eventually, processes_of


@pytest.mark.end_to_end
def test_demo_serves_and_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        assert eventually(lambda: "\nReady.\n" in demo.output, limit=60), demo.output
        with urllib.request.urlopen(f"{demo.url}/v1/users", timeout=5) as answer:
            assert answer.status == 200
    assert eventually(lambda: not processes_of(demo.data_dir / "demo"), 1)
    assert "Traceback" not in demo.output
