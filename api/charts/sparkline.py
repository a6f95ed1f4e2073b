"""A sparkline: a line without axes, as high as a line of text."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache, lru_cache

from api.charts.path import Point

_Corner = tuple[int, int]
"""A day of the period, from 0, and the tenths of a pixel from the top."""

_MARGIN = 2
"""Pixels; room for the stroke at the edges."""

_LEAST_SPAN, _LEAST_PART = 10, 10
"""The least change that fills the height: in units, and as a part of the highest value."""


def sparkline(
    points: Iterable[Point], *, first: date, last: date, width: int = 120, height: int = 28
) -> str:
    """Draw the ascending points of a period as an ``<svg>`` element to inline in a page.

    It takes the colour of the surrounding text, and screen readers skip it: the page shows the
    numbers beside it. Its height is the span between the lowest and the highest value, but at least
    a tenth of the highest, and ten: a star more of 82 is not drawn as steep as 50,000 of 500,000.

    :param width: in pixels, like ``height``
    """
    columns = _columns((last - first).days, width)
    shown = [((day - first).days, value) for day, value in points if first <= day <= last]
    lowest, highest = _scale([value for _, value in shown] or [0])
    bottom = 10 * (height - _MARGIN)
    scale = (bottom - 10 * _MARGIN) / (highest - lowest)
    corners = [(column, round(bottom - (value - lowest) * scale)) for column, value in shown]
    lines, parts = [], []
    for segment in _segments(corners):
        if len(segment) > 1:
            lines.append(_line(segment, columns))
        else:
            ((column, y),) = segment
            parts.append(
                f'<circle cx="{_px(columns[column])}" cy="{_px(y)}" r="1.5" fill="currentColor"/>'
            )
    if lines:
        parts.append(
            f'<path d="{"".join(lines)}" fill="none" stroke="currentColor" stroke-width="1.5"'
            ' stroke-linejoin="round"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sparkline" width="{width}"'
        f' height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


@lru_cache(maxsize=16)
def _columns(days: int, width: int) -> Sequence[int]:
    """Return where each day is: tenths of a pixel from the left; the middle for a single day."""
    if days == 0:
        return [5 * width]
    return [round(10 * (_MARGIN + (width - 2 * _MARGIN) * each / days)) for each in range(days + 1)]


def _segments(corners: Sequence[_Corner]) -> Iterator[Sequence[_Corner]]:
    """Split corners into segments of consecutive days."""
    start = 0
    for end in range(1, len(corners) + 1):
        if end == len(corners) or corners[end][0] != corners[end - 1][0] + 1:
            yield corners[start:end]
            start = end


def _line(segment: Sequence[_Corner], columns: Sequence[int]) -> str:
    """Return a line as path data: where it begins, and the steps from corner to corner."""
    column, y = segment[0]
    x = columns[column]
    steps = [f"M{_px(x)} {_px(y)}l"]
    last = len(segment) - 1
    for index, (column, next_y) in enumerate(segment[1:], start=1):
        # Leave out the inner points of level stretches: the line is the same without them.
        if y == next_y and index < last and segment[index + 1][1] == y:
            continue
        steps.append(f"{_px(columns[column] - x)} {_px(next_y - y)} ")
        x, y = columns[column], next_y
    return "".join(steps).rstrip()


@cache
def _px(tenths: int) -> str:
    """Format tenths of a pixel; of a sparkline there are at most some thousand."""
    whole, rest = divmod(abs(tenths), 10)
    sign = "-" if tenths < 0 else ""
    return f"{sign}{whole or ''}.{rest}" if rest else f"{sign}{whole}"


def _scale(values: Sequence[int]) -> tuple[float, float]:
    """Return the values at the bottom and the top: what is drawn is in the middle."""
    lowest, highest = min(values), max(values)
    span = max(_LEAST_SPAN, highest // _LEAST_PART, highest - lowest)
    bottom = lowest - (span - (highest - lowest)) / 2
    return bottom, bottom + span
