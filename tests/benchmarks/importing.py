"""A CSV file with 1,000,000 rows, 1,000 days of each of 1,000 repositories, is imported by
`python -m worker.imports`: stored in the database, read and reported, applied, and undone. When
they are applied the rows are counted and summed, and after the undo the tables are empty. The same
is done with a tenth of the rows, and with the SQLite database of ghstats, of which SQLite holds all
in memory. Memory is the largest resident size of the process, which works as a worker's child does.
"""

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from common import repositories
from common.db import make_engine
from tests import factories
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.servers import ROOT

TITLE = "Importing"

REPOSITORIES = 1000
DAYS = 1000
FIRST = date(2022, 1, 1)

SECONDS = 60
"""In which a million rows are to be read and applied."""


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of importing."""
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        ids = _follow(engine)
        few, half = DAYS // 10, DAYS // 2
        small = _import(engine, url, ids, format_="csv", file=_csv(bench, ids, few), days=few)
        large = _import(engine, url, ids, format_="csv", file=_csv(bench, ids, DAYS), days=DAYS)
        database = _import(
            engine, url, ids, format_="ghstats", file=_ghstats(bench, ids, half), days=half
        )
        engine.dispose()
    rows = REPOSITORIES * DAYS
    return [
        Figure.under(f"CSV, {rows:,} rows, stored, read and applied", large[0], "s", most=SECONDS),
        Figure.under("the same, undone", large[1], "s", most=SECONDS),
        Figure.within(
            "the same, memory",
            f"{large[2]:.0f} MB",
            f"a tenth of the rows {small[2]:.0f} MB",
            ratio=large[2] / small[2],
            times=1.5,
        ),
        Figure(f"ghstats, {rows // 2:,} rows, the same", f"{database[0]:.1f} s", ""),
        Figure.under("the same, memory", database[2], "MB", most=300),
    ]


def _follow(engine: Engine) -> list[int]:
    with engine.begin() as connection:
        user = factories.add_user(connection)
        seen = [factories.make_repository() for _ in range(REPOSITORIES)]
        repositories.save(connection, user.id, FIRST, seen)
    return [repository.id for repository in seen]


def _rows(ids: list[int], days: int) -> Iterator[tuple[int, str, int, int, int]]:
    for ahead in range(days):
        day = (FIRST + timedelta(days=ahead)).isoformat()
        for id_ in ids:
            yield id_, day, id_ % 9973 + ahead, id_ % 997, id_ % 97


def _csv(bench: Bench, ids: list[int], days: int) -> Path:
    file = bench.directory / f"import-{days}.csv"
    with file.open("w") as lines:
        lines.write("repo,date,stargazers,forks,watchers\n")
        lines.writelines(f"{','.join(map(str, row))}\n" for row in _rows(ids, days))
    return file


def _ghstats(bench: Bench, ids: list[int], days: int) -> Path:
    file = bench.directory / f"import-{days}.db"
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE repo_stats (repo_id INTEGER NOT NULL, date TEXT NOT NULL, stars INTEGER,"
        " forks INTEGER, watchers INTEGER, PRIMARY KEY (repo_id, date))"
    )
    connection.executemany("INSERT INTO repo_stats VALUES (?, ?, ?, ?, ?)", _rows(ids, days))
    connection.commit()
    connection.close()
    return file


def _import(
    engine: Engine, url: str, ids: list[int], *, format_: str, file: Path, days: int
) -> tuple[float, float, float]:
    """Import a file and undo it; return the seconds of each, and megabytes."""
    begun = time.perf_counter()
    memory = _run(url, str(file), "--format", format_, "--apply")
    applied = time.perf_counter() - begun
    with engine.begin() as connection:
        counted = connection.execute(
            text("SELECT count(*), count(DISTINCT repo_id), sum(forks) FROM imported_stats")
        ).one()
    forks = days * sum(id_ % 997 for id_ in ids)
    assert tuple(counted) == (REPOSITORIES * days, REPOSITORIES, forks)
    begun = time.perf_counter()
    memory = max(memory, _run(url, "--undo"))
    undone = time.perf_counter() - begun
    with engine.begin() as connection:
        for table in ("imports", "import_chunks", "import_rows", "imported_stats"):
            assert not connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    file.unlink()
    return applied, undone, memory


def _run(url: str, *arguments: str) -> float:
    """Run the command; return its largest resident size in megabytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.imports", "--name", "benchmark", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return _megabytes(used)


def _megabytes(used: resource.struct_rusage) -> float:
    # Linux counts kibibytes, macOS bytes.
    return used.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
