"""Writes of the daily rows: one per repository and UTC day."""

import logging
from collections.abc import Mapping
from datetime import date

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from common.db import ROWS_PER_STATEMENT, array_literal
from common.repositories import Counts

log = logging.getLogger(__name__)

_MONTHS_AHEAD = 2

_UPSERT = text("""
    WITH seen AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:ids AS bigint[]), CAST(:stargazers AS integer[]),
            CAST(:forks AS integer[]), CAST(:watchers AS integer[])
        ) AS seen (repo_id, stargazers, forks, watchers)
    ), kept AS (
        INSERT INTO latest_stats AS stored
            (repo_id, user_id, date, stargazers, forks, watchers, revision)
        SELECT repo_id, :user_id, :day, stargazers, forks, watchers, r.revision
        FROM seen JOIN repositories r ON r.id = repo_id
        ON CONFLICT (repo_id) DO UPDATE
        SET user_id = excluded.user_id, date = excluded.date, stargazers = excluded.stargazers,
            forks = excluded.forks, watchers = excluded.watchers, revision = excluded.revision
        -- A day after today is a wrong clock's.
        WHERE excluded.date >= stored.date
           OR stored.date > (repopulse_now() AT TIME ZONE 'UTC')::date
    )
    INSERT INTO daily_stats AS stored (repo_id, date, user_id, stargazers, forks, watchers)
    SELECT repo_id, :day, :user_id, stargazers, forks, watchers FROM seen
    ON CONFLICT (repo_id, date) DO UPDATE
    SET user_id = excluded.user_id, stargazers = excluded.stargazers,
        forks = excluded.forks, watchers = excluded.watchers
    WHERE (stored.user_id, stored.stargazers, stored.forks, stored.watchers)
        IS DISTINCT FROM
        (excluded.user_id, excluded.stargazers, excluded.forks, excluded.watchers)
""")
"""Insert or update a day's rows from arrays, which takes a third of the time of single rows, and
keep a copy of the newest. It counts the rows of the day."""


def write(connection: Connection, user_id: int, day: date, counts: Mapping[int, Counts]) -> int:
    """Store a day's counts by repository id; a second observation of a day replaces the first.

    The caller must have saved the repositories as this user's in the same transaction, which gave
    each a new revision.

    :return: how many rows are new or changed
    """
    # All transactions write in the order of ids, so that two users who share a repository cannot
    # deadlock.
    rows = sorted(counts.items())
    changed = 0
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        batch = rows[start : start + ROWS_PER_STATEMENT]
        values = {
            "user_id": user_id,
            "day": day,
            "ids": array_literal(repository_id for repository_id, _ in batch),
            "stargazers": array_literal(seen.stargazers for _, seen in batch),
            "forks": array_literal(seen.forks for _, seen in batch),
            "watchers": array_literal(seen.watchers for _, seen in batch),
        }
        changed += connection.execute(_UPSERT, values).rowcount
    return changed


def create_partitions(
    connection: Connection, day: date, *, months_ahead: int = _MONTHS_AHEAD
) -> tuple[str, ...]:
    """Create the missing partitions of a day's month and of some months after it.

    Rows of such a month that are in the default partition move to the new one. No partition is
    created while another transaction uses the default one for long, as a backup does: the next
    sweep tries again.

    :return: the names of the new partitions
    """
    months = [_month(day, ahead) for ahead in range(months_ahead + 1)]
    wanted = {f"daily_stats_{first:%Y_%m}": (first, month_after(first)) for first in months}
    if not _missing(connection, wanted):
        return ()
    # Of two sweeps at once the second waits here, and then finds no partition missing.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('repopulse partitions'))"))
    missing = _missing(connection, wanted)
    if missing and not _lock_default_partition(connection):
        log.warning("Cannot create partition: daily_stats_default is locked; will retry")
        return ()
    for name in missing:
        _create_partition(connection, name, *wanted[name])
    return tuple(missing)


def _create_partition(connection: Connection, name: str, first: date, end: date) -> None:
    """Create a partition, fill it from the default one and attach it.

    ATTACH, unlike PARTITION OF, does not block readers and writers of the table.
    """
    for statement in (
        f"CREATE TABLE {name} (LIKE daily_stats INCLUDING CONSTRAINTS)",
        # As the last column it needs no padding, which saves eight bytes per row.
        f"ALTER TABLE {name} DROP COLUMN user_id, ADD COLUMN user_id bigint NOT NULL",
        f"""
        WITH moved AS (
            DELETE FROM daily_stats_default
            WHERE date >= '{first}' AND date < '{end}'
            RETURNING repo_id, date, stargazers, forks, watchers, user_id
        )
        INSERT INTO {name} (repo_id, date, stargazers, forks, watchers, user_id)
        SELECT * FROM moved
        """,  # noqa: S608 - a name and two dates made here
        f"""
        ALTER TABLE daily_stats ATTACH PARTITION {name}
        FOR VALUES FROM ('{first}') TO ('{end}')
        """,
    ):
        connection.execute(text(statement))


def _lock_default_partition(connection: Connection) -> bool:
    """Lock the default partition until the transaction ends; return whether that succeeded.

    ATTACH takes this lock too, but too late: it would fail if another transaction wrote a row of
    the month after the others had moved.
    """
    try:
        with connection.begin_nested():
            before = connection.execute(text("SHOW lock_timeout")).scalar_one()
            # Other transactions queue behind this one while it waits.
            connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
            connection.execute(text("LOCK TABLE daily_stats_default IN ACCESS EXCLUSIVE MODE"))
            connection.execute(text(f"SET LOCAL lock_timeout = '{before}'"))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


_MISSING_TABLES = text("""
    SELECT name FROM unnest(CAST(:names AS text[])) AS name
    WHERE NOT EXISTS (
        SELECT FROM pg_class made JOIN pg_class parent USING (relnamespace)
        WHERE made.relname = name AND parent.oid = CAST('daily_stats' AS regclass)
    )
""")
"""Return which tables do not exist. It reads the catalogue, since ``to_regclass()`` answers from a
cache that a wait for an advisory lock does not refresh."""


def _missing(connection: Connection, names: Mapping[str, object]) -> list[str]:
    return sorted(connection.execute(_MISSING_TABLES, {"names": list(names)}).scalars())


def month_after(day: date) -> date:
    """Return the first day of the month after a day's month."""
    return _month(day, 1)


def _month(day: date, ahead: int) -> date:
    """Return the first day of the month that is ``ahead`` months after a day's month."""
    months = day.year * 12 + day.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)
