"""A long history of many repositories, made by SQL day by day."""

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TypeVar

from sqlalchemy import Connection, Engine, text

from api.queries import stats as queries
from common import stats

EACH = 100
"""Repositories of each user."""

LAST = date(2026, 11, 12)
FIRST = LAST - timedelta(days=364)
DAYS = [FIRST + timedelta(days=n) for n in range(365)]
"""A year, and room for some nights in the month in which it ends."""

_TOGETHER = 2
"""Months that are worked on at once."""

_ID = "(hashint8extended(repository, 1) & 68719476735)"
"""Ids lie apart as if by chance; no two of those used here are the same."""

_SEEN = f"""
    SELECT {_ID} AS repo_id, repository / {EACH} + 1 AS user_id,
           CAST(repository % 5000 AS integer) AS stargazers,
           CAST(repository % 900 AS integer) AS forks, CAST(repository % 70 AS integer) AS watchers
    FROM generate_series(CAST({{first}} AS bigint), CAST({{end}} AS bigint) - 1) AS repository
"""
"""What a night sees of repositories."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Month:
    """A partition and the days in it."""

    name: str
    days: tuple[date, ...]

    @property
    def bounds(self) -> str:
        """The values that the partition holds, as SQL."""
        first = self.days[0].replace(day=1)
        end = (first + timedelta(days=31)).replace(day=1)
        return f"FOR VALUES FROM ('{first}') TO ('{end}')"


MONTHS = [
    Month(f"daily_stats_{first:%Y_%m}", tuple(days))
    for first, days in groupby(DAYS, key=lambda day: day.replace(day=1))
]


def prepare(engine: Engine) -> None:
    """Make the months."""
    with engine.begin() as connection:
        for month in MONTHS:
            stats.create_partitions(connection, month.days[0])


def follow(engine: Engine, repositories: range) -> None:
    """Have the users and repositories of such numbers; those that are there stay as they are."""
    limits = {"first": repositories.start, "end": repositories.stop, "day": FIRST}
    with engine.begin() as connection:
        for statement in (
            f"""
            INSERT INTO users (id, login, name)
            SELECT number, 'user-' || number, 'User ' || number
            FROM generate_series(:first / {EACH} + 1, (:end - 1) / {EACH} + 1) AS number
            ON CONFLICT DO NOTHING
            """,
            f"""
            INSERT INTO repositories
                (id, user_id, name, is_fork, is_archived, first_seen_on, listed_on)
            SELECT {_ID}, repository / {EACH} + 1, 'repository-' || repository, false, false,
                   :day, :day
            FROM generate_series(CAST(:first AS bigint), CAST(:end AS bigint) - 1) AS repository
            ON CONFLICT DO NOTHING
            """,
            f"""
            INSERT INTO ownerships (user_id, repo_id)
            SELECT repository / {EACH} + 1, {_ID}
            FROM generate_series(CAST(:first AS bigint), CAST(:end AS bigint) - 1) AS repository
            ON CONFLICT DO NOTHING
            """,
        ):
            connection.execute(text(statement), limits)
    tidy(engine, ["users", "repositories", "ownerships"])


def fill(engine: Engine, repositories: range, months: Sequence[Month]) -> None:
    """Record each day of months for repositories, night by night, with all indexes in place."""
    columns = "repo_id, user_id, stargazers, forks, watchers"
    _record(engine, "daily_stats", columns, repositories, months)
    tidy(engine, [month.name for month in months])


def fill_bare(engine: Engine, repositories: range, months: Sequence[Month]) -> None:
    """Do the same with a table of nothing but a repository, a day, three counts and a key."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE bare (repo_id bigint, date date, stargazers integer, forks integer,"
                " watchers integer, PRIMARY KEY (repo_id, date)) PARTITION BY RANGE (date)"
            )
        )
        for month in months:
            connection.execute(
                text(f"CREATE TABLE bare_{month.name} PARTITION OF bare {month.bounds}")
            )
    _record(engine, "bare", "repo_id, stargazers, forks, watchers", repositories, months)
    tidy(engine, [f"bare_{month.name}" for month in months])


