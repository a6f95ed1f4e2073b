"""The calls of the README and of docs/api.md, as pasted, give what the pages say."""

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
from simulator import GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem
from tests.end_to_end.system import System, running
from tests.servers import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

README = (ROOT / "README.md").read_text()
API_PAGE = (ROOT / "docs" / "api.md").read_text()

README_CALLS = re.findall(r"^curl .*$", README, re.MULTILINE)
JSON_CALLS = re.findall(r"```sh\n(curl [^\n]*)\n```\n```json\n(.*?)```", API_PAGE, re.DOTALL)
CSV_CALLS = re.findall(r"```sh\n(curl [^\n]*)\n```\n```csv\n(.*?)```", API_PAGE, re.DOTALL)


@pytest.fixture
def demo(make_system: MakeSystem, settings: Settings, engine: Engine) -> Iterator[System]:
    """What `make demo` runs."""
    world = World.synthetic(accounts=ACCOUNTS, day=datetime.now(UTC).date())
    with serving(GitHubSimulator(world)) as github:
        # A database records one GitHub, which is the simulated one here.
        simulated = settings.model_copy(update={"github_api_url": github})
        assert fill(simulated, engine) > 0
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
    """Run a call of a page against the demo that runs here; return what it prints."""
    pasted = command.replace("http://127.0.0.1:5001", demo.address)
    assert pasted != command
    return subprocess.run(
        pasted, shell=True, capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_every_call_of_the_api_page_answers_what_the_page_says(demo: System) -> None:
    assert len(JSON_CALLS) == 18
    for command, documented in JSON_CALLS:
        expected = json.loads(documented)

        def answer(command: str = command) -> Any:
            return json.loads(paste(command, demo))

        if '"…"' in documented:

            def matches(documented: Any = expected) -> bool:
                return bool(shape(answer()) == shape(documented))

            matches.__name__ = command
            wait_until(matches, 30)
        else:
            assert answer() == expected, command
    assert len(CSV_CALLS) == 1
    for command, documented in CSV_CALLS:
        heads, line, _more = documented.splitlines()
        lines = paste(command, demo).splitlines()
        assert lines[0] == heads
        assert shape(lines[1]) == shape(line)


def test_every_call_of_the_readme_succeeds(demo: System) -> None:
    assert len(README_CALLS) == 6
    for command in README_CALLS:
        assert paste(command.replace("curl ", "curl --fail-with-body -sS ", 1), demo), command


def test_the_readme_can_be_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 130


def test_the_settings_table_lists_every_setting_with_its_default(settings: Settings) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    table = page.partition("| setting | default")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) ?\|", table, re.MULTILINE)
    assert {name.lower() for name, _ in rows} == set(Settings.model_fields)
    for name, documented in rows:
        default = Settings.model_fields[name.lower()].default
        if default in (None, ()):
            assert documented in ("", "its own server"), name
        elif isinstance(default, tuple):
            read = Settings(_env_file=None, **{name.lower(): documented.strip("`")})
            assert getattr(read, name.lower()) == default, name
        else:
            shown = (
                f"{default:%H:%M}" if name == "SCAN_AT" else str(default).replace("False", "false")
            )
            assert documented.strip("`") in (shown, shown.removesuffix(".0")), name
