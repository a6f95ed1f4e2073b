"""A line without axes, as high as a line of text."""

from collections.abc import Sequence
from datetime import date

from api.charts.strokes import Plane, Point, dots, lines, number, runs, within

_MARGIN = 2
"""Pixels, so that no stroke is cut off at an edge."""


def sparkline(
    points: Sequence[Point], *, first: date, last: date, width: int = 120, height: int = 28
) -> str:
    """Draw the ascending points of a period, to be put into a page as it is.

    It has the colour of the text around it, and is nothing to a screen reader: the numbers are to
    be beside it. The lowest value is at the bottom and the highest at the top.

    :param width: pixels, as ``height``
    """
    shown = within(points, first, last)
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
    stretches = runs(shown)
    parts = [
        f'<circle cx="{number(x)}" cy="{number(y)}" r="1.5" fill="currentColor"/>'
        for x, y in dots(stretches, plane)
    ]
    if path := lines(stretches, plane):
        parts.append(
            f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.5"'
            ' stroke-linejoin="round"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sparkline" width="{width}"'
        f' height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f"{''.join(parts)}</svg>"
    )
