"""A chart with axes: one panel for each series, above one another, with their days in common.

Each panel has an axis of values of its own: beside 300,000 stars, 40 watchers would be a line
along the bottom.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from api.charts.axes import Mark, day_marks, value_marks
from api.charts.lettering import FONTS, breadth, escaped, shortened
from api.charts.strokes import Plane, Point, dots, lines, number, runs, within
from api.charts.theme import SERIES, Theme, styled

Series = tuple[str, Sequence[Point]]
"""What is counted, and its points by ascending day."""

NARROWEST, WIDEST = 300, 2000
LOWEST, HIGHEST = 200, 1000
"""Pixels: in these bounds everything has room."""

_RULES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
    "gap": ("fill", "gap"),
    "line1": ("stroke", "one"),
    "line2": ("stroke", "two"),
    "line3": ("stroke", "three"),
    "dot1": ("fill", "one"),
    "dot2": ("fill", "two"),
    "dot3": ("fill", "three"),
}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One series and its place."""

    label: str
    points: list[Point]
    marks: list[int]
    plane: Plane


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    first: date,
    last: date,
    width: int = 800,
    height: int = 320,
    theme: Theme = Theme.AUTO,
) -> str:
    """Draw series over a period, its ends included; the answer is a whole SVG document.

    :param series: one to three; points outside the period are left out
    :param width: pixels between ``NARROWEST`` and ``WIDEST``; letters grow with it, so that a wide
        chart that is shown smaller stays readable
    :param height: pixels between ``LOWEST`` and ``HIGHEST``
    """
    size = _letters(width)
    panels = _panels(series, (first, last), (width, height), size)
    parts = [
        f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
        _heading(title, panels, width, size),
        _days(panels[-1].plane, width, size),
        *(_drawn(panel, index % SERIES + 1, size) for index, panel in enumerate(panels)),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="{FONTS}" font-size="{number(size)}">'
        f"<title>{escaped(title)}</title><desc>{escaped(_told(panels, first, last))}</desc>"
        f"{styled(theme, _RULES)}{''.join(parts)}</svg>"
    )


def _letters(width: int) -> float:
    """Return the size of letters in pixels: 12 at 400 pixels, 17 at 800."""
    return min(max(7 + width / 80, 12), 20)


def _panels(
    series: Sequence[Series], period: tuple[date, date], extent: tuple[int, int], size: float
) -> list[_Panel]:
    """Give each series its part of the height, and all of them the same margins."""
    (first, last), (width, height) = period, extent
    heading, days, label, between = 2.3 * size, 2 * size, 1.9 * size, 0.8 * size
    share = (height - heading - days + between) / len(series)
    rows = share - label - between
    most = int(rows / (2 * size)) + 1
    shown = [(label_of, within(points, first, last)) for label_of, points in series]
    marks = [
        value_marks(min(values), max(values), most=most)
        if (values := [value for _, value in points])
        else [0, 1]
        for _, points in shown
    ]
    left = size + max(breadth(f"{mark:,}", size) for several in marks for mark in several)
    return [
        _Panel(
            label_of,
            points,
            several,
            Plane(
                left=left,
                top=heading + index * share + label,
                width=width - left - 1.2 * size,
                height=rows,
                first=first,
                last=last,
                lowest=several[0],
                highest=several[-1],
            ),
        )
        for index, ((label_of, points), several) in enumerate(zip(shown, marks, strict=True))
    ]


def _heading(title: str, panels: Sequence[_Panel], width: int, size: float) -> str:
    """Write the title, and at the right the last recorded day: the values are of that day."""
    day = max((points[-1][0] for panel in panels if (points := panel.points)), default=None)
    said = day.isoformat() if day else ""
    large = 1.15 * size
    room = width - 3 * size - breadth(said, size)
    return _text(
        shortened(title, room, large * 1.05), size, 1.6 * size, 'class="ink"', size=large, bold=True
    ) + _text(said, width - 1.2 * size, 1.6 * size, 'class="faint" text-anchor="end"')


