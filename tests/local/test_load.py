"""The command of docs/operations.md for `make up` that restores an export."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.queries import export
from tests import everything
from tests.documents import commands
from tests.local.test_backup import ask, logins, running
from tests.servers import ROOT, migrate


@pytest.fixture
def file(engine: Engine, tmp_path: Path) -> Path:
    """An export of an installation with every kind of row."""
    everything.fill(engine)
    made = tmp_path / "an export.ndjson"
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        made.write_bytes(b"".join(export.ndjson(connection)))
    return made


def load(data_dir: Path, file: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command as the Makefile does, in the environment that is there already."""
    (target,) = [
        line.split()[1]
        for line in commands("docs/operations.md", "Restore an export")
        if line.startswith("make ")
    ]
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(rf"\n{target}: .*\n\t@exec \$\(IN\)/python (.*)\n", makefile)
    return subprocess.run(
        [sys.executable, *shlex.split(recipe.replace("$(FILE)", str(file)))],
        env=os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_load_restores_an_export_into_empty_data(data_dir: Path, file: Path) -> None:
    with running(data_dir) as postgres:
        migrate(postgres.url)
        while_it_runs = load(data_dir, file)
        found = logins(postgres)
    again = load(data_dir, file)

    assert while_it_runs.stdout.startswith("restored 3 users, 8 observed rows"), (
        while_it_runs.stderr
    )
    assert found == ["ada", "bob", "gone"]
    assert again.returncode == 1
    assert again.stderr.startswith("repopulse: this installation is not empty: ")
    with running(data_dir) as postgres:
        assert ask(postgres, "SELECT count(*) FROM daily_stats") == [(8,)]


def test_load_says_that_the_product_has_never_run(tmp_path: Path) -> None:
    done = load(tmp_path / "nothing", tmp_path / "any")

    assert done.returncode == 1
    assert done.stderr.startswith("repopulse: ")
    assert done.stderr.endswith(" holds no data: start the product once, by `make up`\n")
