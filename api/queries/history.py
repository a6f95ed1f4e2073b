"""A repository's days with the source of each number: observed, imported or reconstructed.

An observed number always wins; then comes the newest import, then GitHub's history of stars. What
no source knows stays unknown.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from api.queries import anchors, imported, series, star_history
from api.queries.estimate import Estimate, estimates
from api.queries.imported import Counts
from api.queries.metric import Metric
from api.queries.series import Point
from api.queries.sources import ALL_OBSERVED, GITHUB_HISTORY, OBSERVED, RECONSTRUCTED, Sources
from common import clock, tables

_daily_stats = tables.daily_stats.c

_DAY = timedelta(days=1)


# Not frozen: ten years of one repository take 5 ms more if they are.
@dataclass(slots=True)
class HistoryPoint:
    """The counts of one UTC day, as far as they are known.

    :param sources: where each count is from
    :param bounds: of the stargazers, if they are reconstructed
    """

    day: date
    stargazers: int | None
    forks: int | None
    watchers: int | None
    sources: Sources
    bounds: Estimate | None = None


def of_repository(
    connection: Connection,
    repo_id: int,
    first: date,
    last: date,
    only: Collection[str] | None = None,
) -> Sequence[HistoryPoint]:
    """Return a repository's days between two, both included, of which any count is known.

    :param only: the sources to use, of ``sources.known``; by default all of them
    """
    today = clock.today(connection)
    last = min(last, today)
    rows = series.of_repository(connection, repo_id, first, last)
    observed = {row.day: row for row in rows}
    brought = imported.of_repositories(connection, [repo_id], first, last, only).get(repo_id, {})
    estimated: dict[date, Estimate] = {}
    if (only is None or GITHUB_HISTORY in only) and len(observed) <= (last - first).days:
        estimated = _estimates_of(connection, repo_id, (first, last), rows, today)
    if only is not None and OBSERVED not in only:
        observed = {}
    days = sorted(observed.keys() | brought.keys() | estimated.keys())
    return [_point(day, observed.get(day), brought.get(day), estimated.get(day)) for day in days]


def _point(
    day: date, row: Point | None, counts: Counts | None, estimate: Estimate | None
) -> HistoryPoint:
    if row is not None:
        return HistoryPoint(day, row.stargazers, row.forks, row.watchers, ALL_OBSERVED)
    if counts is None and estimate is not None:
        return HistoryPoint(day, estimate.stargazers, None, None, RECONSTRUCTED, estimate)
    counts = counts or {}
    if Metric.STARGAZERS in counts:
        estimate = None
    elif estimate is not None:
        counts = {**counts, Metric.STARGAZERS: (estimate.stargazers, GITHUB_HISTORY)}
    unknown = (None, None)
    stargazers, stargazers_from = counts.get(Metric.STARGAZERS, unknown)
    forks, forks_from = counts.get(Metric.FORKS, unknown)
    watchers, watchers_from = counts.get(Metric.WATCHERS, unknown)
    origins = Sources(stargazers_from, forks_from, watchers_from)
    return HistoryPoint(day, stargazers, forks, watchers, origins, estimate)


def _estimates_of(
    connection: Connection,
    repo_id: int,
    span: tuple[date, date],
    rows: Sequence[Point],
    today: date,
) -> dict[date, Estimate]:
    """Return the estimates of the days of a span that have no row but one after them.

    :param rows: the observed rows of the span
    """
    history = star_history.of_repository(connection, repo_id)
    if history is None:
        return {}
    first, last = span
    gaps = list(_gaps(connection, repo_id, span, [row.day for row in rows], today))
    ends = {(repo_id, day) for gap in gaps for day in gap if day is not None}
    observed = {day: row for (_, day), (_, row) in anchors.of_days(connection, ends).items()}
    found: dict[date, Estimate] = {}
    for before, after in gaps:
        earlier = None if before is None else observed[before]
        found |= {
            day: estimate
            for day, estimate in estimates(history, first, observed[after], earlier)
            if day <= last
        }
    return found


def _gaps(
    connection: Connection,
    repo_id: int,
    span: tuple[date, date],
    days: Sequence[date],
    today: date,
) -> Iterator[tuple[date | None, date]]:
    """Yield the observed days on either side of each gap that reaches into a span.

    :param days: the observed days of the span
    """
    first, last = span
    before, after = connection.execute(
        select(
            func.max(_daily_stats.date).filter(_daily_stats.date < first),
            # A wrong clock may have left rows of days to come.
            func.min(_daily_stats.date).filter(_daily_stats.date.between(last + _DAY, today)),
        ).where(_daily_stats.repo_id == repo_id)
    ).one()
    for day in (*days, after):
        if day is None:
            return
        if (before is None and day > first) or (before is not None and day > before + _DAY):
            yield before, day
        before = day
