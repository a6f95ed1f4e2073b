"""A user with 20,000 repositories and two years of days, 14,600,000 rows, every day whole, in a
database with other users; a real API process, one client, the median of ten. The first view is the
one after the start of the API; later views are of other addresses, so that nothing of them is kept.
Sizes are of pages as they are sent to a browser, which accepts gzip. The rows of 30 days are the
`stats` call without dates; memory is the most that the API process had while it answered, beyond
what it had before.
"""

import statistics
import threading
import time
import urllib.request
from datetime import date, timedelta

import psutil
from sqlalchemy import Engine, text

from common import stats
from common.db import make_engine
from common.users import TrackedUser
from tests import factories
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.end_to_end.system import running

TITLE = "Large owners"

REPOSITORIES = 20_000
DAYS = 730
_VIEWS = 10


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of pages and lists of a large owner."""
    today = date.today()  # noqa: DTZ011 - the API's own today, at any hour but midnight
    with bench.databases.fresh() as url:
        engine = make_engine(url, process="benchmark")
        user = fill(engine, until=today)
        engine.dispose()
        system = bench.api(url, "large")
        with running(system, "api"):
            base = f"http://127.0.0.1:{system.environment['API_PORT']}"
            repos = f"{base}/v1/users/{user.id}/repos?limit=5"
            return [
                _figure("its page", f"{base}/u/{user.login}?metric=forks"),
                _figure("the page of one of its repositories", f"{base}/repos/17"),
                _figure("the overview", f"{base}/?q={user.login}"),
                _figure("five repositories by name", repos),
                _figure("five by stars", f"{repos}&sort=stargazers"),
                _figure("five by the change over 7 days", f"{repos}&sort=stargazers_7d", most=None),
                _figure("five that contain a word", f"{repos}&q=r17"),
                _figure("a search over everything", f"{base}/v1/search?q=r17"),
                _figure("the status page", f"{base}/status", most=50),
                *_all_rows(
                    f"{base}/v1/users/{user.id}/stats",
                    psutil.Process(system.processes["api"].pid),
                ),
            ]


def _all_rows(address: str, api: psutil.Process) -> list[Figure]:
    """Return the figures of the call without dates, which is answered whole."""
    before = api.memory_info().rss
    most = before
    has_ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not has_ended.wait(0.01):
            most = max(most, api.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        body = answer.read()
    taken = time.perf_counter() - began
    has_ended.set()
    watching.join()
    rows = body.count(b"repo_id")
    assert rows == 30 * REPOSITORIES, rows
    what = f"{rows:,} rows of 30 days, {len(body) / 1e6:.0f} MB"
    return [
        Figure(what, f"{taken:.1f} s", ""),
        Figure.under("the same, memory", (most - before) / 1e6, "MB", most=100),
    ]


def _figure(what: str, address: str, *, most: float | None = 100) -> Figure:
    sign = "&" if "?" in address else "?"
    taken = []
    for number in range(_VIEWS):
        began = time.perf_counter()
        # Unknown parameters are refused by the API, and known ones change nothing of a list here.
        path = address if "/v1/" in address else f"{address}{sign}_={number}"
        request = urllib.request.Request(path, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            size = len(answer.read())
        taken.append(1000 * (time.perf_counter() - began))
    median = statistics.median(taken)
    measured = f"{median:.0f} ms (first {taken[0]:.0f} ms), {size / 1000:.0f} kB"
    if most is None:
        return Figure(what, measured, "")
    return Figure(what, measured, "", "", f"under {most:g} ms", median < most)


def fill(engine: Engine, *, until: date) -> TrackedUser:
    """Follow a large owner of whom each day was recorded whole."""
    first = until - timedelta(days=DAYS - 1)
    values = {"first": first, "until": until, "count": REPOSITORIES}
    with engine.begin() as connection:
        for ahead in range(0, DAYS, 28):
            stats.create_partitions(connection, first + timedelta(days=ahead))
        stats.create_partitions(connection, until)
        for _ in range(100):
            factories.add_user(connection)
        user = factories.add_user(connection, login="large-owner")
        values["user"] = user.id
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _STATEMENTS:
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return user


_STATEMENTS = (
    """
    INSERT INTO repositories (id, user_id, name, description, is_fork, is_archived,
                              first_seen_on, listed_on)
    SELECT n, :user, 'r' || n, 'The repository number ' || n, n % 7 = 0, n % 11 = 0, :first, :until
    FROM generate_series(1, :count) AS n
    """,
    "INSERT INTO ownerships SELECT :user, n FROM generate_series(1, :count) AS n",
    """
    INSERT INTO daily_stats (repo_id, date, user_id, stargazers, forks, watchers)
    SELECT n, day, :user, n % 1000 + (day - CAST(:first AS date)), n % 50, n % 20
    FROM generate_series(CAST(:first AS date), CAST(:until AS date), interval '1 day') AS d (at),
         LATERAL (SELECT at::date AS day) AS days, generate_series(1, :count) AS n
    """,
    """
    INSERT INTO latest_stats
    SELECT d.repo_id, d.user_id, d.date, d.stargazers, d.forks, d.watchers, r.revision
    FROM daily_stats d JOIN repositories r ON r.id = d.repo_id WHERE d.date = :until
    """,
    """
    INSERT INTO scans (user_id, day, state, expected, recorded, attempts, started_at, finished_at,
                       stargazers, forks, watchers, totals_at)
    SELECT :user, date, 'done', :count, :count, 1, date + time '00:05', date + time '00:06',
           sum(stargazers), sum(forks), sum(watchers), date + time '00:06'
    FROM daily_stats GROUP BY date
    """,
    "UPDATE users SET scanned_on = :until, repositories = :count WHERE id = :user",
)
