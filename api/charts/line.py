"""A line chart: one panel for each series, one above the other, with a common axis of days.

Each panel has its own axis of values: on the scale of 300,000 stars, 40 watchers would be a flat
line at the bottom.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from api.charts.axes import DayTick, day_ticks
from api.charts.legend import make_legend
from api.charts.panel import Panel, Series, draw, lay_out, room_below
from api.charts.path import Plane, px
from api.charts.source import OBSERVED, Source
from api.charts.text import FONTS, escape, shorten, text_element, text_width
from api.charts.theme import SERIES_COLOURS, Theme, style_element

MIN_WIDTH, MAX_WIDTH = 300, 2000
MIN_HEIGHT, MAX_HEIGHT = 200, 1000
"""Pixels; a chart of three series is readable at each of these sizes."""

_CLASSES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
    "gap": ("fill", "gap"),
    "line0": ("stroke", "ink"),
    "line1": ("stroke", "one"),
    "line2": ("stroke", "two"),
    "line3": ("stroke", "three"),
    "dot1": ("fill", "one"),
    "dot2": ("fill", "two"),
    "dot3": ("fill", "three"),
}


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
    """Draw series over the days from first to last, both included, as an SVG document.

    :param series: one to three; points outside the period are left out
    :param width: pixels, from ``MIN_WIDTH`` to ``MAX_WIDTH``; the font grows with it, so that a
        wide chart stays readable when it is displayed smaller
    :param height: pixels, from ``MIN_HEIGHT`` to ``MAX_HEIGHT``
    """
    font_px = _font_size(width)
    shown = [each.between(first, last) for each in series]
    sources = {source for each in shown for source in each.sources}
    legend = make_legend(sources, width, room_below(len(series), height, font_px), font_px)
    panels = lay_out(shown, (first, last), (width, height), font_px, below=legend.height)
    parts = [
        f'<rect class="paper" width="{width}" height="{height}" rx="6"/>',
        _heading(title, panels, width, font_px),
        _day_axis(panels[-1].plane, width, font_px),
        *(draw(panel, index % SERIES_COLOURS + 1, font_px) for index, panel in enumerate(panels)),
        *legend.draw(height - legend.height - 0.25 * font_px),
    ]
    description = " ".join(_describe(each, first, last) for each in shown)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="{FONTS}" font-size="{px(font_px)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{style_element(theme, _CLASSES)}{''.join(parts)}</svg>"
    )


def _font_size(width: int) -> float:
    """Return the font size in pixels: 12 for a chart of 400 pixels, 17 for one of 800."""
    return min(max(7 + width / 80, 12), 20)


def _heading(title: str, panels: Sequence[Panel], width: int, font_px: float) -> str:
    """Write the title on the left and the last recorded day, that of the values, on the right."""
    last_day = max(
        (panel.series.points[-1][0] for panel in panels if panel.series.points), default=None
    )
    day = last_day.isoformat() if last_day else ""
    title_px = 1.15 * font_px
    max_px = width - 3 * font_px - text_width(day, font_px)
    # Bold text is about 5 % wider.
    shown = shorten(title, max_px, title_px * 1.05)
    baseline = 1.6 * font_px
    return text_element(
        shown, font_px, baseline, 'class="ink"', font_px=title_px, bold=True
    ) + text_element(day, width - 1.2 * font_px, baseline, 'class="faint" text-anchor="end"')


def _day_axis(plane: Plane, width: int, font_px: float) -> str:
    """Draw the ticks below the lowest panel; labels neither overlap nor leave the picture."""

    def label_x(tick: DayTick) -> float:
        day, label = tick
        half = text_width(label, font_px) / 2 + 0.3 * font_px
        return min(max(plane.x(day), half), width - half)

    def fits(ticks: list[DayTick]) -> bool:
        return all(
            label_x(after) - label_x(before)
            >= (text_width(before[1], font_px) + text_width(after[1], font_px)) / 2 + font_px
            for before, after in pairwise(ticks)
        )

    return "".join(
        f'<path class="grid" d="M{px(plane.x(tick[0]))} {px(plane.bottom)}v{px(font_px / 3)}"/>'
        + text_element(
            tick[1],
            label_x(tick),
            plane.bottom + 1.5 * font_px,
            'class="faint" text-anchor="middle"',
        )
        for tick in day_ticks(plane.first, plane.last, fits)
    )


def _describe(series: Series, first: date, last: date) -> str:
    """Describe a series in words, for screen readers."""
    if not series.points:
        return f"{series.label}: nothing recorded from {first} to {last}."
    (first_day, first_value), (last_day, last_value) = series.points[0], series.points[-1]
    values = [value for _, value in series.points]
    missing = (last_day - first_day).days + 1 - len(series.points)
    gaps = f"; {_days(missing)} missing" if missing else ""
    return (
        f"{series.label}: {first_value:,} on {first_day}, {last_value:,} on {last_day};"
        f" lowest {min(values):,}, highest {max(values):,}{gaps}{_describe_sources(series)}."
    )


def _describe_sources(series: Series) -> str:
    """Name the sources of a series, with their days; nothing if all days were observed."""
    if not series.marks:
        return ""
    sources = {mark.day: mark.source for mark in series.marks}
    of_source: dict[Source, list[date]] = {}
    for day, _ in series.points:
        of_source.setdefault(sources.get(day, OBSERVED), []).append(day)
    return "".join(
        f"; {source.text}: {_days(len(days))} from {days[0]} to {days[-1]}"
        for source, days in of_source.items()
    )


def _days(count: int) -> str:
    return f"{count:,} {'day' if count == 1 else 'days'}"
