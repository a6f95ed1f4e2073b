"""Time series of recorded days: of one repository, of a user's totals, of many users at once.

A day that was not recorded is absent, so that a chart leaves a gap there. So is a day after today,
of which a wrong clock may have left rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from api.queries.metric import Metric
from common import clock, tables
from common.db import array_literal
from common.states import ScanState

_daily_stats = tables.daily_stats.c
_scans = tables.scans.c

_COUNTS = (
    _daily_stats.date,
    _daily_stats.stargazers,
    _daily_stats.forks,
    _daily_stats.watchers,
)


@dataclass(frozen=True, slots=True)
class Point:
    """The counts of one UTC day."""

    day: date
    stargazers: int
    forks: int
    watchers: int


@dataclass(frozen=True, slots=True)
class Change:
    """The difference of each count between two days; negative where it fell."""

    stargazers: int
    forks: int
    watchers: int


def change_over(points: Sequence[Point], days: int) -> Change | None:
    """Return the change from ``days`` before the newest point; None where that day is missing.

    :param points: by ascending day
    """
    if not points:
        return None
    newest = points[-1]
    day = newest.day - timedelta(days)
    earlier = next((point for point in points if point.day == day), None)
    if earlier is None:
        return None
    return Change(
        newest.stargazers - earlier.stargazers,
        newest.forks - earlier.forks,
        newest.watchers - earlier.watchers,
    )


def of_repository(connection: Connection, repo_id: int, first: date, last: date) -> list[Point]:
    """Return a repository's days between two, both included, whichever user owned it."""
    # A date and no expression: Postgres then plans with the partitions of the range alone.
    last = min(last, clock.today(connection))
    rows = connection.execute(
        select(*_COUNTS)
        .where(_daily_stats.repo_id == repo_id, _daily_stats.date.between(first, last))
        .order_by(_daily_stats.date)
    )
    return [Point(*row) for row in rows]


def of_user(connection: Connection, user_id: int, first: date, last: date) -> list[Point]:
    """Return the totals of a user's repositories on the days between two, both included.

    Only days on which every repository was recorded: a sum of some of them would show as a drop
    that never happened.
    """
    return of_users(connection, [user_id], first, last).get(user_id, [])


def newest_of_user(connection: Connection, user_id: int) -> Point | None:
    """Return the totals of the newest day that ``of_user`` would return; None if there is none."""
    newest = connection.execute(
        select(func.max(_scans.day)).where(
            _scans.user_id == user_id, _scans.day <= clock.TODAY, _scans.state == ScanState.DONE
        )
    ).scalar_one()
    if newest is None:
        return None
    (point,) = of_user(connection, user_id, newest, newest)
    return point


def of_users(
    connection: Connection, user_ids: Iterable[int], first: date, last: date
) -> dict[int, list[Point]]:
    """Return the totals of several users, as ``of_user`` does; users without any are absent.

    A user without repositories has totals of zero on each day that was scanned.
    """
    ids = sorted(user_ids)
    last = min(last, clock.today(connection))
    return _complete_days(connection, _scans.user_id.in_(ids) & _scans.day.between(first, last))


def of_user_on(connection: Connection, user_id: int, days: Iterable[date]) -> dict[date, Point]:
    """Return the totals of some days, as ``of_user`` does; days without any are absent."""
    wanted = (_scans.user_id == user_id) & _scans.day.in_(sorted(days))
    found = _complete_days(connection, wanted & (_scans.day <= clock.TODAY))
    return {point.day: point for point in found.get(user_id, [])}


def _complete_days(
    connection: Connection, condition: ColumnElement[bool]
) -> dict[int, list[Point]]:
    kept = _scans.totals_at == _scans.finished_at
    complete_days = connection.execute(
        select(
            _scans.user_id,
            _scans.day,
            case((kept, _scans.stargazers)),
            case((kept, _scans.forks)),
            case((kept, _scans.watchers)),
        )
        .where(condition, _scans.state == ScanState.DONE)
        .order_by(_scans.user_id, _scans.day)
    ).all()
    missing = [(user_id, day) for user_id, day, *counts in complete_days if None in counts]
    totals = add_up(connection, missing)
    series: dict[int, list[Point]] = defaultdict(list)
    for user_id, day, *counts in complete_days:
        total = totals.get((user_id, day), [0, 0, 0]) if None in counts else counts
        series[user_id].append(Point(day, *total))
    return dict(series)


def add_up(
    connection: Connection, days: Sequence[tuple[int, date]]
) -> dict[tuple[int, date], list[int]]:
    """Return the totals of users' days of which no totals are kept; days without rows are absent.

    :param days: user ids with days
    """
    if not days:
        return {}
    # Joined with the days by the caller: until new rows are analyzed, Postgres would choose a join
    # day by day.
    rows = connection.execute(
        text(
            """
            SELECT user_id, date, sum(stargazers), sum(forks), sum(watchers)
            FROM daily_stats
            WHERE repo_id IN (SELECT repo_id FROM ownerships WHERE user_id = ANY(:ids))
              AND date BETWEEN :first AND :last AND user_id = ANY(:ids)
            GROUP BY user_id, date
            """
        ),
        {
            "ids": sorted({user_id for user_id, _ in days}),
            "first": min(day for _, day in days),
            "last": max(day for _, day in days),
        },
    )
    return {(user_id, day): counts for user_id, day, *counts in rows}


def of_repositories(
    connection: Connection,
    user_id: int,
    repo_ids: Iterable[int],
    first: date,
    last: date,
    *,
    by: Metric,
) -> dict[int, list[tuple[date, int]]]:
    """Return a count of some of a user's repositories on the days between two, both included.

    Only days on which the user owned the repository; repositories without any are absent.
    """
    last = min(last, clock.today(connection))
    rows = connection.execute(
        text(
            # A row for each repository: Python takes several times as long for a row for each day.
            f"""
            SELECT repo_id, array_agg(date ORDER BY date), array_agg({Metric(by)} ORDER BY date)
            FROM daily_stats
            WHERE repo_id = ANY(CAST(:ids AS bigint[]))
              AND date BETWEEN :first AND :last AND user_id = :user_id
            GROUP BY repo_id
            """  # noqa: S608 - a column's name from an enum
        ),
        {"ids": array_literal(repo_ids), "first": first, "last": last, "user_id": user_id},
    )
    return {repo_id: list(zip(days, counts, strict=True)) for repo_id, days, counts in rows.all()}
