"""Turn points into SVG path segments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from api.charts.curve import path_of

Point = tuple[date, int]

_MANY = 400
"""Points of a line from which on those are left out that it would pass in any case."""

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle in pixels, with a scale of days from left to right and of values upwards.

    Each day has a slot of the same width: a value is in its middle, and a day without a value
    leaves a gap as wide as a slot.
    """

    left: float
    top: float
    width: float
    height: float
    first: date
    last: date
    lowest: int
    highest: int

    @property
    def right(self) -> float:
        """The x coordinate of the right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y coordinate of the lower edge."""
        return self.top + self.height

    @property
    def slot(self) -> float:
        """The width of a day."""
        return self.width / ((self.last - self.first).days + 1)

    def x(self, day: date) -> float:
        """Return the x coordinate of the middle of a day."""
        return self.edge(day) + self.slot / 2

    def edge(self, day: date) -> float:
        """Return the x coordinate at which a day begins."""
        return self.left + (day - self.first).days * self.slot

    def y(self, value: int) -> float:
        """Return the y coordinate of a value; the middle if the scale is a single value."""
        values = self.highest - self.lowest
        share = (value - self.lowest) / values if values else 0.5
        return self.top + (1 - share) * self.height

    def places(self, points: Iterable[Point]) -> list[tuple[float, float]]:
        """Return the coordinates of points: those of `x` and `y`, for many at once."""
        first, slot = self.first.toordinal(), self.slot
        left, bottom = self.left + slot / 2, self.bottom
        values = self.highest - self.lowest
        if not values:
            return [(self.x(day), self.y(value)) for day, value in points]
        per_value = self.height / values
        return [
            (left + (day.toordinal() - first) * slot, bottom - (value - self.lowest) * per_value)
            for day, value in points
        ]


def in_period(points: Iterable[Point], first: date, last: date) -> list[Point]:
    """Return the points from the first day to the last, both included."""
    return [(day, value) for day, value in points if first <= day <= last]


def segments(points: Sequence[Point]) -> list[Sequence[Point]]:
    """Split ascending points into segments of consecutive days."""
    starts = [
        index
        for index, (day, _) in enumerate(points)
        if index == 0 or day - points[index - 1][0] != ONE_DAY
    ]
    return [points[start:end] for start, end in pairwise([*starts, len(points)])]


def path_data(split: Iterable[Sequence[Point]], plane: Plane) -> str:
    """Return the path data of the segments of two or more days; empty if there are none."""
    return "".join(_polyline(segment, plane) for segment in split if len(segment) > 1)


def dots(split: Iterable[Sequence[Point]], plane: Plane) -> Iterator[tuple[float, float]]:
    """Return the coordinates of the segments of a single day, which have no line."""
    return (
        (plane.x(day), plane.y(value))
        for segment in split
        if len(segment) == 1
        for day, value in segment
    )


def px(value: float) -> str:
    """Format a number of pixels, with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def through(places: Sequence[tuple[float, float]]) -> str:
    """Return the path data of a line through places from left to right, in pixels."""
    if len(places) > _MANY:
        return path_of([x for x, _ in places], [y for _, y in places])
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in places)


def _polyline(segment: Sequence[Point], plane: Plane) -> str:
    corners = [
        (day, value)
        for index, (day, value) in enumerate(segment)
        # Leave out the inner points of level stretches: the line is the same without them.
        if not 0 < index < len(segment) - 1
        or not segment[index - 1][1] == value == segment[index + 1][1]
    ]
    return through(plane.places(corners))
