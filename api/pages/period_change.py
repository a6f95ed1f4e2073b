"""The change in a period, compared with the period of the same length before it.

A change is from the row of the day before the first day to the row of the last day. Where one of
these days is not known, the change is not known either: no other day takes its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from api.pages.period import DateRange
from api.queries.metric import Metric

_DAY = timedelta(days=1)


class Counted(Protocol):
    """A day with counts, as far as they are known."""

    @property
    def stargazers(self) -> int | None:
        """Return the stars."""

    @property
    def forks(self) -> int | None:
        """Return the forks."""

    @property
    def watchers(self) -> int | None:
        """Return the watchers."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Two periods of the same length, one after the other.

    :param start: the day before the first of the period
    :param end: the last day of the period
    :param before: the day before the first of the earlier period; None if nothing is known of it
    """

    start: date
    end: date
    before: date | None

    @property
    def shown(self) -> DateRange:
        """The days of the period."""
        return DateRange(self.start + _DAY, self.end)

    @property
    def earlier(self) -> DateRange | None:
        """The days of the earlier period."""
        return None if self.before is None else DateRange(self.before + _DAY, self.start)

    @property
    def days(self) -> frozenset[date]:
        """The days whose rows are compared."""
        return frozenset({self.start, self.end} | ({self.before} if self.before else set()))


@dataclass(frozen=True, slots=True)
class Row:
    """How one count changed.

    :param change: in the period; None if one of its two days is not known
    :param earlier: in the period before
    :param sources: of the numbers, in words
    """

    metric: Metric
    change: int | None
    earlier: int | None
    sources: str

    @property
    def difference(self) -> int | None:
        """How much more than before the count changed."""
        if self.change is None or self.earlier is None:
            return None
        return self.change - self.earlier

    @property
    def percent(self) -> float | None:
        """The difference in percent of the earlier change; None where that was no rise."""
        if self.difference is None or self.earlier is None or self.earlier <= 0:
            return None
        return round(100 * self.difference / self.earlier, 2)


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """What a page shows of a period and the one before.

    :param known_since: the first day of which anything is known
    :param missing: days that are not known, without which a change is not known
    """

    spans: Spans
    rows: list[Row]
    known_since: date
    missing: list[date]


def spans_of(
    dates: DateRange, today: date, known_since: date | None, *, has_today: bool
) -> Spans | None:
    """Return the periods to compare; None if there is no day before the last one that is known.

    The period ends yesterday if it would end today and today is not recorded yet, and begins with
    the first day that is known if it would begin before it.

    :param has_today: whether today is recorded
    """
    end = dates.last - _DAY if dates.last == today and not has_today else dates.last
    if known_since is None or known_since >= end:
        return None
    start = max(dates.first, known_since + _DAY) - _DAY
    if start >= end:
        return None
    before = start - (end - start) if start - date.min >= end - start else date.min
    return Spans(start, end, before if before >= known_since else None)


def compare(
    spans: Spans,
    points: Mapping[date, Counted],
    known_since: date,
    source_of: Callable[[date, Metric], str],
) -> PeriodChange:
    """Return the changes in two periods.

    :param points: of the days of the spans, as far as they are known
    :param source_of: returns in words where the number of a known day is from
    """

    def count(day: date | None, metric: Metric) -> int | None:
        point = None if day is None else points.get(day)
        found: int | None = getattr(point, metric.value, None)
        return found

    def change(first: date | None, last: date, metric: Metric) -> int | None:
        begin, end = count(first, metric), count(last, metric)
        return None if begin is None or end is None else end - begin

    rows = []
    for metric in Metric:
        words = [
            source_of(day, metric) for day in sorted(spans.days) if count(day, metric) is not None
        ]
        rows.append(
            Row(
                metric,
                change(spans.start, spans.end, metric),
                change(spans.before, spans.start, metric),
                ", ".join(dict.fromkeys(words)),
            )
        )
    missing = sorted(day for day in spans.days if day not in points)
    return PeriodChange(spans, rows, known_since, missing)
