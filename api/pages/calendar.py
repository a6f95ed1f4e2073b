"""The scan calendar: one square per day, one column per week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from api.queries.scan_days import ScanRecord, UnscannedDay
from common.plural import count_of_repositories
from common.states import ScanState

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

    :param weeks: from Monday; None for days before the first
    """

    weeks: list[list[Square | None]]

    @property
    def rows(self) -> list[tuple[Square | None, ...]]:
        """The days of each weekday, from Monday; None where a week has none."""
        # With all seven days, also if there is one week alone, which has only begun.
        whole = ([*week, *[None] * (7 - len(week))] for week in self.weeks)
        return list(zip(*whole, strict=True))

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


def make_calendar(days: Sequence[ScanRecord | UnscannedDay], today: date) -> Calendar:
    """Return the calendar of consecutive days, as ``scan_days.every_day`` returns them."""
    if not days:
        return Calendar([])
    squares: list[Square | None] = [None] * days[-1].day.weekday()
    squares += [_square(day, today) for day in reversed(days)]
    return Calendar([squares[start : start + 7] for start in range(0, len(squares), 7)])


def _square(day: ScanRecord | UnscannedDay, today: date) -> Square:
    if isinstance(day, UnscannedDay):
        kind = "pending" if day.day == today else "gap"
        return Square(day.day, kind, f"{day.day}: {day.reason}")
    text = f"{day.day}: {STATES[day.state]}"
    if day.expected is not None:
        text += f", {day.recorded:,} of {count_of_repositories(day.expected)}"
    if day.reason:
        text += f", {day.reason}"
    return Square(day.day, _KINDS[day.state], text)
