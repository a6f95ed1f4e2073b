"""How the code may hang together: who imports whom, and that every package is one."""

import re
import subprocess
import sys

import pytest

from tests.servers import ROOT

SOURCES = ("api", "common", "migrations", "simulator", "worker", "tests")


def test_the_import_rules_hold() -> None:
    lint = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert lint.returncode == 0, lint.stdout + lint.stderr
    assert "0 broken" in lint.stdout


@pytest.mark.parametrize("source", SOURCES)
def test_every_directory_with_code_is_a_package(source: str) -> None:
    directories = {
        path.parent for path in (ROOT / source).rglob("*.py") if "versions" not in path.parts
    }

    bare = [path for path in directories if not (path / "__init__.py").exists()]
    assert not bare


def test_every_package_says_what_may_live_in_it() -> None:
    bare = [
        path
        for source in ("api", "common", "simulator", "worker")
        for path in (ROOT / source).rglob("__init__.py")
        if not path.read_text().startswith('"""')
    ]
    assert not bare


def test_the_api_never_calls_github() -> None:
    for path in (ROOT / "api").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) httpx", path.read_text(), re.MULTILINE), path
