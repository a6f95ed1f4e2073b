"""Turn days with sources into the series of a chart."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from api.charts.panel import Series
from api.charts.source import RECONSTRUCTED, Kind, Mark, Source
from api.queries import sources
from api.queries.history import HistoryPoint
from api.queries.metric import Metric
from api.queries.series import Point
from api.queries.user_history import MIXED, TotalPoint


def of_history(points: Sequence[HistoryPoint], metric: Metric) -> Series:
    """Return the days of which a count is known, with marks on those that were not observed."""
    known = [
        (point.day, value) for point in points if (value := getattr(point, metric)) is not None
    ]
    return Series(metric.label, known, list(_marks(points, metric)), colour_of(metric))


def of_totals(
    observed: Sequence[Point],
    totals: Sequence[TotalPoint],
    metric: Metric,
    *,
    has_all_histories: bool,
) -> Series:
    """Return the totals of a user's repositories: observed ones, and others on further days.

    Reconstructed totals need the histories of all repositories, and imported ones the counts of
    all: without some of them, the line would jump where nothing happened.

    :param observed: the days on which every repository was recorded
    :param has_all_histories: the history of every repository with stars is read
    """
    values = {point.day: getattr(point, metric) for point in observed}
    marks = []
    for point in totals:
        total, source = point.totals[metric], getattr(point.sources, metric)
        if point.day in values or total is None or source == sources.OBSERVED:
            continue
        if point.at_most is not None and metric is Metric.STARGAZERS:
            if not has_all_histories:
                continue
            marks.append(Mark(point.day, RECONSTRUCTED, point.at_least, point.at_most))
        elif point.known[metric] == point.repositories:
            marks.append(Mark(point.day, _source(source)))
        else:
            continue
        values[point.day] = total
    return Series(metric.label, sorted(values.items()), marks, colour_of(metric))


def colour_of(metric: Metric) -> int:
    """Return the number of a count's colour: the same in every chart."""
    return list(Metric).index(metric) + 1


def _marks(points: Sequence[HistoryPoint], metric: Metric) -> Iterator[Mark]:
    for point in points:
        source = getattr(point.sources, metric)
        if source is None or source == sources.OBSERVED:
            continue
        if metric is Metric.STARGAZERS and point.bounds is not None:
            yield Mark(point.day, RECONSTRUCTED, point.bounds.at_least, point.bounds.at_most)
        else:
            yield Mark(point.day, _source(source))


@lru_cache(maxsize=1000)
def _source(name: str) -> Source:
    if name == sources.GITHUB_HISTORY:
        return RECONSTRUCTED
    if name == MIXED:
        return Source(Kind.IMPORTED)
    return Source(Kind.IMPORTED, sources.name_of_import(name))
