"""How long readers and writers wait while a large table is migrated; a part of ``size``."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from threading import Event

from sqlalchemy import Engine

from api.queries import growth
from api.queries.metric import Metric
from common import stats, users
from common.repositories import Counts
from tests.benchmarks import history
from tests.benchmarks.figure import Figure
from tests.servers import ROOT

_ALONE_SECONDS = 5


def figures(engine: Engine, url: str, *, readable: int) -> list[Figure]:
    """Migrate down and up again, and create months, while one client reads and one writes.

    :param readable: how many users have a whole year
    """
    with _traffic(engine, readable) as alone:
        time.sleep(_ALONE_SECONDS)
    with _traffic(engine, readable) as down:
        _alembic(url, "downgrade", "0001")
    with _traffic(engine, readable) as up:
        began = time.monotonic()
        _alembic(url, "upgrade", "head")
        seconds = time.monotonic() - began
    with _traffic(engine, readable) as months:
        for quarter in range(4):
            with engine.begin() as connection:
                made = stats.create_partitions(connection, date(2028, 1 + 3 * quarter, 1))
            assert made
            time.sleep(0.5)
    found = []
    for what, waits in (
        (f"`alembic upgrade` from 0001, which takes {seconds:.0f} s", up),
        ("`alembic downgrade` to 0001", down),
        ("twelve new months", months),
    ):
        for who, wait, usual in (
            ("read", waits.read, alone.read),
            ("write", waits.write, alone.write),
        ):
            figure = Figure.under(f"longest {who} beside {what}", wait, "s", most=1)
            found.append(replace(figure, compared_with=f"without a migration {usual:.2g} s"))
    return found


class _Waits:
    """The longest that a read and a write took, in seconds."""

    def __init__(self) -> None:
        self.read = 0.0
        self.write = 0.0


@contextmanager
def _traffic(engine: Engine, readable: int) -> Iterator[_Waits]:
    """Read and write all the time; the waits are there once it has ended."""
    waits = _Waits()
    ends = Event()
    with ThreadPoolExecutor(2) as threads:
        tasks = [
            threads.submit(_read, engine, waits, ends, readable),
            threads.submit(_write, engine, waits, ends),
        ]
        try:
            yield waits
        finally:
            ends.set()
            for task in tasks:
                task.result()
    assert waits.read > 0
    assert waits.write > 0


def _read(engine: Engine, waits: _Waits, ends: Event, readable: int) -> None:
    """Look at one user after the other, as the API does."""
    first = history.LAST - timedelta(days=29)
    user_id = 0
    while not ends.is_set():
        user_id = user_id % readable + 1
        began = time.monotonic()
        with engine.begin() as connection:
            assert users.get(connection, user_id) is not None
            assert history.read(connection, user_id, first) == 30 * history.EACH
            assert growth.movers(
                connection, user_id, first, history.LAST, by=Metric.STARGAZERS, limit=10
            )
        waits.read = max(waits.read, time.monotonic() - began)


def _write(engine: Engine, waits: _Waits, ends: Event) -> None:
    """Record one user after the other, as scans do, with other numbers each time."""
    day = history.LAST + timedelta(days=15)
    ids = history.ids_by_user(engine, 100)
    number = 0
    while not ends.is_set():
        for user_id, repositories in ids.items():
            number += 1
            counts = {each: Counts(number, 1, 2) for each in repositories}
            began = time.monotonic()
            with engine.begin() as connection:
                assert stats.write(connection, user_id, day, counts) == len(counts)
            waits.write = max(waits.write, time.monotonic() - began)
            if ends.is_set():
                return


def _alembic(url: str, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", *words],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        check=True,
        capture_output=True,
    )
