"""The table of days of a repository: counts with their sources, and days without counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.pages.calendar import STATES
from api.queries import sources
from api.queries.history import HistoryPoint
from api.queries.metric import Metric
from api.queries.past_flow import NewStars
from api.queries.scan_days import ScanRecord, UnscannedDay
from common.states import ScanState

_ONE_DAY = timedelta(days=1)

_NOT_FOLLOWED = "the owner was not followed yet"


@dataclass(frozen=True, slots=True)
class KnownDay:
    """A day with counts.

    :param source: where the counts are from, in words
    :param reason: why the day was not observed; None if it was, or if the owner was not followed
    :param new_stars: those given on that day; None if GitHub's history does not have it
    :param change: of the stars since the day before; None unless both have the same source
    """

    point: HistoryPoint
    source: str
    reason: str | None
    new_stars: NewStars | None
    change: int | None

    @property
    def is_observed(self) -> bool:
        """Whether a worker recorded the day."""
        return self.source == sources.OBSERVED


@dataclass(frozen=True, slots=True)
class MissingDays:
    """Consecutive days without counts for the same reason, as one row of the table."""

    first: date
    last: date
    reason: str


def newest_first(
    points: Sequence[HistoryPoint],
    first: date,
    last: date,
    scans: Sequence[ScanRecord | UnscannedDay],
    new_stars: Mapping[date, NewStars],
) -> Iterator[KnownDay | MissingDays]:
    """Yield the rows of the table from the last day back to the first, both included.

    :param points: those of the day before the first, too, for the change of the first
    """
    known = {point.day: point for point in points}
    reasons = {record.day: _reason(record) for record in scans}
    missing: MissingDays | None = None
    for ago in range((last - first).days + 1):
        day = last - ago * _ONE_DAY
        point = known.get(day)
        reason = reasons.get(day, _NOT_FOLLOWED)
        if missing and (point or reason != missing.reason):
            yield missing
            missing = None
        if point:
            source = describe(point)
            why = None if source == sources.OBSERVED else reasons.get(day)
            change = _change(known.get(day - _ONE_DAY), point) if day > date.min else None
            yield KnownDay(point, source, why, new_stars.get(day), change)
        else:
            missing = MissingDays(day, missing.last if missing else day, reason)
    if missing:
        yield missing


def _change(before: HistoryPoint | None, point: HistoryPoint) -> int | None:
    """Return the change of the stars; between two sources it would be none that happened."""
    if before is None or before.sources.stargazers != point.sources.stargazers:
        return None
    if before.stargazers is None or point.stargazers is None:
        return None
    return point.stargazers - before.stargazers


def describe(point: HistoryPoint) -> str:
    """Return where the counts of a day are from: one word, or one for each count that has it."""
    words = {
        metric: source_word(source)
        for metric in Metric
        if (source := getattr(point.sources, metric)) is not None
    }
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return ", ".join(f"{metric.label.lower()} {word}" for metric, word in words.items())


def source_word(source: str) -> str:
    """Return in words where a number is from."""
    if source == sources.OBSERVED:
        return source
    if source == sources.GITHUB_HISTORY:
        return "reconstructed"
    return f"imported: {sources.name_of_import(source)}"


def _reason(record: ScanRecord | UnscannedDay) -> str:
    if isinstance(record, UnscannedDay):
        return record.reason
    if record.state is ScanState.DONE:
        return "not listed by GitHub on that day"
    return record.reason or STATES[record.state]
