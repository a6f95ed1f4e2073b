"""Days one after the other: what became of each, and which of them are gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from api.queries.scan_days import ScanRecord
from api.queries.series import Point
from common.states import ScanState

_A_DAY = timedelta(days=1)

_WORDS = {
    ScanState.CLAIMED: "under way",
    ScanState.WAITING: "waiting",
    ScanState.FAILED: "failed",
    ScanState.SET_ASIDE: "set aside",
    ScanState.DONE: "done",
    ScanState.INCOMPLETE: "incomplete",
    ScanState.GONE: "gone",
}

_GAP = "no scan"
_NOT_YET = "not yet"

_KINDS = {
    ScanState.DONE: "done",
    ScanState.INCOMPLETE: "part",
    ScanState.CLAIMED: "open",
    ScanState.WAITING: "open",
    ScanState.GONE: "gone",
}
"""How a day looks; whatever is not here looks failed."""


class Square(NamedTuple):
    """A day in the calendar."""

    day: date
    kind: str
    state: str
    text: str
    """All that is known of it, in a line."""


class Gap(NamedTuple):
    """Days in a row without a row, newest first, and why."""

    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The weeks of a user's days, Monday first; None where a week is not all in it."""

    weeks: list[list[Square | None]]

    @property
    def squares(self) -> list[Square]:
        """The days, oldest first."""
        return [square for week in self.weeks for square in week if square]

    @property
    def odd(self) -> list[Square]:
        """The days that are not whole, newest first."""
        return [square for square in reversed(self.squares) if square.kind != "done"]

    @property
    def whole(self) -> int:
        """How many days are whole."""
        return sum(square.kind == "done" for square in self.squares)


def calendar(records: Sequence[ScanRecord], today: date) -> Calendar:
    """Lay days out in weeks, from the oldest record until today; records are newest first."""
    by_day = {record.day: record for record in records}
    if not by_day:
        return Calendar([])
    first = min(by_day)
    begin = first - _A_DAY * first.weekday()
    weeks: list[list[Square | None]] = []
    for ahead in range((today - begin).days + 1):
        day = begin + _A_DAY * ahead
        if day.weekday() == 0:
            weeks.append([])
        weeks[-1].append(_square(day, by_day.get(day), today) if day >= first else None)
    return Calendar(weeks)


def _square(day: date, record: ScanRecord | None, today: date) -> Square:
    if record is None:
        state, kind = (_NOT_YET, "open") if day == today else (_GAP, "gap")
        return Square(day, kind, state, f"{day}: {state}")
    state = _WORDS[record.state]
    text = f"{day}: {state}"
    if record.expected is not None:
        text += f", {record.recorded:,} of {record.expected:,} repositories"
    if record.reason:
        text += f", {record.reason}"
    return Square(day, _KINDS.get(record.state, "failed"), state, text)


def newest_first(
    points: Sequence[Point], first: date, last: date, records: Sequence[ScanRecord]
) -> Iterator[Point | Gap]:
    """Return the days of a period, newest first; days without a row are put together."""
    recorded = {point.day: point for point in points}
    reasons = {record.day: _reason(record) for record in records}
    gap: Gap | None = None
    for ago in range((last - first).days + 1):
        day = last - _A_DAY * ago
        reason = reasons.get(day, _GAP)
        if day not in recorded and gap and gap.reason == reason:
            gap = gap._replace(first=day)
            continue
        if gap:
            yield gap
        gap = None
        if point := recorded.get(day):
            yield point
        else:
            gap = Gap(day, day, reason)
    if gap:
        yield gap


def _reason(record: ScanRecord) -> str:
    if record.state is ScanState.DONE:
        return "not among the user's repositories then"
    return record.reason or _WORDS[record.state]
