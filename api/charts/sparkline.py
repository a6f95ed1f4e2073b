"""A sparkline: a line without axes, as high as a line of text."""

from collections.abc import Sequence
from datetime import date

from api.charts.path import Plane, Point, dots, in_period, path_data, px, segments

_MARGIN = 2
"""Pixels; room for the stroke at the edges."""

_LEAST_SPAN, _LEAST_PART = 10, 10
"""The least change that fills the height: in units, and as a part of the highest value."""


def sparkline(
    points: Sequence[Point], *, first: date, last: date, width: int = 120, height: int = 28
) -> str:
    """Draw the ascending points of a period as an ``<svg>`` element to inline in a page.

    It takes the colour of the surrounding text, and screen readers skip it: the page shows the
    numbers beside it. Its height is the span between the lowest and the highest value, but at least
    a tenth of the highest, and ten: a star more of 82 is not drawn as steep as 50,000 of 500,000.

    :param width: in pixels, like ``height``
    """
    shown = in_period(points, first, last)
    lowest, highest = _scale([value for _, value in shown] or [0])
    inner = width - 2 * _MARGIN
    # The first and the last day are at the edges.
    half_day = inner / max((last - first).days, 1) / 2
    plane = Plane(
        left=_MARGIN - half_day,
        top=_MARGIN,
        width=inner + 2 * half_day,
        height=height - 2 * _MARGIN,
        first=first,
        last=last,
        lowest=lowest,
        highest=highest,
    )
    split = segments(shown)
    parts = [
        f'<circle cx="{px(x)}" cy="{px(y)}" r="1.5" fill="currentColor"/>'
        for x, y in dots(split, plane)
    ]
    if data := path_data(split, plane):
        parts.append(
            f'<path d="{data}" fill="none" stroke="currentColor" stroke-width="1.5"'
            ' stroke-linejoin="round"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sparkline" width="{width}"'
        f' height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )


def _scale(values: Sequence[int]) -> tuple[int, int]:
    """Return the values at the bottom and the top: what is drawn is in the middle."""
    lowest, highest = min(values), max(values)
    span = max(_LEAST_SPAN, highest // _LEAST_PART, highest - lowest)
    bottom = lowest - (span - (highest - lowest)) // 2
    return bottom, bottom + span
