"""One panel of a line chart: a series with its own axis of values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from api.charts.axes import value_ticks
from api.charts.frame import value_axis, value_label
from api.charts.path import ONE_DAY, Plane, Point, dots, in_period, path_data, px, segments, through
from api.charts.place import Place
from api.charts.source import OBSERVED, Kind, Mark, Source, bands, strokes
from api.charts.style import dot, line_style
from api.charts.text import text_element, text_width

_HEADING, _DAY_AXIS, _LABEL, _SPACING = 2.3, 2.0, 1.9, 0.8
"""Heights of the parts of a chart, as multiples of the font size."""

_PAGE_HEADING = 0.3
"""The same, where the page has the title."""

_PAGE_LEFT = 5.3
"""The least left margin on a page: with it, charts above each other have their days aligned."""

_MIN_PLANE = 1.0
"""The same, of the plane of a panel: with less, the labels of its axis would touch."""

_MIN_BAND = 1.5
"""Pixels; a band that is nowhere higher would only blur its line."""


@dataclass(frozen=True, slots=True)
class Series:
    """A label and what to draw under it.

    :param points: by ascending day
    :param marks: of those points that were not observed, by ascending day
    :param colour: the number of its colour, from 1
    """

    label: str
    points: Sequence[Point]
    marks: Sequence[Mark] = ()
    colour: int = 1

    @property
    def sources(self) -> set[Source]:
        """The sources of the points."""
        sources = {mark.source for mark in self.marks}
        return sources | {OBSERVED} if len(self.points) > len(self.marks) else sources

    @property
    def has_gaps(self) -> bool:
        """Whether days between the points are missing."""
        if not self.points:
            return False
        return (self.points[-1][0] - self.points[0][0]).days >= len(self.points)

    def between(self, first: date, last: date) -> "Series":
        """Return the part from the first day to the last, both included."""
        return Series(
            self.label,
            in_period(self.points, first, last),
            [mark for mark in self.marks if first <= mark.day <= last],
            self.colour,
        )


@dataclass(frozen=True, slots=True)
class Panel:
    """A series and its place in the chart.

    :param ticks: the ticks of the axis of values, from the lowest
    """

    series: Series
    ticks: list[int]
    plane: Plane


def lay_out(
    series: Sequence[Series],
    period: tuple[date, date],
    size: tuple[int, int],
    place: Place,
    *,
    below: float = 0,
) -> list[Panel]:
    """Share the height of a chart among its series; all of them have the same left margin.

    :param series: nothing in them is outside the period
    :param below: pixels to leave free below the axis of days
    """
    (first, last), (width, height) = period, size
    font_px = place.font_px(width)
    heading, label = heading_height(place) * font_px, _LABEL * font_px
    around = heading + (_DAY_AXIS - _SPACING) * font_px + below
    panel_height = (height - around) / len(series)
    plane_height = panel_height - label - _SPACING * font_px
    most = int(plane_height / (2 * font_px)) + 1
    ticks = [_ticks(each, most) for each in series]
    left = left_margin((tick for each in ticks for tick in each), place, font_px)
    return [
        Panel(
            each,
            ticks[index],
            Plane(
                left=left,
                top=heading + index * panel_height + label,
                width=width - left - 1.2 * font_px,
                height=plane_height,
                first=first,
                last=last,
                lowest=ticks[index][0],
                highest=ticks[index][-1],
            ),
        )
        for index, each in enumerate(series)
    ]


def heading_height(place: Place) -> float:
    """Return how much is above the first panel or plane, as a multiple of the font size."""
    return _PAGE_HEADING if place.is_page else _HEADING


def left_margin(ticks: Iterable[int], place: Place, font_px: float) -> float:
    """Return the space for the labels of an axis of values, in pixels."""
    needed = font_px + max(text_width(value_label(tick), font_px) for tick in ticks)
    return max(needed, _PAGE_LEFT * font_px) if place.is_page else needed


def room_below(panels: int, height: int, place: Place, font_px: float) -> float:
    """Return how many pixels below the axis of days the panels can spare."""
    ems = heading_height(place) + _DAY_AXIS - _SPACING + panels * (_LABEL + _SPACING + _MIN_PLANE)
    return height - ems * font_px


def draw(panel: Panel, font_px: float) -> str:
    """Draw a panel: label and last value above; grid, gaps, line and dots in its plane."""
    plane, split = panel.plane, segments(panel.series.points)
    colour = panel.series.colour
    return "".join(
        (
            *_heading(panel, colour, font_px),
            *_gaps(split, plane),
            *(value_axis(plane, panel.ticks, font_px) if panel.series.points else ()),
            *_bands(panel, colour),
            *_lines(panel, split, colour, font_px),
            *_end(panel, colour),
            *_note_if_empty(panel, font_px),
        )
    )


def _ticks(series: Series, most: int) -> list[int]:
    values = [value for _, value in series.points]
    if not values:
        return [0, 1]
    for mark in series.marks:
        values.extend(bound for bound in (mark.at_least, mark.at_most) if bound is not None)
    return value_ticks(min(values), max(values), most=most)


def _heading(panel: Panel, colour: int, font_px: float) -> Iterator[str]:
    baseline = panel.plane.top - 0.95 * font_px
    yield text_element(panel.series.label, font_px, baseline, f'class="dot{colour}"', bold=True)
    if panel.series.points:
        _, value = panel.series.points[-1]
        yield text_element(
            f"{value:,}", panel.plane.right, baseline, 'class="ink" text-anchor="end"', bold=True
        )


def _gaps(split: Sequence[Sequence[Point]], plane: Plane) -> Iterator[str]:
    """Shade the days between two segments; at least a pixel, as in ten years a day is narrower."""
    for before, after in pairwise(split):
        start, end = plane.edge(before[-1][0] + ONE_DAY), plane.edge(after[0][0])
        width = max(end - start, 1)
        yield (
            f'<rect class="gap" x="{px((start + end - width) / 2)}" y="{px(plane.top)}"'
            f' width="{px(width)}" height="{px(plane.height)}"/>'
        )


def _bands(panel: Panel, colour: int) -> Iterator[str]:
    """Fill the space between the bounds of uncertain values, where it can be seen."""
    plane = panel.plane
    for band in bands(panel.series.marks):
        upper = plane.places((day, high) for day, _, high in band)
        lower = plane.places((day, low) for day, low, _ in band)
        heights = (below - above for (_, above), (_, below) in zip(upper, lower, strict=True))
        if max(heights) >= _MIN_BAND:
            back = reversed(through(lower).removeprefix("M").split("L"))
            outline = "L".join((through(upper), *back))
            yield f'<path class="dot{colour}" fill-opacity="0.2" d="{outline}z"/>'


def _lines(
    panel: Panel, split: Sequence[Sequence[Point]], colour: int, font_px: float
) -> Iterator[str]:
    """Draw a path for each kind of source, the observed one on top, and dots for lone days."""
    kinds = {mark.day: mark.source.kind for mark in panel.series.marks}
    drawn = [stroke for segment in split for stroke in strokes(segment, kinds)]
    for kind in reversed(Kind):
        of_kind = [stroke.points for stroke in drawn if stroke.kind is kind]
        if data := path_data(of_kind, panel.plane):
            yield f'<path class="line{colour}" d="{data}" fill="none" {line_style(kind, font_px)}/>'
        for x, y in dots(of_kind, panel.plane):
            yield dot(kind, x, y, colour, radius=2.5)


def _end(panel: Panel, colour: int) -> Iterator[str]:
    """Draw a larger dot for the last point."""
    for day, value in panel.series.points[-1:]:
        marks = panel.series.marks[-1:]
        kind = next((mark.source.kind for mark in marks if mark.day == day), Kind.OBSERVED)
        yield dot(kind, panel.plane.x(day), panel.plane.y(value), colour, radius=3.5)


def _note_if_empty(panel: Panel, font_px: float) -> Iterator[str]:
    if not panel.series.points:
        yield text_element(
            "nothing recorded",
            panel.plane.left + panel.plane.width / 2,
            panel.plane.top + panel.plane.height / 2 + 0.35 * font_px,
            'class="faint" text-anchor="middle"',
        )
