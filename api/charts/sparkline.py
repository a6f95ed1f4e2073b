"""A sparkline: a line without axes, as high as a line of text."""

from collections.abc import Sequence
from datetime import date

from api.charts.path import Plane, Point, dots, in_period, path_data, px, segments

_MARGIN = 2
"""Pixels; room for the stroke at the edges."""


def sparkline(
    points: Sequence[Point], *, first: date, last: date, width: int = 120, height: int = 28
) -> str:
    """Draw the ascending points of a period as an ``<svg>`` element to inline in a page.

    It takes the colour of the surrounding text, and screen readers skip it: the page shows the
    numbers beside it. The lowest value is at the bottom and the highest at the top.

    :param width: in pixels, like ``height``
    """
    shown = in_period(points, first, last)
    values = [value for _, value in shown] or [0]
    plane = Plane(
        left=_MARGIN,
        top=_MARGIN,
        width=width - 2 * _MARGIN,
        height=height - 2 * _MARGIN,
        first=first,
        last=last,
        lowest=min(values),
        highest=max(values),
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
