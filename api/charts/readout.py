"""The numbers of a chart with their places in it, from which the script of a page reads values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

import orjson

from api.charts.path import Plane, Point, segments
from api.charts.text import valid_in_xml

Value = int | float


@dataclass(frozen=True, slots=True)
class Row:
    """What is read of a series in each slot.

    :param label: the name of the series
    :param colour: its number from 1, as in the chart; 0 is the colour of text
    :param runs: values of consecutive slots: the number of the first slot, its value, and the
        difference of each further value to the one before
    :param notes: words about the values of some slots: the first slot, the last one, and the words
    """

    label: str
    colour: int
    runs: Sequence[Sequence[Value]]
    notes: Sequence[tuple[int, int, str]] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A plane with its rows; ``top`` and ``height`` in pixels.

    :param lowest: the value at the lower edge
    :param highest: the value at the upper edge
    :param has_points: whether each value is at its height in the plane, as on a line
    :param is_log: whether the scale is logarithmic
    """

    top: float
    height: float
    lowest: Value
    highest: Value
    rows: Sequence[Row]
    has_points: bool = True
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Readout:
    """The slots of a chart, and what is read in each. A slot is a day unless ``spans`` has others.

    :param first: the first day; None if the days are those of no calendar
    :param days: how many days the width has
    :param left: pixels, like ``width``
    :param spans: the first and the last day of each slot, as numbers of days since ``first``
    :param names: the names of the slots, where those of their days are not enough
    :param events: numbers of days since ``first``, each with a text
    """

    first: date | None
    days: int
    left: float
    width: float
    panels: Sequence[Panel]
    spans: Sequence[tuple[int, int]] = ()
    names: Sequence[str] = ()
    events: Sequence[tuple[int, str]] = ()

    def to_json(self) -> str:
        """Return the numbers as ``chart.js`` reads them."""
        return orjson.dumps(self).decode()


def of_plane(
    plane: Plane,
    panels: Sequence[Panel],
    *,
    spans: Sequence[tuple[date, date]] = (),
    events: Sequence[tuple[date, str]] = (),
) -> Readout:
    """Return the readout of a chart whose panels all have the days of a plane.

    :param spans: the first and the last day of each slot, if a slot is not a day
    :param events: days with a text
    """
    return Readout(
        first=plane.first,
        days=(plane.last - plane.first).days + 1,
        left=round(plane.left, 2),
        width=round(plane.width, 2),
        panels=panels,
        spans=[(_number(since, plane), _number(until, plane)) for since, until in spans],
        events=[(_number(day, plane), valid_in_xml(text)) for day, text in events],
    )


def of_panel(plane: Plane, rows: Sequence[Row], *, has_points: bool = True) -> Panel:
    """Return what is read of a plane."""
    return Panel(
        round(plane.top, 2),
        round(plane.height, 2),
        plane.lowest,
        plane.highest,
        rows,
        has_points=has_points,
    )


def row_of_days(
    label: str,
    colour: int,
    points: Sequence[Point],
    plane: Plane,
    words: Mapping[date, str] | None = None,
) -> Row:
    """Return the row of ascending points; none of them is outside the plane.

    :param words: about the values of some days
    """
    runs = [
        [
            _number(segment[0][0], plane),
            segment[0][1],
            *(after - before for (_, before), (_, after) in pairwise(segment)),
        ]
        for segment in segments(points)
    ]
    # JSON has no lone surrogates either.
    notes = _notes(points, plane, words) if words else ()
    return Row(valid_in_xml(label), colour, runs, notes)


def runs(values: Sequence[int | None]) -> list[list[Value]]:
    """Return the runs of the values of all slots; None has no value."""
    found: list[list[Value]] = []
    before = None
    for number, value in enumerate(values):
        if value is not None:
            if before is None:
                found.append([number, value])
            else:
                found[-1].append(value - before)
        before = value
    return found


def _notes(
    points: Sequence[Point], plane: Plane, words: Mapping[date, str]
) -> list[tuple[int, int, str]]:
    """Return the words with the first and the last of consecutive days that have them."""
    noted = [(_number(day, plane), words[day]) for day, _ in points if day in words]
    runs = groupby(enumerate(noted), key=lambda each: (each[1][0] - each[0], each[1][1]))
    found = []
    for (_, text), run in runs:
        numbers = [number for _, (number, _) in run]
        found.append((numbers[0], numbers[-1], valid_in_xml(text)))
    return found


def _number(day: date, plane: Plane) -> int:
    return (day - plane.first).days
