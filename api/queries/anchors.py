"""Observed rows with the moments at which they were observed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, text

from api.queries.estimate import Anchor
from common.db import array_literal

USUAL_TIME = time(0, 5)
"""When a row was observed of which no scan is recorded: the default of ``SCAN_AT``, in UTC."""


# A row is observed by the scan of the user who owned the repository on that day.
_SCAN = "LEFT JOIN scans s ON s.user_id = d.user_id AND s.day = d.date"


def of_repository(
    connection: Connection, repo_id: int, first: date, last: date
) -> dict[date, Anchor]:
    """Return a repository's rows between two days, both included."""
    rows = connection.execute(
        text(
            f"""
            SELECT d.date, d.stargazers, s.started_at, s.finished_at
            FROM daily_stats d {_SCAN}
            WHERE d.repo_id = :id AND d.date BETWEEN :first AND :last
            """  # noqa: S608 - a constant
        ),
        {"id": repo_id, "first": first, "last": last},
    )
    return {row[0]: make(*row) for row in rows}


def of_days(
    connection: Connection, wanted: Iterable[tuple[int, date]]
) -> dict[tuple[int, date], tuple[int, Anchor]]:
    """Return some rows by repository and day, each with the user who owned the repository."""
    pairs = sorted(set(wanted))
    rows = connection.execute(
        # LIMIT keeps the planner from joining whole partitions: each row is looked up by key.
        text(
            f"""
            SELECT wanted.repo_id, d.user_id, d.date, d.stargazers, s.started_at, s.finished_at
            FROM unnest(CAST(:ids AS bigint[]), CAST(:days AS date[])) AS wanted (repo_id, day)
            CROSS JOIN LATERAL (
                SELECT user_id, date, stargazers FROM daily_stats
                WHERE repo_id = wanted.repo_id AND date = wanted.day
                LIMIT 1
            ) d {_SCAN}
            """  # noqa: S608 - a constant
        ),
        {
            "ids": array_literal(repo_id for repo_id, _ in pairs),
            "days": [day for _, day in pairs],
        },
    )
    return {
        (repo_id, day): (user_id, make(day, *values)) for repo_id, user_id, day, *values in rows
    }


def make(
    day: date, stargazers: int, started_at: datetime | None, finished_at: datetime | None
) -> Anchor:
    """Return the row of a day.

    A row is always observed in its UTC day, after its scan began. When the scan ended is known only
    if it ended in that day: later, the sweep closes scans that never ended.
    """
    began = datetime.combine(day, time(), UTC)
    ended = began + timedelta(days=1)
    usual = datetime.combine(day, USUAL_TIME, UTC)
    if started_at is None:
        return Anchor(day, stargazers, began, usual, usual)
    earliest = started_at if began <= started_at < ended else began
    if finished_at is not None and earliest <= finished_at < ended:
        return Anchor(day, stargazers, earliest, finished_at, finished_at)
    likely = usual if earliest == began else earliest
    return Anchor(day, stargazers, earliest, likely, ended)
