"""Turn days with sources into the series of a chart."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from api.charts.panel import Series
from api.charts.source import RECONSTRUCTED, Kind, Mark, Source
from api.queries import sources
from api.queries.history import HistoryPoint
from api.queries.metric import Metric


def of_history(points: Sequence[HistoryPoint], metric: Metric) -> Series:
    """Return the days of which a count is known, with marks on those that were not observed."""
    known = [
        (point.day, value) for point in points if (value := getattr(point, metric)) is not None
    ]
    return Series(metric.label, known, list(_marks(points, metric)))


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
    return Source(Kind.IMPORTED, sources.name_of_import(name))
