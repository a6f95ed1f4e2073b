"""A card: what a chat or a search shows of a link, at the size that all of them take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from api.charts.axes import value_ticks
from api.charts.path import ONE_DAY, Plane, Point, dots, path_data, px, segments
from api.charts.text import FONTS, escape, shorten, text_element, text_width
from api.charts.theme import Theme, style_element

WIDTH, HEIGHT = 1200, 630
"""Pixels; most are shown at half of that, so no text is smaller than 26."""

_MARGIN = 60
_VALUE_PX, _TEXT_PX = 54, 28

_TITLE_SIZES = (60, 48, 36)
"""Pixels; the first with which a title fits."""

_UNKNOWN = "\N{EN DASH}"

_PLANE_TOP, _PLANE_HEIGHT = 310, 220

_MAX_TICKS = 3

_CLASSES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
    "gap": ("fill", "gap"),
    "line": ("stroke", "one"),
    "dot": ("fill", "one"),
    "up": ("fill", "gained"),
    "down": ("fill", "lost"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A count and its change; None if not known."""

    label: str
    value: int | None
    change: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows.

    :param kind: what the title names, in a word or two
    :param day: of the figures; None if nothing was recorded
    :param figures: up to four
    :param change_days: the span of their changes
    :param points: of the line, by ascending day
    :param label: what the line counts
    :param first: of the days of the line, like ``last``
    """

    title: str
    kind: str
    day: date | None
    figures: Sequence[Figure]
    change_days: int
    label: str
    points: Sequence[Point]
    first: date
    last: date


def draw_card(card: Card, *, theme: Theme) -> str:
    """Draw a card as an SVG document of 1200 x 630 pixels."""
    day = f"recorded on {card.day}" if card.day else "nothing recorded yet"
    parts = [
        _text(card.kind, _MARGIN, 70, "faint"),
        _title(card.title),
        *_figures(card),
        *_chart(card),
        _text(_caption(card), _MARGIN, 602, "faint"),
        _text(f"{day} · Repopulse", WIDTH - _MARGIN, 70, "faint", is_right=True),
    ]
    known = ", ".join(
        f"{figure.label} {figure.value:,}" for figure in card.figures if figure.value is not None
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONTS}" font-size="{_TEXT_PX}">'
        f"<title>{escape(card.title)}</title><desc>{escape(known or day)}</desc>"
        f"{style_element(theme, _CLASSES)}"
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>{"".join(parts)}</svg>'
    )


def _caption(card: Card) -> str:
    days = f"{card.label}, {card.first} to {card.last}"
    has_gaps = len(segments(card.points)) > 1
    return f"{days}; shaded days were not recorded" if has_gaps else days


def _title(title: str) -> str:
    room = WIDTH - 2 * _MARGIN
    # Bold text is about 5 % wider.
    fitting = (size for size in _TITLE_SIZES if text_width(title, size * 1.05) <= room)
    size = next(fitting, _TITLE_SIZES[-1])
    shown = shorten(title, room, size * 1.05)
    return text_element(shown, _MARGIN, 138, 'class="ink"', font_px=size, bold=True)


def _figures(card: Card) -> Iterator[str]:
    column = (WIDTH - 2 * _MARGIN) / max(len(card.figures), 1)
    for number, figure in enumerate(card.figures):
        left = _MARGIN + number * column
        value = _UNKNOWN if figure.value is None else f"{figure.value:,}"
        yield text_element(value, left, 218, 'class="ink"', font_px=_VALUE_PX, bold=True)
        yield _text(figure.label, left, 262, "faint")
        if figure.change is not None:
            after = left + text_width(figure.label, _TEXT_PX) + 0.6 * _TEXT_PX
            style = "up" if figure.change > 0 else "down" if figure.change < 0 else "faint"
            change = f"{figure.change:+,}".replace("-", "\N{MINUS SIGN}") if figure.change else "±0"
            yield _text(f"{change} in {card.change_days} d", after, 262, style)


def _chart(card: Card) -> Iterator[str]:
    if not card.points:
        return
    values = [value for _, value in card.points]
    ticks = value_ticks(min(values), max(values), most=_MAX_TICKS)
    label_px = max(text_width(f"{tick:,}", _TEXT_PX) for tick in ticks)
    plane = Plane(
        left=_MARGIN + label_px + 0.6 * _TEXT_PX,
        top=_PLANE_TOP,
        width=WIDTH - 2 * _MARGIN - label_px - 0.6 * _TEXT_PX,
        height=_PLANE_HEIGHT,
        first=card.first,
        last=card.last,
        lowest=ticks[0],
        highest=ticks[-1],
    )
    split = segments(card.points)
    for before, after in pairwise(split):
        start, end = plane.edge(before[-1][0] + ONE_DAY), plane.edge(after[0][0])
        yield (
            f'<rect class="gap" x="{px(start)}" y="{px(plane.top)}" width="{px(end - start)}"'
            f' height="{px(plane.height)}"/>'
        )
    for tick in ticks:
        y = plane.y(tick)
        across = f"M{px(plane.left)} {px(y)}h{px(plane.width)}"
        yield f'<path class="grid" stroke-width="2" d="{across}"/>'
        yield _text(
            f"{tick:,}", plane.left - 0.6 * _TEXT_PX, y + 0.35 * _TEXT_PX, "faint", is_right=True
        )
    if data := path_data(split, plane):
        yield (
            f'<path class="line" d="{data}" fill="none" stroke-width="5" stroke-linejoin="round"'
            ' stroke-linecap="round"/>'
        )
    for x, y in dots(split, plane):
        yield f'<circle class="dot" cx="{px(x)}" cy="{px(y)}" r="6"/>'
    day, value = card.points[-1]
    yield f'<circle class="dot" cx="{px(plane.x(day))}" cy="{px(plane.y(value))}" r="9"/>'


def _text(text: str, x: float, y: float, style: str, *, is_right: bool = False) -> str:
    anchor = ' text-anchor="end"' if is_right else ""
    return text_element(text, x, y, f'class="{style}"{anchor}')
