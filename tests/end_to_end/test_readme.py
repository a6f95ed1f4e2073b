"""The README's calls, as pasted, give what the README says."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from common.settings import Settings
from local.seed import ACCOUNTS, fill, send_today
from simulator import GitHubSimulator, World
from simulator import running as serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.servers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

PASTED = re.findall(
    r"```sh\n(curl [^\n]*)\n```\n```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)

TABLES = re.findall(
    r"```sh\n(curl [^\n]*)\n```\n```csv\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)


@pytest.fixture
def demo(make_system: MakeSystem, settings: Settings, engine: Engine) -> Iterator[System]:
    """What `make demo` runs."""
    world = World.synthetic(accounts=ACCOUNTS, day=datetime.now(UTC).date())
    with serving(GitHubSimulator(world)) as github:
        assert fill(settings, engine) > 0
        with running(make_system(GITHUB_API_URL=github), "api", "worker") as system:
            assert send_today(settings, engine) > 0
            yield system


def shape(value: Any) -> Any:
    """Return a value without what differs from day to day."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return re.sub(r"[0-9]+", "0", value) if isinstance(value, str) else type(value)


def paste(command: str, demo: System) -> str:
    """Run a call of the README against the demo that runs here; return what it prints."""
    pasted = command.replace("http://127.0.0.1:5001", demo.address)
    assert pasted != command
    return subprocess.run(
        pasted, shell=True, capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_every_pasted_call_gives_what_the_readme_says(demo: System) -> None:
    assert len(PASTED) == 12
    for command, told in PASTED:
        expected = json.loads(told)

        def answer(command: str = command) -> Any:
            return json.loads(paste(command, demo))

        if '"…"' in told:
            wait_until(lambda: shape(answer()) == shape(expected), 30)  # noqa: B023 - at once
        else:
            assert answer() == expected, command
    assert len(TABLES) == 1
    for command, told in TABLES:
        heads, line, _more = told.splitlines()
        lines = paste(command, demo).splitlines()
        assert lines[0] == heads
        assert shape(lines[1]) == shape(line)


def test_the_settings_table_lists_every_setting_with_its_default(settings: Settings) -> None:
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\|", readme, re.MULTILINE)
    assert {name.lower() for name, _ in rows} == set(Settings.model_fields)
    for name, told in rows:
        default = Settings.model_fields[name.lower()].default
        if default is None:
            assert told in ("", "its own server"), name
        else:
            shown = f"{default:%H:%M}" if name == "SCAN_AT" else str(default)
            assert told.strip("`") in (shown, shown.removesuffix(".0")), name
