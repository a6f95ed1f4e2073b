"""The table of days of a repository: counts, and days without counts with their reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.pages.calendar import STATES
from api.queries.scan_days import ScanRecord, UnscannedDay
from api.queries.series import Point
from common.states import ScanState

_NOT_FOLLOWED = "the owner was not followed yet"


@dataclass(frozen=True, slots=True)
class MissingDays:
    """Consecutive days without counts for the same reason, as one row of the table."""

    first: date
    last: date
    reason: str


def newest_first(
    points: Sequence[Point],
    first: date,
    last: date,
    scans: Sequence[ScanRecord | UnscannedDay],
) -> Iterator[Point | MissingDays]:
    """Yield the rows of the table from the last day back to the first, both included."""
    recorded = {point.day: point for point in points}
    reasons = {record.day: _reason(record) for record in scans}
    missing: MissingDays | None = None
    for ago in range((last - first).days + 1):
        day = last - timedelta(days=ago)
        point = recorded.get(day)
        reason = reasons.get(day, _NOT_FOLLOWED)
        if missing and (point or reason != missing.reason):
            yield missing
            missing = None
        if point:
            yield point
        else:
            missing = MissingDays(day, missing.last if missing else day, reason)
    if missing:
        yield missing


def _reason(record: ScanRecord | UnscannedDay) -> str:
    if isinstance(record, UnscannedDay):
        return record.reason
    if record.state is ScanState.DONE:
        return "not listed by GitHub on that day"
    return record.reason or STATES[record.state]
