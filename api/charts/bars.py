"""A chart of bars: what was gained above a line of zero, and what was lost below it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby

from api.charts import readout
from api.charts.axes import signed_ticks
from api.charts.frame import day_axis, document, heading, value_axis
from api.charts.legend import Legend, Swatch, fit_legend
from api.charts.panel import heading_height, left_margin
from api.charts.path import ONE_DAY, Plane, px
from api.charts.place import Place
from api.charts.style import gap_sample
from api.charts.text import text_element
from api.charts.theme import Theme

_LABEL, _DAY_AXIS = 1.9, 2.0
"""Heights of the parts of the chart, as multiples of the font size."""

_MIN_PLANE = 3.0
"""The same, of the plane of the bars if the legend is large."""

_SPACE, _SPACE_OF_CHANGE = 0.2, 0.6
"""The part of a bar's width that is free; bars of a change are narrow."""

_CLASSES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
    "gap": ("fill", "gap"),
    "zero": ("stroke", "faint"),
    "gained": ("fill", "gained"),
    "held": ("stroke", "gained"),
    "lost": ("fill", "lost"),
    "change": ("fill", "one"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What was gained and lost between the mornings of two days; None if not known.

    :param is_late: so late known that only what is still held is counted as gained
    :param net: gained less lost
    """

    since: date
    to: date
    gained: int | None
    lost: int | None
    is_late: bool = False
    net: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known."""
        return self.gained is None and self.lost is None and self.net is None

    @property
    def change(self) -> int | None:
        """What is drawn if neither gains nor losses are known: the difference of both."""
        return self.net if self.gained is None and self.lost is None else None

    @property
    def up(self) -> int:
        """The height above zero."""
        return max(self.gained or 0, self.change or 0)

    @property
    def down(self) -> int:
        """The height below zero."""
        return max(self.lost or 0, -(self.change or 0))

    @property
    def is_hollow(self) -> bool:
        """Whether more may have been gained."""
        return self.is_late or self.lost is None


def bar_chart(
    title: str,
    label: str,
    bars: Sequence[Bar],
    *,
    first: date,
    last: date,
    width: int = 800,
    height: int = 320,
    place: Place = Place.README,
    theme: Theme = Theme.AUTO,
) -> str:
    """Draw bars over the days from first to last, both included, as an SVG document.

    A gain of which only what is still held is known is hollow. A span of which no more than the
    difference of gains and losses is known has a narrow bar, and one of which nothing is known is
    shaded. On a page the chart has neither title nor label.

    :param label: what a bar counts
    :param bars: by ascending day; those outside the period are left out, others are cut at its ends
    :param width: in pixels, like ``height``; with the limits of `line_chart`
    """
    font_px = place.font_px(width)
    shown = [bar for bar in bars if bar.to > first and bar.since <= last]
    room = height - (_above(place) + _DAY_AXIS + _MIN_PLANE) * font_px
    legend = _legend(shown, width, room, font_px)
    plane, ticks = _lay_out(shown, (first, last), (width, height), place, legend.height)
    known = [bar for bar in shown if not bar.is_unknown]
    texts = [
        heading(title, min(known[-1].to, last) if known else None, width, font_px),
        text_element(label, font_px, plane.top - 0.95 * font_px, 'class="ink"', bold=True),
    ]
    return document(
        title,
        _describe(label, known, len(shown)),
        [
            *([] if place.is_page else texts),
            *_gaps(shown, plane),
            *value_axis(plane, ticks, font_px),
            *(_draw(bar, plane) for bar in known),
            f'<path class="zero" d="M{px(plane.left)} {px(plane.y(0))}h{px(plane.width)}"/>',
            *_note_if_empty(known, plane, font_px),
            day_axis(plane, width, font_px),
            *legend.draw(height),
        ],
        size=(width, height),
        place=place,
        theme=theme,
        classes=_CLASSES,
        numbers=_numbers(shown, plane) if place.is_page else None,
    )


def _above(place: Place) -> float:
    """Return how much is above the plane, as a multiple of the font size."""
    return 1.0 if place.is_page else heading_height(place) + _LABEL


def _numbers(bars: Sequence[Bar], plane: Plane) -> readout.Readout:
    rows = [
        readout.Row("Gained", 0, readout.runs([bar.gained for bar in bars]), _notes(bars)),
        readout.Row("Lost, at least", 0, readout.runs([bar.lost for bar in bars])),
        readout.Row("Change", 0, readout.runs([bar.change for bar in bars])),
    ]
    spans = [(max(bar.since, plane.first), min(bar.to - ONE_DAY, plane.last)) for bar in bars]
    return readout.of_plane(plane, [readout.of_panel(plane, rows, has_points=False)], spans=spans)


def _notes(bars: Sequence[Bar]) -> list[tuple[int, int, str]]:
    return [
        (number, number, "still held today")
        for number, bar in enumerate(bars)
        if bar.gained is not None and bar.is_hollow
    ]


def _lay_out(
    bars: Sequence[Bar],
    period: tuple[date, date],
    size: tuple[int, int],
    place: Place,
    below: float,
) -> tuple[Plane, list[int]]:
    """Return the plane, and the ticks of its axis of values; a day is as wide as any other."""
    (first, last), (width, height) = period, size
    font_px = place.font_px(width)
    top = _above(place) * font_px
    plane_height = height - top - _DAY_AXIS * font_px - below
    ticks = signed_ticks(
        max((bar.down for bar in bars), default=0),
        max((bar.up for bar in bars), default=0),
        most=int(plane_height / (1.5 * font_px)) + 1,
    )
    left = left_margin(ticks, place, font_px)
    plane = Plane(
        left=left,
        top=top,
        width=width - left - 1.2 * font_px,
        height=plane_height,
        first=first,
        last=last,
        lowest=ticks[0],
        highest=ticks[-1],
    )
    return plane, ticks


def _draw(bar: Bar, plane: Plane) -> str:
    left, right = _edges(bar, plane)
    space = _SPACE if bar.change is None else _SPACE_OF_CHANGE
    width = (right - left) * (1 - space)
    left += (right - left - width) / 2
    zero = plane.y(0)
    parts = []
    if bar.gained:
        top = plane.y(bar.gained)
        if bar.is_hollow:
            parts.append(_hollow(left, top, width, zero - top))
        else:
            parts.append(_filled("gained", left, top, width, zero - top))
    if bar.lost:
        parts.append(_filled("lost", left, zero, width, plane.y(-bar.lost) - zero))
    if bar.change:
        top, bottom = plane.y(bar.up), plane.y(-bar.down)
        parts.append(_filled("change", left, top, width, bottom - top))
    return "".join(parts)


def _edges(bar: Bar, plane: Plane) -> tuple[float, float]:
    return plane.edge(max(bar.since, plane.first)), min(plane.edge(bar.to), plane.right)


def _filled(name: str, left: float, top: float, width: float, height: float) -> str:
    return (
        f'<rect class="{name}" x="{px(left)}" y="{px(top)}"'
        f' width="{px(width)}" height="{px(height)}"/>'
    )


def _hollow(left: float, top: float, width: float, height: float) -> str:
    """Draw an outline inside the edges; of a narrow bar, two thirds of the width stay free."""
    line = min(1.2, width / 3, height)
    return (
        f'<rect class="held" fill="none" stroke-width="{px(line)}" x="{px(left + line / 2)}"'
        f' y="{px(top + line / 2)}" width="{px(width - line)}" height="{px(height - line)}"/>'
    )


def _narrow(left: float, top: float, width: float, height: float) -> str:
    return _filled("change", left + width / 3, top, width / 3, height)


def _gaps(bars: Sequence[Bar], plane: Plane) -> Iterator[str]:
    for is_gap, run in groupby(bars, lambda bar: bar.is_unknown):
        if is_gap:
            several = list(run)
            left, right = _edges(several[0], plane)[0], _edges(several[-1], plane)[1]
            yield _filled("gap", left, plane.top, right - left, plane.height)


def _legend(bars: Sequence[Bar], width: int, room: float, font_px: float) -> Legend:
    """Return the legend of the kinds of bars that are in the chart."""
    texts: list[tuple[Swatch, str, str]] = []
    if any(bar.gained and not bar.is_hollow for bar in bars):
        texts.append((partial(_sample, partial(_filled, "gained")), "gained", "gained"))
    if any(bar.gained and bar.is_hollow for bar in bars):
        text = "gained and still held today"
        texts.append((partial(_sample, _hollow), text, "still held"))
    if any(bar.lost for bar in bars):
        texts.append((partial(_sample, partial(_filled, "lost")), "lost, at least", "lost"))
    if any(bar.change for bar in bars):
        texts.append((partial(_sample, _narrow), "change: gained less lost", "change"))
    if any(bar.is_unknown for bar in bars):
        texts.append((gap_sample, "not known", "not known"))
    if not texts:
        return Legend((), font_px)
    long, short = ({swatch: each[length] for swatch, *each in texts} for length in range(2))
    return fit_legend((long, short), width, room, font_px)


def _sample(
    draw: Callable[[float, float, float, float], str], left: float, middle: float, width: float
) -> str:
    return draw(left, middle - width / 4, width, width / 2)


def _describe(label: str, known: Sequence[Bar], bars: int) -> str:
    """Describe the bars in words, for screen readers."""
    if not known:
        return f"{label}: nothing known."
    gains, losses, changes = (
        [value for value in values if value is not None]
        for values in (
            (bar.gained for bar in known),
            (bar.lost for bar in known),
            (bar.change for bar in known),
        )
    )
    parts = []
    if gains or losses or not changes:
        parts.append(
            f"gained {sum(gains):,} in {len(gains):,} of {bars:,} bars; lost at least"
            f" {sum(losses):,} in the {len(losses):,} whose losses are known"
        )
    if changes:
        changed = f"{sum(changes):+,}".replace("-", "\N{MINUS SIGN}")
        parts.append(f"change {changed} in {len(changes):,} of {bars:,} bars")
    return f"{label}, from {known[0].since} to {known[-1].to}: {'; '.join(parts)}."


def _note_if_empty(known: Sequence[Bar], plane: Plane, font_px: float) -> Iterator[str]:
    if not known:
        yield text_element(
            "nothing known",
            plane.left + plane.width / 2,
            plane.top + plane.height / 2 + 0.35 * font_px,
            'class="faint" text-anchor="middle"',
        )
