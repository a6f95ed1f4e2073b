"""Curves of many points as short SVG paths: numbers in lists, because there are up to 73,000."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log10

_TOLERANCE = 0.4
"""How far, in pixels, a line may be from a point that it leaves out; half a pixel is visible."""


_COLUMN = 2
"""Pixels; the width of a column of points, see `densest`."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Places numbers between two ends, in pixels.

    :param is_log: equal ratios are equally long; then all numbers are positive
    """

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    def places(self, numbers: Sequence[float]) -> list[float]:
        """Return where numbers are; in the middle if the scale is a single number."""
        low, high = self._inner(self.low), self._inner(self.high)
        if low == high:
            return [(self.start + self.stop) / 2] * len(numbers)
        factor = (self.stop - self.start) / (high - low)
        begin = self.start - low * factor
        if self.is_log:
            return [begin + log10(number) * factor for number in numbers]
        return [begin + number * factor for number in numbers]

    def place(self, number: float) -> float:
        """Return where a number is."""
        return self.places([number])[0]

    def _inner(self, number: float) -> float:
        return log10(number) if self.is_log else number


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of the chart.

    :param days: of the values, ascending: ordinals, or numbers of days since the first one
    :param steps: numbers of which consecutive ones have nothing missing between them
    :param is_observed: which values were observed; the others have a thinner line
    """

    name: str
    days: Sequence[int]
    steps: Sequence[int]
    values: Sequence[float]
    is_observed: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Look:
    """How the lines are shown.

    :param is_aligned: the days are numbers since the first day of each line
    :param is_log: equal ratios are equally high; values that are not positive are left out
    :param has_zero: changes, which are shown around zero
    :param slots: the days that may have a value, with their names; without any, each day may
    """

    is_aligned: bool = False
    is_log: bool = False
    has_zero: bool = False
    slots: Sequence[tuple[int, str]] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Successive points of a curve without a gap, all observed or none.

    :param start: the place of its first point in the curve
    :param stop: the place after its last point
    """

    start: int
    stop: int
    is_observed: bool


def runs(steps: Sequence[int], is_observed: Sequence[bool]) -> list[Run]:
    """Split a curve where a step is missing, and where the points begin or cease to be observed.

    A run that follows another without a gap starts at the other's last point, so the two lines
    meet. The line between an observed point and one that is not observed belongs to the latter.
    """
    found: list[Run] = []
    if not steps:
        return found
    breaks = [place for place, (a, b) in enumerate(pairwise(steps), 1) if b - a != 1]
    for start, stop in pairwise([0, *breaks, len(steps)]):
        if stop - start == 1:
            found.append(Run(start, stop, is_observed[start]))
            continue
        begin = start
        links = (one and other for one, other in pairwise(is_observed[start:stop]))
        for observed, group in groupby(links):
            length = sum(1 for _ in group)
            found.append(Run(begin, begin + length + 1, observed))
            begin += length
    return found


def path_of(x: Sequence[float], y: Sequence[float]) -> str:
    """Return the path data through some points, without those that make no visible difference."""
    kept = simplify(x, y)
    # Only a line with many ups and downs still has this many points.
    if len(kept) * _COLUMN > 4 * (x[-1] - x[0]):
        kept = densest(x, y, kept)
    return "M" + "L".join(f"{x[at]:.1f} {y[at]:.1f}" for at in kept)


def densest(x: Sequence[float], y: Sequence[float], places: Sequence[int]) -> list[int]:
    """Return of some points the first, the lowest and the highest of each column, and the last.

    The line through these looks like that through all of them.

    :param x: ascending, like ``places``
    """
    kept: list[int] = []
    for _, column in groupby(places, lambda place: int(x[place] / _COLUMN)):
        found = list(column)
        ends = {found[0], min(found, key=y.__getitem__), max(found, key=y.__getitem__)}
        kept.extend(sorted(ends))
    if kept[-1] != places[-1]:
        kept.append(places[-1])
    return kept


def simplify(x: Sequence[float], y: Sequence[float]) -> list[int]:
    """Return the places of the points to draw: the line through them passes near all others.

    From each kept point on, the slopes are tracked that pass within the tolerance of every point
    since; where none is left, the point before is kept.

    :param x: ascending
    """
    if len(x) < 3:
        return list(range(len(x)))
    kept = [0]
    from_x, from_y = x[0], y[0]
    least, most = float("-inf"), float("inf")
    for place in range(1, len(x)):
        run = x[place] - from_x
        rise = y[place] - from_y
        if not least <= rise / run <= most:
            kept.append(place - 1)
            from_x, from_y = x[place - 1], y[place - 1]
            run, rise = x[place] - from_x, y[place] - from_y
            least, most = (rise - _TOLERANCE) / run, (rise + _TOLERANCE) / run
            continue
        low, high = (rise - _TOLERANCE) / run, (rise + _TOLERANCE) / run
        least = max(least, low)
        most = min(most, high)
    kept.append(len(x) - 1)
    return kept