def _record(
    engine: Engine, table: str, columns: str, repositories: range, months: Sequence[Month]
) -> None:
    seen = _SEEN.format(first=repositories.start, end=repositories.stop)

    def record(month: Month) -> None:
        with engine.begin() as connection:
            # The owners are there already: the check of each row by itself would take longest.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for day in month.days:
                connection.execute(
                    text(
                        f"INSERT INTO {table} (date, {columns})"
                        f" SELECT CAST(:day AS date), {columns} FROM ({seen}) AS seen"
                    ),
                    {"day": day},
                )

    _at_once(record, months)


def pack(engine: Engine, repositories: range, months: Sequence[Month], *, fillfactor: int) -> None:
    """Have the same days in months, quicker: the index comes last, and nothing goes to the log.

    What was in the months is gone afterwards.

    :param fillfactor: percent of an index' pages that is used
    """
    night = io.BytesIO()
    with engine.connect() as connection:
        _copy(
            connection,
            f"COPY ({_SEEN.format(first=repositories.start, end=repositories.stop)})"
            " TO STDOUT (FORMAT binary)",
            night,
        )
        constraints = connection.execute(
            text(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = CAST('daily_stats' AS regclass) AND contype IN ('p', 'f')"
            )
        ).all()

    def build(month: Month) -> None:
        table = f"{month.name}_next"
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
            # One at a time makes sure of its rows' owners.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(
                text(f"CREATE TABLE {table} (LIKE {month.name} INCLUDING CONSTRAINTS)")
            )
            for day in month.days:
                connection.execute(
                    text(f"ALTER TABLE {table} ALTER COLUMN date SET DEFAULT '{day}'")
                )
                # Frozen as a vacuum would leave it.
                _copy(
                    connection,
                    f"COPY {table} (repo_id, user_id, stargazers, forks, watchers)"
                    " FROM STDIN (FORMAT binary, FREEZE)",
                    io.BytesIO(night.getbuffer()),
                )
            connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN date DROP DEFAULT"))
            for name, definition in constraints:
                room = f" WITH (fillfactor = {fillfactor})" if "PRIMARY KEY" in definition else ""
                connection.execute(
                    text(f"ALTER TABLE {table} ADD CONSTRAINT {name}_{table} {definition}{room}")
                )

    _at_once(build, months)
    for month in months:
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {month.name}"))
            connection.execute(text(f"ALTER TABLE {month.name}_next RENAME TO {month.name}"))
            connection.execute(
                text(f"ALTER TABLE daily_stats ATTACH PARTITION {month.name} {month.bounds}")
            )
    tidy(engine, [month.name for month in months])


def _copy(connection: Connection, statement: str, file: io.BytesIO) -> None:
    cursor = connection.connection.cursor()
    cursor.copy_expert(statement, file)
    cursor.close()


def ids_by_user(engine: Engine, users: int) -> dict[int, list[int]]:
    """Return the repositories of the first so many users."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT user_id, array_agg(repo_id) AS ids FROM ownerships WHERE user_id <= :users"
                " GROUP BY user_id ORDER BY user_id"
            ),
            {"users": users},
        )
        return {row.user_id: row.ids for row in rows}


def read(connection: Connection, user_id: int, first: date) -> int:
    """Read a user's rows since a day as the API does; return how many there are."""
    texts = queries.read_text(connection, user_id, first, LAST, row=queries.JSON_ROW, separator=",")
    return sum(text_.count(b'"date"') for text_ in texts)


def tidy(engine: Engine, tables: Iterable[str]) -> None:
    """Do what autovacuum does where so much was inserted."""

    def vacuum(table: str) -> None:
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text(f"VACUUM (ANALYZE) {table}"))

    _at_once(vacuum, tables)


def _at_once(work: Callable[[T], None], items: Iterable[T]) -> None:
    with ThreadPoolExecutor(_TOGETHER) as threads:
        list(threads.map(work, items))
