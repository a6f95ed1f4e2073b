"""Users with a hundred repositories each and a year of days, each size in its own database. The
smaller two, and January and February of 10 million rows, are filled day by day with all indexes in
place; the bytes per row are those of these two months. The others, and 50 million rows, get their
index last, packed as densely as those. Tables are vacuumed as autovacuum would. A row of nothing
but its values has 28 bytes: an id of 8, a day of 4, three counts of 4 each, and the 4 by which its
page points to it. An index entry has 28 too: 8 of header, the id and the day padded to 16, and the
pointer. The bare table is that, in Postgres, filled the same way. A read is a year of another user
each time, 36,500 rows, or the growth of 100 repositories, in turns with the same read in the
smallest database; a night is 100 transactions of 100 rows. One client reads and one writes all the
time while the migrations run.
"""

import shutil
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, Engine, text

import common.db
from api.queries import growth
from api.queries.metric import Metric
from common import stats
from common.repositories import Counts
from tests.benchmarks import history, migrating
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure

TITLE = "Size"

_SMALLEST, _SMALL, _LARGE, _LARGEST = range(274), range(2_740), range(27_400), range(137_000)
"""Of 0.1, 1, 10 and 50 million rows."""

_WEIGHED = history.MONTHS[2:4]
"""January and February: how densely an index is packed differs with the days of a month."""

_FOLLOWED = range(10_000)
"""The repositories that a night records are there in all sizes."""

_VALUES = 28
_BARE_ENTRY = 28
_ENTRY = 44
"""Bytes of an entry of our index."""

_GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True)
class _Place:
    """A database with a year of so many repositories."""

    engine: Engine
    url: str
    repositories: range


@dataclass(frozen=True, slots=True)
class _Times:
    """How long it takes with so many rows."""

    read: float
    """Seconds for each row returned."""
    growth: float
    """The same."""
    write: float
    """Seconds of a night."""
    read_ratio: float
    """Over the seconds in the smallest database, which was asked in turns with this one."""
    growth_ratio: float


def measure(bench: Bench) -> list[Figure]:
    """Return the figures of size."""
    times = {}
    with _followed(bench, _SMALLEST) as least:
        history.fill(least.engine, least.repositories, history.MONTHS)
        times["0.1"] = _times(least, least)
        with _followed(bench, _SMALL) as small:
            history.fill(small.engine, small.repositories, history.MONTHS)
            times["1"] = _times(small, least)
        with _followed(bench, _LARGE) as large:
            engine = large.engine
            history.fill(engine, large.repositories, _WEIGHED)
            history.fill_bare(engine, large.repositories, _WEIGHED)
            sizes, density = _sizes(engine)
            with engine.begin() as connection:
                connection.execute(text("DROP TABLE bare"))
            others = [month for month in history.MONTHS if month not in _WEIGHED]
            history.pack(engine, large.repositories, others, fillfactor=round(density))
            times["10"] = _times(large, least)
            readable = len(large.repositories) // history.EACH
            waits = migrating.figures(engine, large.url, readable=readable)
            if shutil.disk_usage(bench.directory).free > 15 * _GIGABYTE:
                history.follow(engine, _LARGEST)
                history.pack(engine, _LARGEST, history.MONTHS, fillfactor=round(density))
                times["50"] = _times(replace(large, repositories=_LARGEST), least)
    return sizes + _compared(times) + waits


@contextmanager
def _followed(bench: Bench, repositories: range) -> Iterator[_Place]:
    with bench.databases.fresh() as url:
        engine = common.db.make_engine(url, process="benchmark", pool_size=4, statement_timeout=0)
        try:
            history.prepare(engine)
            history.follow(engine, range(max(repositories.stop, _FOLLOWED.stop)))
            yield _Place(engine, url, repositories)
        finally:
            engine.dispose()


def _sizes(engine: Engine) -> tuple[list[Figure], float]:
    """Return the figures of bytes, and how many percent of our index' pages is used."""
    rows, table, index = _bytes(engine, "daily_stats")
    bare_rows, bare_table, bare_index = _bytes(engine, "bare")
    assert rows == bare_rows == sum(len(month.days) for month in _WEIGHED) * len(_LARGE)
    ours, bare = table + index, bare_table + bare_index
    least = _VALUES + _BARE_ENTRY
    what = "bytes a row at 10 million rows"
    return [
        Figure.within(
            what,
            f"{ours:.0f} ({table:.0f} table, {index:.0f} index)",
            f"its values and one index, reckoned: {least}",
            ratio=ours / least,
            times=2.5,
        ),
        Figure.within(
            what,
            f"{ours:.0f}",
            f"a bare table: {bare:.0f} ({bare_table:.0f} and {bare_index:.0f})",
            ratio=ours / bare,
            times=2.5,
        ),
    ], 100 * _ENTRY / index


