"""Reads and writes of the daily rows: one per repository and UTC day."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, text

from common.repositories import Counts

_BATCH = 5000
"""Rows a statement: above this, arrays grow faster than statements save."""

_MONTHS_AHEAD = 2


def write(connection: Connection, user_id: int, day: date, counts: Mapping[int, Counts]) -> int:
    """Store a day's counts by repository id; a second observation of a day replaces the first.

    The repositories must have been saved as this user's in the same transaction.

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
                "ids": [repository_id for repository_id, _ in batch],
                "stargazers": [seen.stargazers for _, seen in batch],
                "forks": [seen.forks for _, seen in batch],
                "watchers": [seen.watchers for _, seen in batch],
            },
        )
        changed += result.rowcount
    return changed


def read(
    connection: Connection, user_id: int, date_from: date, date_to: date
) -> list[dict[str, int | date]]:
    """Return a user's rows between two days, both included, by repository id and day.

    The rows are those of days on which the user owned the repository.
    """
    rows = connection.execute(
        text(
            """
            SELECT repo_id, date, stargazers, forks, watchers
            FROM daily_stats
            WHERE repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = :user_id)
              AND date BETWEEN :date_from AND :date_to AND user_id = :user_id
            ORDER BY repo_id, date
            """
        ),
        {"user_id": user_id, "date_from": date_from, "date_to": date_to},
    )
    return [
        {
            "repo_id": repo_id,
            "date": day,
            "stargazers": stargazers,
            "forks": forks,
            "watchers": watchers,
        }
        for repo_id, day, stargazers, forks, watchers in rows
    ]


def make_partitions(connection: Connection, day: date) -> tuple[str, ...]:
    """Make the partitions of a day's month and of the months after it, where they are missing.

    Rows that a month without a partition left in the default one move into the new partition.

    :return: the names of the new partitions
    """
    months = [_month(day, ahead) for ahead in range(_MONTHS_AHEAD + 1)]
    wanted = {f"daily_stats_{first:%Y_%m}": (first, _month(first, 1)) for first in months}
    if not _missing(connection, wanted):
        return ()
    # Two sweeps may come here at once: the second waits, then finds nothing missing.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('repopulse partitions'))"))
    made = _missing(connection, wanted)
    for name in made:
        first, end = wanted[name]
        # Attached rather than created in place: ATTACH lets readers and writers of the table go on.
        for statement in (
            f"CREATE TABLE {name} (LIKE daily_stats INCLUDING CONSTRAINTS)",
            f"""
            WITH moved AS (
                DELETE FROM daily_stats_default
                WHERE date >= '{first}' AND date < '{end}' RETURNING *
            )
            INSERT INTO {name} SELECT * FROM moved
            """,  # noqa: S608 - a name and two dates made here
            f"""
            ALTER TABLE daily_stats ATTACH PARTITION {name}
            FOR VALUES FROM ('{first}') TO ('{end}')
            """,
        ):
            connection.execute(text(statement))
    return tuple(made)


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
