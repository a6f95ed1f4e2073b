"""Pictures that nobody asked for before, of repositories with ten years of days; a real API
process, one client, the median of ten. Then thirty clients ask for a picture each, again and again,
while another one asks for a repository.
"""

import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count

from sqlalchemy import Engine, text

from common import stats
from common.db import make_engine
from tests import factories
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, percentile
from tests.end_to_end.system import running

TITLE = "Pictures"

_REPOSITORIES = 20
_DAYS = 3650
_VIEWS = 10
_CLIENTS = 30
_CALLS = 200


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of PNGs, and of another call beside them."""
    today = date.today()  # noqa: DTZ011 - the API's own today, at any hour but midnight
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        first = _fill(engine, today)
        engine.dispose()
        system = bench.api(url, "pictures")
        with running(system, "api"):
            base = f"http://127.0.0.1:{system.environment['API_PORT']}/v1/repos"
            charts = (
                f"{base}/{first}/chart.png?date_from={today - timedelta(days=60 + number)}"
                for number in count()
            )
            figures = [
                _median("a chart, 600 x 300 pixels, twice as sharp", charts, "&scale=2"),
                _median(
                    "a card, 1200 x 630 pixels",
                    (f"{base}/{first + number}/card.png?theme=light" for number in count()),
                ),
                _median(
                    "the largest, ten years on 2000 x 1000 pixels",
                    (
                        f"{base}/{first + number}/chart.png?width=2000&height=1000"
                        f"&date_from={today - timedelta(days=_DAYS - 1)}"
                        for number in count()
                    ),
                    most=None,
                ),
            ]
            other = f"{base}/{first}"
            alone = [_milliseconds(other) for _ in range(_CALLS)]
            with _drawing(charts):
                beside = [_milliseconds(other) for _ in range(_CALLS)]
            medians = statistics.median(beside), statistics.median(alone)
            return [
                *figures,
                Figure.within(
                    f"another call beside {_CLIENTS} clients, median (95th percentile)",
                    f"{medians[0]:.1f} ms ({percentile(beside, 0.95):.1f} ms)",
                    f"alone: {medians[1]:.1f} ms ({percentile(alone, 0.95):.1f} ms)",
                    ratio=medians[0] / medians[1],
                    times=3,
                ),
            ]


def _median(
    what: str, addresses: Iterator[str], more: str = "", *, most: float | None = 500
) -> Figure:
    taken = [_milliseconds(next(addresses) + more) for _ in range(_VIEWS)]
    median = statistics.median(taken)
    if most is None:
        return Figure(what, f"{median:.0f} ms", "")
    return Figure.under(what, median, "ms", most=most)


def _milliseconds(address: str) -> float:
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()
    return 1000 * (time.perf_counter() - began)


@contextmanager
def _drawing(addresses: Iterator[str]) -> Iterator[None]:
    """Have clients ask for pictures until the end of the block."""
    lock, is_over = threading.Lock(), threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            with lock:
                address = next(addresses)
            _milliseconds(address)

    clients = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        is_over.set()
        for client in clients:
            client.join()


def _fill(engine: Engine, today: date) -> int:
    """Record ten years of days; return the first of the ids, which follow each other."""
    first = today - timedelta(days=_DAYS - 1)
    with engine.begin() as connection:
        for ahead in range(0, _DAYS, 28):
            stats.create_partitions(connection, first + timedelta(days=ahead))
        stats.create_partitions(connection, today)
        user = factories.add_user(connection)
        ids = [factories.add_repository(connection, user).id for _ in range(_REPOSITORIES)]
        connection.execute(
            text(
                "INSERT INTO daily_stats (repo_id, date, user_id, stargazers, forks, watchers)"
                " SELECT id, :first + day, :user, 1000 + 7 * day + (31 * day) % 13, day, 9"
                " FROM unnest(CAST(:ids AS bigint[])) AS id, generate_series(0, :days - 1) AS day"
            ),
            {"first": first, "user": user.id, "ids": ids, "days": _DAYS},
        )
    return ids[0]
