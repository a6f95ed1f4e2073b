"""What the script of a page reads of the curves of a comparison.

Twenty curves of ten years have 73,000 values, and a chart has about 750 columns of pixels. The
script gets the values of at most that many days, equally spaced; each is the value of its own day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from api.charts.curve import Curve, Look, Scale
from api.charts.readout import Panel, Readout, Row, Value
from api.charts.theme import COMPARED_COLOURS

FIRST_COLOUR = 11
"""The number of the first colour of comparisons in the style sheet of the pages."""

_MAX_SLOTS = 750

_NOT_OBSERVED = "reconstructed or imported"

_MAX_VALUES = 15_000
"""Of all curves; about 40 kB."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The plane of the curves: its scales, and its first and last day."""

    x: Scale
    y: Scale
    first: int
    last: int


def readout_of(curves: Sequence[Curve], plot: Plot, look: Look) -> Readout:
    """Return the values of the curves, each in the slot of its day."""
    slots = _slots(plot, len(curves), look)
    is_every_day = len(slots) > plot.last - plot.first
    top, bottom = plot.y.stop, plot.y.start
    return Readout(
        first=None if look.is_aligned else date.fromordinal(plot.first),
        days=plot.last - plot.first + 1,
        left=round(plot.x.start, 2),
        width=round(plot.x.stop - plot.x.start, 2),
        panels=[
            Panel(
                round(top, 2),
                round(bottom - top, 2),
                plot.y.low,
                plot.y.high,
                [_row(curve, number, slots) for number, curve in enumerate(curves)],
                is_log=plot.y.is_log,
            )
        ],
        spans=[] if is_every_day else [(day - plot.first, day - plot.first) for day in slots],
        names=_names(slots, look),
    )


def _slots(plot: Plot, curves: int, look: Look) -> Sequence[int]:
    if look.slots:
        return [day for day, _ in look.slots if plot.first <= day <= plot.last]
    most = min(_MAX_SLOTS, _MAX_VALUES // max(curves, 1))
    every = (plot.last - plot.first) // most + 1
    # The last day is among them.
    return range(plot.first + (plot.last - plot.first) % every, plot.last + 1, every)


def _names(slots: Sequence[int], look: Look) -> Sequence[str]:
    """Return the names of the slots; empty if their dates say enough."""
    if look.is_aligned:
        return [f"day {day:,}" for day in slots]
    names = dict(look.slots)
    return [names[day] for day in slots] if names else ()


def _row(curve: Curve, number: int, slots: Sequence[int]) -> Row:
    values = dict(zip(curve.days, curve.values, strict=True))
    runs: list[list[Value]] = []
    before: Value | None = None
    for slot, day in enumerate(slots):
        value = values.get(day)
        if value is not None:
            if before is None:
                runs.append([slot, value])
            else:
                runs[-1].append(round(value - before, 2))
        before = value
    return Row(curve.name, FIRST_COLOUR + number % COMPARED_COLOURS, runs, _notes(curve, slots))


def _notes(curve: Curve, slots: Sequence[int]) -> list[tuple[int, int, str]]:
    """Return the first and the last slot of each row of values that were not observed."""
    if all(curve.is_observed):
        return []
    observed = dict(zip(curve.days, curve.is_observed, strict=True))
    known = [(slot, observed[day]) for slot, day in enumerate(slots) if day in observed]
    notes = []
    for is_observed, group in groupby(known, lambda each: each[1]):
        if not is_observed:
            numbers = [slot for slot, _ in group]
            notes.append((numbers[0], numbers[-1], _NOT_OBSERVED))
    return notes
