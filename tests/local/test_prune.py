"""The command of docs/operations.md for `make up` that removes rows of days to come."""

import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.documents import commands
from tests.local.test_backup import ask, fill, running
from tests.servers import ROOT


def prune(data_dir: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command as the Makefile does, in the environment that is there already."""
    (target,) = [
        line.split()[1]
        for line in commands("docs/operations.md", "After a wrong clock")
        if line.startswith("make ")
    ]
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(rf"\n{target}: .*\n\t@exec \$\(IN\)/python (.*)\n", makefile)
    return subprocess.run(
        [sys.executable, *shlex.split(recipe)],
        env=os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_prune_removes_days_to_come_whether_or_not_the_product_runs(data_dir: Path) -> None:
    ahead = datetime.now(UTC).date() + timedelta(days=40)
    add = f"INSERT INTO scans (user_id, day, state) VALUES (1, '{ahead}', 'done')"
    with running(data_dir) as postgres:
        fill(postgres)
        ask(postgres, add)
        while_it_runs = prune(data_dir)
        ask(postgres, add)
    while_it_is_stopped = prune(data_dir)
    again = prune(data_dir)

    for done in (while_it_runs, while_it_is_stopped):
        assert done.stdout == f"removed 0 rows of 1 user, of days up to {ahead}\n", done.stderr
    assert again.stdout == "nothing is stored of days to come\n"
    with running(data_dir) as postgres:
        assert ask(postgres, "SELECT count(*) FROM scans") == [(0,)]


def test_prune_says_that_there_is_no_data(tmp_path: Path) -> None:
    done = prune(tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"repopulse: {tmp_path} holds no data\n"