def _drawn(panel: _Panel, colour: int, size: float) -> str:
    plane = panel.plane
    stretches = runs(panel.points)
    value = f"{panel.points[-1][1]:,}" if panel.points else ""
    above = plane.top - 0.95 * size
    parts = [
        _text(panel.label, size, above, f'class="dot{colour}"', bold=True),
        _text(value, plane.left + plane.width, above, 'class="ink" text-anchor="end"', bold=True),
        *_gaps(stretches, plane),
        *_values(panel, size),
    ]
    if path := lines(stretches, plane):
        parts.append(
            f'<path class="line{colour}" d="{path}" fill="none" stroke-width="2"'
            ' stroke-linejoin="round"/>'
        )
    ends = [(plane.x(day), plane.y(last)) for day, last in panel.points[-1:]]
    for radius, places in ((2.5, dots(stretches, plane)), (3.5, ends)):
        parts.extend(
            f'<circle class="dot{colour}" cx="{number(x)}" cy="{number(y)}" r="{radius}"/>'
            for x, y in places
        )
    if not panel.points:
        parts.append(
            _text(
                "nothing recorded",
                plane.left + plane.width / 2,
                plane.top + plane.height / 2 + 0.35 * size,
                'class="faint" text-anchor="middle"',
            )
        )
    return "".join(parts)


def _gaps(stretches: Sequence[Sequence[Point]], plane: Plane) -> Iterable[str]:
    """Shade what lies between two stretches, by a pixel at least: in ten years a day is less."""
    for before, after in pairwise(stretches):
        start, end = plane.x(before[-1][0]), plane.x(after[0][0])
        breadth_of = max(end - start, 1)
        yield (
            f'<rect class="gap" x="{number((start + end - breadth_of) / 2)}"'
            f' y="{number(plane.top)}" width="{number(breadth_of)}"'
            f' height="{number(plane.height)}"/>'
        )


def _values(panel: _Panel, size: float) -> Iterable[str]:
    plane = panel.plane
    if not panel.points:
        return
    # Where a panel is low, only its ends say their value.
    is_low = plane.height / (len(panel.marks) - 1) < 1.3 * size
    for mark in panel.marks:
        y = plane.y(mark)
        yield (f'<path class="grid" d="M{number(plane.left)} {number(y)}h{number(plane.width)}"/>')
        if not is_low or mark in {panel.marks[0], panel.marks[-1]}:
            yield _text(
                f"{mark:,}",
                plane.left - 0.5 * size,
                y + 0.35 * size,
                'class="faint" text-anchor="end"',
            )


def _days(plane: Plane, width: int, size: float) -> str:
    """Write the days below the lowest panel, none over another or over an edge."""

    def centre(mark: Mark) -> float:
        day, label = mark
        half = breadth(label, size) / 2 + 0.3 * size
        return min(max(plane.x(day), half), width - half)

    def fits(marks: list[Mark]) -> bool:
        return all(
            centre(after) - centre(before)
            >= (breadth(before[1], size) + breadth(after[1], size)) / 2 + size
            for before, after in pairwise(marks)
        )

    bottom = plane.top + plane.height
    return "".join(
        f'<path class="grid" d="M{number(plane.x(mark[0]))} {number(bottom)}v{number(size / 3)}"/>'
        + _text(mark[1], centre(mark), bottom + 1.5 * size, 'class="faint" text-anchor="middle"')
        for mark in day_marks(plane.first, plane.last, fits)
    )


def _told(panels: Sequence[_Panel], first: date, last: date) -> str:
    """Say in words what is drawn."""
    return " ".join(_told_of(panel, first, last) for panel in panels)


def _told_of(panel: _Panel, first: date, last: date) -> str:
    if not panel.points:
        return f"{panel.label}: nothing recorded from {first} to {last}."
    (day, value), (last_day, last_value) = panel.points[0], panel.points[-1]
    values = [value for _, value in panel.points]
    missing = (last_day - day).days + 1 - len(panel.points)
    days = "1 day between is" if missing == 1 else f"{missing} days between are"
    gaps = f"; {days} missing" if missing else ""
    return (
        f"{panel.label}: {value:,} on {day}, {last_value:,} on {last_day};"
        f" lowest {min(values):,}, highest {max(values):,}{gaps}."
    )


def _text(
    text: str, x: float, y: float, attributes: str, *, size: float = 0, bold: bool = False
) -> str:
    if not text:
        return ""
    font = (f' font-size="{number(size)}"' if size else "") + (' font-weight="600"' if bold else "")
    return f'<text {attributes} x="{number(x)}" y="{number(y)}"{font}>{escaped(text)}</text>'
