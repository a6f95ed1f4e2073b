"""Writes of the daily rows: one per repository and UTC day."""

import logging
from collections.abc import Mapping
from datetime import date

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from common.db import array_literal
from common.repositories import Counts

log = logging.getLogger(__name__)

_BATCH = 5000
"""Rows a statement: above this, arrays grow faster than statements save."""

_MONTHS_AHEAD = 2


def write(connection: Connection, user_id: int, day: date, counts: Mapping[int, Counts]) -> int:
    """Store a day's counts by repository id; a second observation of a day replaces the first.

    The repositories must have been saved as this user's in the same transaction, which gave each
    another revision.

    :return: how many rows are new or different
    """
    # Sorted, so that writers who share a repository cannot deadlock.
    rows = sorted(counts.items())
    changed = 0
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        # One statement over arrays: a third of the time of one statement per row, and its text
        # never changes.
        result = connection.execute(
            text(
                """
                INSERT INTO daily_stats AS stored
                    (repo_id, date, user_id, stargazers, forks, watchers)
                SELECT repo_id, :day, :user_id, stargazers, forks, watchers
                FROM unnest(
                    CAST(:ids AS bigint[]), CAST(:stargazers AS integer[]),
                    CAST(:forks AS integer[]), CAST(:watchers AS integer[])
                ) AS seen (repo_id, stargazers, forks, watchers)
                ON CONFLICT (repo_id, date) DO UPDATE
                SET user_id = excluded.user_id, stargazers = excluded.stargazers,
                    forks = excluded.forks, watchers = excluded.watchers
                WHERE (stored.user_id, stored.stargazers, stored.forks, stored.watchers)
                    IS DISTINCT FROM
                    (excluded.user_id, excluded.stargazers, excluded.forks, excluded.watchers)
                """
            ),
            {
                "user_id": user_id,
                "day": day,
                "ids": array_literal(repository_id for repository_id, _ in batch),
                "stargazers": array_literal(seen.stargazers for _, seen in batch),
                "forks": array_literal(seen.forks for _, seen in batch),
                "watchers": array_literal(seen.watchers for _, seen in batch),
            },
        )
        changed += result.rowcount
    return changed


def create_partitions(connection: Connection, day: date) -> tuple[str, ...]:
    """Make the partitions of a day's month and of the months after it, where they are missing.

    Rows that a month without a partition left in the default one move into the new partition. Where
    somebody has that one in use for long, as a backup does, none is made: the next call may.

    :return: the names of the new partitions
    """
    months = [_month(day, ahead) for ahead in range(_MONTHS_AHEAD + 1)]
    wanted = {f"daily_stats_{first:%Y_%m}": (first, _month(first, 1)) for first in months}
    if not _missing(connection, wanted):
        return ()
    # Two sweeps may come here at once: the second waits, then finds nothing missing.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('repopulse partitions'))"))
    made = _missing(connection, wanted)
    if made and not _take_default(connection):
        log.warning("no partition made yet: somebody has been reading the default one for long")
        return ()
    for name in made:
        first, end = wanted[name]
        # Attached rather than created in place: ATTACH lets readers and writers of the table go on.
        for statement in (
            f"CREATE TABLE {name} (LIKE daily_stats INCLUDING CONSTRAINTS)",
            # Made anew it is the last column, where it needs no padding: eight bytes a row.
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
    return tuple(made)


def _take_default(connection: Connection) -> bool:
    """Keep others from the default partition until the transaction ends; return whether it did.

    ATTACH takes this lock too, and too late: a row of such a month that somebody writes there after
    the others moved out would make it fail.
    """
    try:
        with connection.begin_nested():
            # Whoever comes meanwhile waits behind this.
            connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
            connection.execute(text("LOCK TABLE daily_stats_default IN ACCESS EXCLUSIVE MODE"))
            connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


def _missing(connection: Connection, names: Mapping[str, object]) -> list[str]:
    rows = connection.execute(
        text(
            # From the catalogue itself: to_regclass() answers from a cache that waiting for an
            # advisory lock does not refresh.
            """
            SELECT name FROM unnest(CAST(:names AS text[])) AS name
            WHERE NOT EXISTS (
                SELECT FROM pg_class made JOIN pg_class parent USING (relnamespace)
                WHERE made.relname = name AND parent.oid = CAST('daily_stats' AS regclass)
            )
            """
        ),
        {"names": list(names)},
    ).scalars()
    return sorted(rows)


def _month(day: date, ahead: int) -> date:
    months = day.year * 12 + day.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)
