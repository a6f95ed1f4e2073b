"""Observed rows with the moments at which they were observed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, text

from api.queries.estimate import Anchor

USUAL_TIME = time(0, 5)
"""When a row was observed of which no scan is recorded: the default of ``SCAN_AT``, in UTC."""


def of_repository(connection: Connection, repo_id: int, days: Iterable[date]) -> dict[date, Anchor]:
    """Return a repository's rows of some days, as far as there are any."""
    rows = connection.execute(
        # The scan of the user who owned the repository on that day.
        text(
            """
            SELECT d.date, d.stargazers, s.started_at, s.finished_at
            FROM daily_stats d LEFT JOIN scans s ON s.user_id = d.user_id AND s.day = d.date
            WHERE d.repo_id = :id AND d.date = ANY(:days)
            """
        ),
        {"id": repo_id, "days": sorted(days)},
    )
    return {row[0]: make(*row) for row in rows}


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
