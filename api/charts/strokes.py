"""What of a series is a line, and what is a dot."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

Point = tuple[date, int]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle of a picture, in pixels, and which days and values lie at its edges."""

    left: float
    top: float
    width: float
    height: float
    first: date
    last: date
    lowest: int
    highest: int

    def x(self, day: date) -> float:
        """Return where a day is; the only day of a period is in the middle."""
        days = (self.last - self.first).days
        share = (day - self.first).days / days if days else 0.5
        return self.left + share * self.width

    def y(self, value: int) -> float:
        """Return where a value is; the only value there is is in the middle."""
        values = self.highest - self.lowest
        share = (value - self.lowest) / values if values else 0.5
        return self.top + (1 - share) * self.height


def within(points: Iterable[Point], first: date, last: date) -> list[Point]:
    """Return the points of a period, both ends included."""
    return [(day, value) for day, value in points if first <= day <= last]


def runs(points: Sequence[Point]) -> list[Sequence[Point]]:
    """Cut ascending points into the longest stretches in which no day is missing."""
    starts = [
        index
        for index, (day, _) in enumerate(points)
        if index == 0 or day - points[index - 1][0] != _DAY
    ]
    return [points[start:end] for start, end in pairwise([*starts, len(points)])]


def lines(stretches: Iterable[Sequence[Point]], plane: Plane) -> str:
    """Return the path data of all stretches of two days or more; empty where there are none."""
    return "".join(_line(stretch, plane.x, plane.y) for stretch in stretches if len(stretch) > 1)


def dots(stretches: Iterable[Sequence[Point]], plane: Plane) -> Iterator[tuple[float, float]]:
    """Return where the days are that have no neighbour, and so no line."""
    return (
        (plane.x(day), plane.y(value))
        for stretch in stretches
        if len(stretch) == 1
        for day, value in stretch
    )


def number(value: float) -> str:
    """Write a coordinate as short as a hundredth of a pixel allows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _line(stretch: Sequence[Point], x: Callable[[date], float], y: Callable[[int], float]) -> str:
    corners = [
        (day, value)
        for index, (day, value) in enumerate(stretch)
        # The middle of what is level adds nothing, and most of a quiet repository is level.
        if not 0 < index < len(stretch) - 1
        or not stretch[index - 1][1] == value == stretch[index + 1][1]
    ]
    return "M" + "L".join(f"{number(x(day))} {number(y(value))}" for day, value in corners)
