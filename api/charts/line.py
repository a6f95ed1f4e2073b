"""A line chart: one panel for each series, one above the other, with a common axis of days.

Each panel has its own axis of values: on the scale of 300,000 stars, 40 watchers would be a flat
line at the bottom.
"""

from collections.abc import Sequence
from datetime import date

from api.charts import events as marked
from api.charts import readout
from api.charts.events import Event
from api.charts.frame import day_axis, document, heading
from api.charts.legend import Swatch
from api.charts.panel import Panel, Series, draw, lay_out, room_below
from api.charts.place import Place
from api.charts.source import OBSERVED, Source
from api.charts.style import source_legend
from api.charts.theme import Theme

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

_EVENT_CLASSES = {**_CLASSES, **marked.CLASSES}


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    first: date,
    last: date,
    width: int = 800,
    height: int = 320,
    events: Sequence[Event] = (),
    place: Place = Place.README,
    theme: Theme = Theme.AUTO,
) -> str:
    """Draw series over the days from first to last, both included, as an SVG document.

    On a page it has no title.

    :param series: one to three; points outside the period are left out
    :param width: pixels, from ``MIN_WIDTH`` to ``MAX_WIDTH``; in a README the font grows with it,
        so that a wide chart stays readable when it is displayed smaller
    :param height: pixels, from ``MIN_HEIGHT`` to ``MAX_HEIGHT``
    :param events: to mark on the axis of days; those outside the period are left out
    """
    font_px = place.font_px(width)
    shown = [each.between(first, last) for each in series]
    sources = {source for each in shown for source in each.sources}
    has_gaps = any(each.has_gaps for each in shown)
    events = [event for event in events if first <= event[0] <= last]
    more: dict[Swatch, str] = {marked.sample: marked.LEGEND} if events else {}
    room = room_below(len(series), height, place, font_px)
    legend = source_legend(sources, width, room, font_px, has_gaps=has_gaps, more=more)
    panels = lay_out(shown, (first, last), (width, height), place, below=legend.height)
    last_day = max((each.points[-1][0] for each in shown if each.points), default=None)
    return document(
        title,
        " ".join(_describe(each, first, last) for each in shown),
        [
            "" if place.is_page else heading(title, last_day, width, font_px),
            day_axis(panels[-1].plane, width, font_px),
            *(draw(panel, font_px) for panel in panels),
            *marked.draw_events(events, [panel.plane for panel in panels], font_px),
            *legend.draw(height),
        ],
        size=(width, height),
        place=place,
        theme=theme,
        classes=_EVENT_CLASSES if events else _CLASSES,
        numbers=_numbers(panels, events) if place.is_page else None,
    )


def _numbers(panels: Sequence[Panel], events: Sequence[Event]) -> readout.Readout:
    return readout.of_plane(
        panels[0].plane,
        [
            readout.of_panel(
                panel.plane,
                [
                    readout.row_of_days(
                        panel.series.label,
                        panel.series.colour,
                        panel.series.points,
                        panel.plane,
                        {mark.day: mark.source.text for mark in panel.series.marks},
                    )
                ],
            )
            for panel in panels
        ],
        events=events,
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
