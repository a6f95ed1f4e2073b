"""One panel of a line chart: a series with its own axis of values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from api.charts.axes import value_ticks
from api.charts.path import Plane, Point, dots, in_period, path_data, px, segments
from api.charts.text import text_element, text_width

Series = tuple[str, Sequence[Point]]
"""A label and its points by ascending day."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A series and its place in the chart.

    :param ticks: the ticks of the axis of values, from the lowest
    """

    label: str
    points: list[Point]
    ticks: list[int]
    plane: Plane


def lay_out(
    series: Sequence[Series],
    period: tuple[date, date],
    size: tuple[int, int],
    font_px: float,
) -> list[Panel]:
    """Share the height of a chart among its series; all of them have the same left margin."""
    (first, last), (width, height) = period, size
    heading, day_axis, label, spacing = 2.3 * font_px, 2 * font_px, 1.9 * font_px, 0.8 * font_px
    panel_height = (height - heading - day_axis + spacing) / len(series)
    plane_height = panel_height - label - spacing
    shown = [(name, in_period(points, first, last)) for name, points in series]
    most = int(plane_height / (2 * font_px)) + 1
    ticks = [_ticks([value for _, value in points], most) for _, points in shown]
    left = font_px + max(text_width(f"{tick:,}", font_px) for each in ticks for tick in each)
    return [
        Panel(
            name,
            points,
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
        for index, (name, points) in enumerate(shown)
    ]


def draw(panel: Panel, colour: int, font_px: float) -> str:
    """Draw a panel: label and last value above; grid, gaps, line and dots in its plane.

    :param colour: the number of the series' colour, from 1
    """
    plane, split = panel.plane, segments(panel.points)
    return "".join(
        (
            *_heading(panel, colour, font_px),
            *_gaps(split, plane),
            *_value_axis(panel, font_px),
            *_line(split, plane, colour),
            *_dots(dots(split, plane), colour, radius=2.5),
            *_dots(
                ((plane.x(day), plane.y(value)) for day, value in panel.points[-1:]), colour, 3.5
            ),
            *_note_if_empty(panel, font_px),
        )
    )


def _ticks(values: Sequence[int], most: int) -> list[int]:
    return value_ticks(min(values), max(values), most=most) if values else [0, 1]


def _heading(panel: Panel, colour: int, font_px: float) -> Iterator[str]:
    baseline = panel.plane.top - 0.95 * font_px
    yield text_element(panel.label, font_px, baseline, f'class="dot{colour}"', bold=True)
    if panel.points:
        _, value = panel.points[-1]
        yield text_element(
            f"{value:,}", panel.plane.right, baseline, 'class="ink" text-anchor="end"', bold=True
        )


def _gaps(split: Sequence[Sequence[Point]], plane: Plane) -> Iterator[str]:
    """Shade the days between two segments; at least a pixel, as in ten years a day is narrower."""
    for before, after in pairwise(split):
        start, end = plane.x(before[-1][0]), plane.x(after[0][0])
        width = max(end - start, 1)
        yield (
            f'<rect class="gap" x="{px((start + end - width) / 2)}" y="{px(plane.top)}"'
            f' width="{px(width)}" height="{px(plane.height)}"/>'
        )


def _value_axis(panel: Panel, font_px: float) -> Iterator[str]:
    if not panel.points:
        return
    plane, ticks = panel.plane, panel.ticks
    # A low panel has room for the labels of the outer ticks only.
    is_low = plane.height / (len(ticks) - 1) < 1.3 * font_px
    for tick in ticks:
        y = plane.y(tick)
        yield f'<path class="grid" d="M{px(plane.left)} {px(y)}h{px(plane.width)}"/>'
        if not is_low or tick in {ticks[0], ticks[-1]}:
            yield text_element(
                f"{tick:,}",
                plane.left - 0.5 * font_px,
                y + 0.35 * font_px,
                'class="faint" text-anchor="end"',
            )


def _line(split: Sequence[Sequence[Point]], plane: Plane, colour: int) -> Iterator[str]:
    if data := path_data(split, plane):
        yield (
            f'<path class="line{colour}" d="{data}" fill="none" stroke-width="2"'
            ' stroke-linejoin="round"/>'
        )


def _dots(centres: Iterator[tuple[float, float]], colour: int, radius: float) -> Iterator[str]:
    for x, y in centres:
        yield f'<circle class="dot{colour}" cx="{px(x)}" cy="{px(y)}" r="{radius}"/>'


def _note_if_empty(panel: Panel, font_px: float) -> Iterator[str]:
    if not panel.points:
        yield text_element(
            "nothing recorded",
            panel.plane.left + panel.plane.width / 2,
            panel.plane.top + panel.plane.height / 2 + 0.35 * font_px,
            'class="faint" text-anchor="middle"',
        )
