"""Twenty repositories with ten years of days each, 73,000 rows, in one comparison; a real API
process. *Cold* is a comparison that was not asked for before: each is of another last day. Then,
while four clients ask for such comparisons without a pause, one more asks for the list of users.
"""

import itertools
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import text

from common.db import make_engine
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, percentile
from tests.benchmarks.replay import fill
from tests.end_to_end.system import running

TITLE = "Comparisons"

REPOSITORIES = 20
DAYS = 3650
_VIEWS = 10
_CLIENTS = 4
_OTHERS = 100

_MOST = 300
"""Milliseconds, of a cold chart."""


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of comparisons."""
    today = date.today()  # noqa: DTZ011 - the API's own today, at any hour but midnight
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        fill(engine, users=1, each=REPOSITORIES, days=DAYS, until=today)
        with engine.connect() as connection:
            ids = connection.execute(text("SELECT id FROM repositories ORDER BY id")).scalars()
            names = "&".join(f"repo={repo_id}" for repo_id in ids)
        engine.dispose()
        system = bench.api(url, "compare")
        with running(system, "api"):
            base = f"http://127.0.0.1:{system.environment['API_PORT']}"
            ago = itertools.count()

            def address(path: str) -> Callable[[], str]:
                def make() -> str:
                    last = today - timedelta(days=next(ago) % 1000)
                    return f"{base}{path}&date_to={last}&{names}"

                return make

            chart = address("/v1/compare.svg?width=1100&height=560")
            return [
                _cold("chart, cold", chart, most=_MOST),
                _cold(
                    "chart of indexed lines, cold", lambda: f"{chart()}&mode=indexed", most=_MOST
                ),
                _cold("chart of changes per day, cold", lambda: f"{chart()}&mode=day"),
                _cold("JSON, cold", address("/v1/compare.json?metric=stargazers")),
                *_beside(f"{base}/v1/users", chart),
            ]


def _cold(what: str, make: Callable[[], str], *, most: float | None = None) -> Figure:
    answers = [_fetch(make()) for _ in range(_VIEWS)]
    median = 1000 * statistics.median(seconds for seconds, _ in answers)
    shown = f"{what}, {answers[-1][1] / 1000:.0f} kB"
    measured = f"{median:.0f} ms"
    if most is None:
        return Figure(shown, measured, "")
    return Figure(shown, measured, "", "", f"under {most:g} ms", median < most)


def _beside(other: str, make: Callable[[], str]) -> list[Figure]:
    """Compare a short request alone with the same one beside comparisons."""
    alone = [_fetch(other)[0] for _ in range(_OTHERS)]
    is_over = threading.Event()

    def compare() -> None:
        while not is_over.is_set():
            _fetch(make())

    clients = [threading.Thread(target=compare) for _ in range(_CLIENTS)]
    for client in clients:
        client.start()
    beside = [_fetch(other)[0] for _ in range(_OTHERS)]
    is_over.set()
    for client in clients:
        client.join()
    return [
        Figure(
            f"list of users beside {_CLIENTS} clients that compare, {name}",
            f"{1000 * percentile(beside, part):.1f} ms",
            f"alone {1000 * percentile(alone, part):.1f} ms",
            f"{percentile(beside, part) / percentile(alone, part):.1f}",
        )
        for name, part in (("median", 0.5), ("99th percentile", 0.99))
    ]


def _fetch(address: str) -> tuple[float, int]:
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        size = len(answer.read())
    return time.perf_counter() - began, size
