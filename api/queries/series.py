"""The recorded days as lines to draw: of one repository, of a user's total, of many at once.

Every day is one that was recorded. A day that was not is absent: whoever draws leaves it open.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common.states import ScanState


@dataclass(frozen=True, slots=True)
class Point:
    """The counts of one UTC day."""

    day: date
    stargazers: int
    forks: int
    watchers: int


def of_repository(connection: Connection, repo_id: int, first: date, last: date) -> list[Point]:
    """Return the recorded days of a repository between two, both included, whoever owned it."""
    rows = connection.execute(
        text(
            """
            SELECT date, stargazers, forks, watchers
            FROM daily_stats
            WHERE repo_id = :repo_id AND date BETWEEN :first AND :last
            ORDER BY date
            """
        ),
        {"repo_id": repo_id, "first": first, "last": last},
    )
    return [Point(*row) for row in rows]


def of_user(connection: Connection, user_id: int, first: date, last: date) -> list[Point]:
    """Return the totals of a user's repositories on the days between two, both included.

    Only days on which every repository was recorded: the sum of some of them is no total, and
    drawn beside the others it would be a drop that never was.
    """
    return of_users(connection, [user_id], first, last).get(user_id, [])


def of_users(
    connection: Connection, user_ids: Iterable[int], first: date, last: date
) -> dict[int, list[Point]]:
    """Return the totals of many users at once, as ``of_user`` does; those without any are absent.

    A user without repositories has totals of zero on the days on which that was seen.
    """
    among = {"ids": sorted(user_ids), "first": first, "last": last}
    whole = connection.execute(
        text(
            """
            SELECT user_id, day FROM scans
            WHERE user_id = ANY(:ids) AND day BETWEEN :first AND :last AND state = :done
            ORDER BY user_id, day
            """
        ),
        among | {"done": ScanState.DONE},
    ).all()
    # Put together here: before statistics of new rows are there, Postgres would join day by day.
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
        among,
    )
    totals = {(user_id, day): counts for user_id, day, *counts in rows}
    series: dict[int, list[Point]] = defaultdict(list)
    for user_id, day in whole:
        stargazers, forks, watchers = totals.get((user_id, day), (0, 0, 0))
        series[user_id].append(Point(day, stargazers, forks, watchers))
    return dict(series)


def of_repositories(
    connection: Connection, user_id: int, repo_ids: Iterable[int], first: date, last: date
) -> dict[int, list[Point]]:
    """Return the recorded days of some of a user's repositories between two, both included.

    Only days on which the user owned the repository; repositories without any are absent.
    """
    rows = connection.execute(
        text(
            """
            SELECT repo_id, date, stargazers, forks, watchers
            FROM daily_stats
            WHERE repo_id = ANY(:repo_ids)
              AND date BETWEEN :first AND :last AND user_id = :user_id
            ORDER BY repo_id, date
            """
        ),
        {"user_id": user_id, "repo_ids": sorted(repo_ids), "first": first, "last": last},
    )
    series: dict[int, list[Point]] = defaultdict(list)
    for repo_id, day, stargazers, forks, watchers in rows:
        series[repo_id].append(Point(day, stargazers, forks, watchers))
    return dict(series)
