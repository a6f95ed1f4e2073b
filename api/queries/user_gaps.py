"""The days without a row of a user's repositories, and to whom they belong."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """Days of a repository without a row.

    :param before: the day of the row before them, if there is one
    :param after: the day of the row after them, if there is one
    """

    repo_id: int
    first: date
    last: date
    before: date | None
    after: date | None


@dataclass(frozen=True, slots=True)
class ObservedDay:
    """The totals of the rows of a user on one day."""

    repositories: int
    stargazers: int
    forks: int
    watchers: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What is observed of a user's repositories between two days, and what is missing."""

    days: dict[date, ObservedDay]
    gaps: list[Gap]


def find(connection: Connection, user_id: int, first: date, last: date, today: date) -> Rows:
    """Return the totals of the observed days, and the gaps, between two days, both included."""
    rows = connection.execute(
        # Both groupings in one pass over the index. Rows of other owners fill gaps too.
        text(
            """
            SELECT repo_id, date, count(*) AS rows, min(date) AS first, max(date) AS last,
                   count(*) FILTER (WHERE user_id = :user_id) AS own,
                   sum(stargazers) FILTER (WHERE user_id = :user_id) AS stargazers,
                   sum(forks) FILTER (WHERE user_id = :user_id) AS forks,
                   sum(watchers) FILTER (WHERE user_id = :user_id) AS watchers
            FROM daily_stats
            WHERE repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = :user_id)
              AND date BETWEEN :first AND :last
            GROUP BY GROUPING SETS ((repo_id), (date))
            """
        ),
        {"user_id": user_id, "first": first, "last": last},
    ).all()
    by_day = {row.date: row for row in rows if row.repo_id is None}
    by_repository = {row.repo_id: row for row in rows if row.date is None}
    days = {
        day: ObservedDay(row.own, row.stargazers, row.forks, row.watchers)
        for day, row in by_day.items()
        if row.own
    }
    gaps = [
        *_inner_gaps(connection, by_repository, {day: row.rows for day, row in by_day.items()}),
        *_outer_gaps(connection, user_id, by_repository, (first, last), today),
    ]
    return Rows(days, gaps)


def _inner_gaps(
    connection: Connection, by_repository: Mapping[int, Row[Any]], rows: Mapping[date, int]
) -> Iterator[Gap]:
    """Yield the gaps between two rows of the range."""
    incomplete = [row for row in by_repository.values() if row.rows <= (row.last - row.first).days]
    if not incomplete:
        return
    days = _days_to_read(by_repository.values(), rows)
    found = connection.execute(
        text(
            """
            SELECT repo_id, date FROM daily_stats
            WHERE repo_id = ANY(:ids) AND date = ANY(:days) ORDER BY repo_id, date
            """
        ),
        {"ids": [row.repo_id for row in incomplete], "days": sorted(days)},
    )
    before: dict[int, date] = {}
    for repo_id, day in found:
        earlier = before.get(repo_id)
        # A day that was not read has a row of each repository.
        if earlier is not None and earlier + _DAY < day and earlier + _DAY in days:
            yield Gap(repo_id, earlier + _DAY, day - _DAY, earlier, day)
        before[repo_id] = day


def _days_to_read(by_repository: Collection[Row[Any]], rows: Mapping[date, int]) -> set[date]:
    """Return the days on which a repository has no row between two others, and their neighbours."""
    begin: dict[date, int] = defaultdict(int)
    for row in by_repository:
        begin[row.first] += 1
        begin[row.last + _DAY] -= 1
    days: set[date] = set()
    day, expected = min(begin), 0
    while day < max(begin):
        expected += begin.get(day, 0)
        if rows.get(day, 0) < expected:
            days |= {day - _DAY, day, day + _DAY}
        day += _DAY
    return days


def _outer_gaps(
    connection: Connection,
    user_id: int,
    by_repository: Mapping[int, Row[Any]],
    span: tuple[date, date],
    today: date,
) -> Iterator[Gap]:
    """Yield the gaps that reach over an end of the range, cut off there."""
    first, last = span
    rows = connection.execute(
        text(
            """
            SELECT o.repo_id,
                   (SELECT date FROM daily_stats WHERE repo_id = o.repo_id AND date < :first
                    ORDER BY date DESC LIMIT 1) AS before,
                   (SELECT date FROM daily_stats
                    WHERE repo_id = o.repo_id AND date > :last AND date <= :today
                    ORDER BY date LIMIT 1) AS after
            FROM ownerships o WHERE o.user_id = :user_id
            """
        ),
        {"user_id": user_id, "first": first, "last": last, "today": today},
    )
    for repo_id, before, after in rows:
        inside = by_repository.get(repo_id)
        if inside is None:
            yield Gap(repo_id, first, last, before, after)
            continue
        if inside.first > first:
            yield Gap(repo_id, first, inside.first - _DAY, before, inside.first)
        if inside.last < last:
            yield Gap(repo_id, inside.last + _DAY, last, inside.last, after)
