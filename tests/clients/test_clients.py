"""The clients that generators make from ``/openapi.json``, and their calls to a running API."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import GitHubSimulator, World, serving
from tests.end_to_end.conftest import MakeSystem, make_system, world
from tests.end_to_end.system import System, running
from tests.servers import ROOT

__all__ = ["make_system", "world"]

pytestmark = pytest.mark.end_to_end

KEY = "let-me-write"

OCTOCAT = {"id": 583231, "login": "octocat", "name": "The Octocat"}
OLD = {"id": 5, "login": "-old", "name": "Old One"}

NODE_MODULES = Path(sys.prefix) / "typescript" / "node_modules"
"""Made by ``make compat``."""


@pytest.fixture
def system(make_system: MakeSystem, world: World) -> Iterator[System]:
    octocat = world.add_account("octocat", name="The Octocat", id=583231)
    world.add_repository(octocat, "hello", stargazers=42, forks=9, watchers=14, id=7329078)
    world.add_account("-old", name="Old One", id=5)
    with (
        serving(GitHubSimulator(world, tokens={"token": world.add_account("watcher")})) as github,
        running(make_system(GITHUB_API_URL=github, API_KEY=KEY), "api", "worker") as started,
    ):
        yield started


def run(*command: str | Path, directory: Path, **environment: str) -> str:
    """Run a program; return what it prints, and fail with all of it if it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def check(answers: dict[str, Any], day: str) -> None:
    """Compare what a client got with what the contract says."""
    status, refused = answers.pop("follow an invalid login")
    assert (status, refused["detail"][0]["loc"]) == (422, ["body", "login"])
    row = {"repo_id": 7329078, "date": day, "stargazers": 42, "forks": 9, "watchers": 14}
    assert answers == {
        "follow by login": [201, OCTOCAT],
        "follow by id": [201, OLD],
        "follow again": [200, OLD],
        "list": [200, [OLD, OCTOCAT]],
        "list a page": [200, [OCTOCAT]],
        "find a user": [200, [OLD]],
        "find a repository": [7329078],
        "stats": [200, {"user": OCTOCAT, "stats": [row]}],
        "delete 583231": [200, OCTOCAT],
        "delete 5": [200, OLD],
        "delete again": [404, {"detail": "user not found"}],
    }


def test_the_python_client_makes_the_calls(system: System, world: World, tmp_path: Path) -> None:
    said = run(
        *(Path(sys.prefix) / "bin" / "openapi-python-client", "generate", "--meta", "none"),
        *("--url", f"{system.address}/openapi.json"),
        *("--output-path", tmp_path / "repopulse_client"),
        directory=tmp_path,
        # It formats what it writes with ruff.
        PATH=f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}",
    )
    # Images and exports, which are files, are not read by it; nothing else is left out.
    left_out = [line for line in said.splitlines() if line.startswith("WARNING")]
    files = ("within images", "GET /v1/compare.svg ", "GET /v1/export ")
    assert all(any(file in line for file in files) for line in left_out), said

    printed = run(
        *(sys.executable, Path(__file__).with_name("python_calls.py"), system.address, KEY),
        directory=tmp_path,
        PYTHONPATH=str(tmp_path),
    )

    check(json.loads(printed), world.day.isoformat())


def test_the_typescript_client_makes_the_calls(
    system: System, world: World, tmp_path: Path
) -> None:
    if not NODE_MODULES.is_dir():
        pytest.skip("needs npm, and what `make compat` installs with it")
    programs = NODE_MODULES / ".bin"
    for name in ("calls.ts", "package.json", "tsconfig.json"):
        shutil.copy(ROOT / "tests" / "clients" / "typescript" / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)

    run(
        *(programs / "openapi-typescript", f"{system.address}/openapi.json", "-o", "api.ts"),
        directory=tmp_path,
    )
    run(programs / "tsc", directory=tmp_path)
    printed = run("node", "made/calls.js", system.address, KEY, directory=tmp_path)

    check(json.loads(printed), world.day.isoformat())
