"""Where the values of a chart are from, and how each source is drawn.

Each source has its own shape of line and dot, so that readers can tell them apart without colour.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from itertools import groupby, pairwise

from api.charts.path import Point

_ONE_DAY = timedelta(days=1)


class Kind(IntEnum):
    """The kinds of sources; the line between two days has the greater kind of both."""

    OBSERVED = 1
    IMPORTED = 2
    RECONSTRUCTED = 3

    @property
    def text(self) -> str:
        """The word for it, as on every page."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is from.

    :param name: of the import; empty for other sources
    """

    kind: Kind
    name: str = ""

    @property
    def text(self) -> str:
        """The kind, with the name of an import."""
        return f"{self.kind.text} from {self.name}" if self.name else self.kind.text


OBSERVED = Source(Kind.OBSERVED)
RECONSTRUCTED = Source(Kind.RECONSTRUCTED)


@dataclass(frozen=True, slots=True)
class Mark:
    """Marks the value of a day as not observed.

    :param at_least: lower bound of the value; None if the value is not uncertain
    :param at_most: upper bound
    """

    day: date
    source: Source
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A part of a series in the style of one kind; a single point is a dot."""

    kind: Kind
    points: Sequence[Point]


def strokes(segment: Sequence[Point], kinds: dict[date, Kind]) -> Iterator[Stroke]:
    """Split a segment of consecutive days into strokes.

    A day of which no line has its own style is a dot on the line.

    :param kinds: of the days that were not observed
    """
    own = [kinds.get(day, Kind.OBSERVED) for day, _ in segment]
    if len(segment) == 1:
        yield Stroke(own[0], segment)
        return
    links = [max(pair) for pair in pairwise(own)]
    start = 0
    for kind, run in groupby(links):
        end = start + sum(1 for _ in run)
        yield Stroke(kind, segment[start : end + 1])
        start = end
    beside = zip([links[0], *links], [*links, links[-1]], strict=True)
    for index, (before, after) in enumerate(beside):
        if own[index] not in {before, after}:
            yield Stroke(own[index], segment[index : index + 1])


def bands(marks: Iterable[Mark]) -> list[list[tuple[date, int, int]]]:
    """Return the uncertain days with their bounds, consecutive days together."""
    found: list[list[tuple[date, int, int]]] = []
    for mark in marks:
        if mark.at_least is None or mark.at_most is None:
            continue
        if not found or mark.day - found[-1][-1][0] != _ONE_DAY:
            found.append([])
        found[-1].append((mark.day, mark.at_least, mark.at_most))
    return found