def _bytes(engine: Engine, table: str) -> tuple[int, float, float]:
    """Return how many rows a table has, and bytes for each: of the table and of its indexes."""
    with engine.begin() as connection:
        rows, stored, indexed = connection.execute(
            text(
                f"""
                SELECT (SELECT count(*) FROM {table}), sum(pg_table_size(relid)),
                       sum(pg_indexes_size(relid))
                FROM pg_partition_tree('{table}') WHERE isleaf
                """
            )
        ).one()
    return int(rows), float(stored / rows), float(indexed / rows)


def _times(place: _Place, least: _Place) -> _Times:
    with place.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Whoever reads right after so much was filled has to write pages before it can read some.
        connection.execute(text("CHECKPOINT"))
    medians = {}
    for ask, turns in ((_read, 15), (_grow, 60)):
        seconds: dict[int, list[float]] = {0: [], 1: []}
        for turn in range(turns):
            # In turns, so that a busy moment of the machine is one for both.
            for number, each in enumerate((least, place)):
                user_id = 1 + len(each.repositories) // history.EACH * turn // turns
                with each.engine.begin() as connection:
                    seconds[number].append(ask(connection, user_id))
        medians[ask] = statistics.median(seconds[1]), statistics.median(seconds[0])
    nights = [_night(place.engine, number) for number in (1, 2, 3)]
    (read, read_least), (grown, grown_least) = medians[_read], medians[_grow]
    return _Times(read, grown, statistics.median(nights), read / read_least, grown / grown_least)


def _read(connection: Connection, user_id: int) -> float:
    """Read a user's year; return the seconds for each row."""
    began = time.perf_counter()
    rows = history.read(connection, user_id, history.FIRST)
    seconds = time.perf_counter() - began
    assert rows == 365 * history.EACH
    return seconds / rows


def _grow(connection: Connection, user_id: int) -> float:
    """Ask how a user's repositories moved in the year; return the seconds for each."""
    began = time.perf_counter()
    movers = growth.movers(
        connection, user_id, history.FIRST, history.LAST, by=Metric.STARGAZERS, limit=history.EACH
    )
    seconds = time.perf_counter() - began
    assert len(movers) == history.EACH
    return seconds / len(movers)


def _night(engine: Engine, number: int) -> float:
    """Record the same hundred users; return the seconds."""
    ids = history.ids_by_user(engine, len(_FOLLOWED) // history.EACH)
    day = history.LAST + timedelta(days=number)
    seconds = 0.0
    for user_id, repositories in ids.items():
        counts = {each: Counts(number, 1, 2) for each in repositories}
        began = time.perf_counter()
        with engine.begin() as connection:
            changed = stats.write(connection, user_id, day, counts)
        seconds += time.perf_counter() - began
        assert changed == history.EACH
    return seconds


def _compared(times: dict[str, _Times]) -> list[Figure]:
    sizes = f"at {', '.join(times)} million rows"
    kinds = (
        (
            "stats of 36,500 rows",
            [each.read for each in times.values()],
            [each.read_ratio for each in times.values()],
        ),
        (
            "growth of 100 repositories",
            [each.growth for each in times.values()],
            [each.growth_ratio for each in times.values()],
        ),
    )
    found = [
        Figure.within(
            f"{what}, for each row returned, {sizes}",
            f"{_listed(seconds, 1e6)} µs",
            f"beside the smallest at the same time: {_listed(ratios, 1)}",
            ratio=max(ratios),
            times=1.5,
        )
        for what, seconds, ratios in kinds
    ]
    nights = [each.write for each in times.values()]
    found.append(
        Figure(
            f"a night of 10,000 rows in 100 transactions, {sizes}",
            f"{_listed(nights, 1)} s",
            "the slowest over the quickest",
            f"{max(nights) / min(nights):.2f}",
        )
    )
    return found


def _listed(values: Iterable[float], times: float) -> str:
    return ", ".join(f"{value * times:.3g}" for value in values)
