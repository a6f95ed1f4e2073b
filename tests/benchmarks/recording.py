"""100,000 rows are written to `daily_stats`, and copies of them to `latest_stats`, by the product's
own code, in the transactions of a day's scans: one for each of 1,000 users with 100 repositories,
each committed to disk. Then they are written again for the same day, with other counts in every
row, and with the same counts, which writes none but the copies. They are compared with `COPY` of
the same rows, in as many transactions, into a table without index, keys or partitions. The
repositories exist already; after each run every row is counted and summed. *In bulk* is a single
user with 100,000 repositories, in one transaction. The variants take turns; each figure is the
median of the rounds.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from io import StringIO

from sqlalchemy import Connection, Engine, text

from common import repositories, stats
from common.db import make_engine
from common.repositories import Counts
from common.users import TrackedUser
from tests import factories
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure
from tests.benchmarks.replay import COLUMNS

TITLE = "Recording"

ROWS = 100_000
USERS = 1000
ROUNDS = {USERS: 3, 1: 1}

DAY = date(2026, 11, 24)

Owners = dict[TrackedUser, list[int]]
Writer = Callable[[Connection, TrackedUser, date, dict[int, Counts]], object]


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of recording."""
    figures = []
    for what, users, times in (("", USERS, (2.5, 4.0)), (", in bulk", 1, (None, None))):
        with bench.databases.fresh() as url:
            engine = make_engine(url, process="benchmark")
            days = [DAY + timedelta(days=ahead) for ahead in range(ROUNDS[users])]
            owners = _follow(engine, users)
            taken = _take_turns(engine, owners, days)
            engine.dispose()
        figures += _figures(what, taken, times)
    return figures


def _follow(engine: Engine, users: int) -> Owners:
    owners: Owners = {}
    with engine.begin() as connection:
        stats.create_partitions(connection, DAY)
        for _ in range(users):
            user = factories.add_user(connection)
            seen = [factories.make_repository() for _ in range(ROWS // users)]
            repositories.save(connection, user.id, DAY, seen)
            owners[user] = [repository.id for repository in seen]
        connection.execute(
            text(f"CREATE TABLE bare AS SELECT {COLUMNS} FROM daily_stats WITH NO DATA")
        )
    _rest(engine)
    return owners


def _take_turns(engine: Engine, owners: Owners, days: list[date]) -> dict[str, float]:
    """Return the median seconds of each way of writing."""
    taken: dict[str, list[float]] = defaultdict(list)
    for day in days:
        for what, table, writer, more in (
            ("first", "daily_stats", _write, 0),
            ("COPY", "bare", _copy, 0),
            ("rewrite", "daily_stats", _write, 1),
            ("unchanged", "daily_stats", _write, 1),
        ):
            taken[what].append(_record(engine, owners, writer, day, more))
            _check(engine, table, day, owners, more)
        _rest(engine)
    return {what: statistics.median(seconds) for what, seconds in taken.items()}


def _record(engine: Engine, owners: Owners, write: Writer, day: date, more: int) -> float:
    """Write a day of all users; return how many seconds that took."""
    counts = {user: {id_: _counts(id_, more) for id_ in ids} for user, ids in owners.items()}
    begun = time.perf_counter()
    with engine.connect() as connection:
        for user, seen in counts.items():
            with connection.begin():
                write(connection, user, day, seen)
    return time.perf_counter() - begun


def _write(connection: Connection, user: TrackedUser, day: date, seen: dict[int, Counts]) -> None:
    stats.write(connection, user.id, day, seen)


def _copy(connection: Connection, user: TrackedUser, day: date, seen: dict[int, Counts]) -> None:
    lines = StringIO(
        "".join(
            f"{id_}\t{day}\t{user.id}\t{each.stargazers}\t{each.forks}\t{each.watchers}\n"
            for id_, each in seen.items()
        )
    )
    with closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(f"COPY bare ({COLUMNS}) FROM STDIN", lines)


def _counts(repo_id: int, more: int) -> Counts:
    return Counts(repo_id % 9973 + more, repo_id % 997 + more, repo_id % 97 + more)


def _check(engine: Engine, table: str, day: date, owners: Owners, more: int) -> None:
    """See that a table has exactly the rows that were to be written."""
    expected = [0, 0, 0]
    for ids in owners.values():
        for id_ in ids:
            each = _counts(id_, more)
            expected[0] += each.stargazers
            expected[1] += each.forks
            expected[2] += each.watchers
    with engine.begin() as connection:
        found = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT repo_id), sum(stargazers), sum(forks),"
                f" sum(watchers) FROM {table} WHERE date = :day"
            ),
            {"day": day},
        ).one()
    assert tuple(found) == (ROWS, ROWS, *expected)


def _rest(engine: Engine) -> None:
    """Let what earlier writing left to be done be done, and not within what is measured next."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _figures(
    what: str, taken: dict[str, float], times: tuple[float | None, float | None]
) -> list[Figure]:
    def shown(kind: str) -> str:
        return f"{ROWS / taken[kind]:,.0f} rows/s"

    figures = []
    for name, kind, most in (
        ("first write", "first", times[0]),
        ("the same day again, every row changed", "rewrite", times[1]),
        ("the same day again, nothing changed", "unchanged", None),
    ):
        ratio = taken[kind] / taken["COPY"]
        limit = f"`COPY` {shown('COPY')}"
        figures.append(
            Figure(name + what, shown(kind), limit, f"{ratio:.2f}")
            if most is None
            else Figure.within(name + what, shown(kind), limit, ratio=ratio, times=most)
        )
    return figures
