"""The modes of a comparison: what is shown of counts so that different ones can be compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from api.queries.compare import Counts, Subject
from api.queries.flow import Per, spans
from api.queries.metric import Metric
from api.queries.user_history import MIXED


class Mode(StrEnum):
    """What a comparison shows of each count."""

    TOTAL = "total"
    """The count itself."""
    DAY = "day"
    """Its change from each day to the next."""
    WEEK = "week"
    """Its change from each Monday to the next."""
    MONTH = "month"
    """Its change from the first day of each month to that of the next."""
    INDEXED = "indexed"
    """In percent of the first count that is not zero: each one starts at 100."""
    ALIGNED = "aligned"
    """The count itself, by the number of days since each one's first day."""

    @property
    def label(self) -> str:
        """The name of the mode on pages."""
        return {
            Mode.TOTAL: "Total",
            Mode.DAY: "Per day",
            Mode.WEEK: "Per week",
            Mode.MONTH: "Per month",
            Mode.INDEXED: "Indexed",
            Mode.ALIGNED: "Aligned",
        }[self]

    @property
    def per(self) -> Per | None:
        """The length of the spans of which the change is shown; None for other modes."""
        return Per(self.value) if self in {Mode.DAY, Mode.WEEK, Mode.MONTH} else None

    def describe(self, metric: Metric) -> str:
        """Return what a value of this mode is."""
        if self.per is not None:
            return f"Change in {metric.label.lower()} per {self.per}"
        return {
            Mode.TOTAL: metric.label,
            Mode.INDEXED: f"{metric.label}, 100 at the start",
            Mode.ALIGNED: f"{metric.label} by days since the first day",
        }[self]


@dataclass(frozen=True, slots=True)
class Line:
    """The values of a subject in some mode, in ascending order.

    :param start: the first day on which the count is known, as an ordinal; None without any
    :param days: of each value, as ordinals; of a change the day on which it ends
    :param steps: numbers of which consecutive ones have nothing missing between them
    :param sources: where each value is from
    """

    subject: Subject
    start: int | None
    days: Sequence[int]
    steps: Sequence[int]
    values: Sequence[float]
    sources: Sequence[str]


def lines_of(counts: Iterable[Counts], mode: Mode, first: date, last: date) -> list[Line]:
    """Return what a mode shows of each count between two days, both included."""
    if mode.per is not None:
        ends = [(since.toordinal(), to.toordinal()) for since, to in spans(mode.per, first, last)]
        return [_changes(each, ends) for each in counts]
    if mode is Mode.INDEXED:
        return [_indexed(each) for each in counts]
    return [_as_it_is(each) for each in counts]


def _as_it_is(counts: Counts) -> Line:
    start = counts.days[0] if counts.days else None
    return Line(counts.subject, start, counts.days, counts.days, counts.values, counts.sources)


def _indexed(counts: Counts) -> Line:
    begin = next((place for place, value in enumerate(counts.values) if value), None)
    if begin is None:
        return Line(counts.subject, None, (), (), (), ())
    base = counts.values[begin]
    days = counts.days[begin:]
    values = [round(100 * value / base, 2) for value in counts.values[begin:]]
    return Line(counts.subject, days[0], days, days, values, counts.sources[begin:])


def _changes(counts: Counts, ends: Sequence[tuple[int, int]]) -> Line:
    known = dict(zip(counts.days, zip(counts.values, counts.sources, strict=True), strict=True))
    days, steps, values, sources = [], [], [], []
    for step, (since, to) in enumerate(ends):
        before, after = known.get(since), known.get(to)
        if before is None or after is None:
            continue
        days.append(to)
        steps.append(step)
        values.append(after[0] - before[0])
        sources.append(after[1] if before[1] == after[1] else MIXED)
    start = counts.days[0] if counts.days else None
    return Line(counts.subject, start, days, steps, values, sources)
