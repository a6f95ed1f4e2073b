"""The scan calendar: one square per day, one column per week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from api.queries.scan_days import ScanRecord
from common.states import ScanState

_ONE_DAY = timedelta(days=1)

STATES = {
    ScanState.CLAIMED: "in progress",
    ScanState.WAITING: "waiting",
    ScanState.FAILED: "failed",
    ScanState.SET_ASIDE: "set aside",
    ScanState.DONE: "done",
    ScanState.INCOMPLETE: "incomplete",
    ScanState.GONE: "gone",
}
"""How pages name the state of a scan."""

NO_SCAN = "no scan"

_KINDS = {
    ScanState.DONE: "done",
    ScanState.INCOMPLETE: "incomplete",
    ScanState.CLAIMED: "pending",
    ScanState.WAITING: "pending",
    ScanState.FAILED: "failed",
    ScanState.SET_ASIDE: "failed",
    ScanState.GONE: "gone",
}


class Square(NamedTuple):
    """A day in the calendar.

    :param kind: its CSS class
    :param text: day, state, number of repositories and reason, as far as known
    """

    day: date
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a user in weeks, oldest first.

    :param weeks: from Monday; None for days before the first scan
    """

    weeks: list[list[Square | None]]

    @property
    def squares(self) -> list[Square]:
        """The days, oldest first."""
        return [square for week in self.weeks for square in week if square]

    @property
    def not_complete(self) -> list[Square]:
        """The days that are not complete, newest first."""
        return [square for square in reversed(self.squares) if square.kind != "done"]

    @property
    def complete(self) -> int:
        """The number of complete days."""
        return sum(square.kind == "done" for square in self.squares)


def make_calendar(records: Sequence[ScanRecord], today: date) -> Calendar:
    """Return the calendar from the oldest record until today."""
    if not records:
        return Calendar([])
    by_day = {record.day: record for record in records}
    first = min(by_day)
    monday = first - _ONE_DAY * first.weekday()
    weeks: list[list[Square | None]] = []
    for offset in range((today - monday).days + 1):
        day = monday + _ONE_DAY * offset
        if day.weekday() == 0:
            weeks.append([])
        weeks[-1].append(_square(day, by_day.get(day), today) if day >= first else None)
    return Calendar(weeks)


def _square(day: date, record: ScanRecord | None, today: date) -> Square:
    if record is None:
        kind, state = ("pending", "not yet") if day == today else ("gap", NO_SCAN)
        return Square(day, kind, f"{day}: {state}")
    text = f"{day}: {STATES[record.state]}"
    if record.expected is not None:
        text += f", {record.recorded:,} of {record.expected:,} repositories"
    if record.reason:
        text += f", {record.reason}"
    return Square(day, _KINDS[record.state], text)
