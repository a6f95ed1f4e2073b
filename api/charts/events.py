"""Events on the axis of days: a line through the panels, and a triangle below them."""

from collections.abc import Iterator, Sequence
from datetime import date

from api.charts.path import Plane, px

Event = tuple[date, str]
"""A day and a text."""

CLASSES = {"event": ("stroke", "faint"), "mark": ("fill", "ink")}
LEGEND = "note or release"


def draw_events(events: Sequence[Event], planes: Sequence[Plane], font_px: float) -> Iterator[str]:
    """Draw the days of events, each once.

    :param planes: from the top; all have the same days
    """
    lowest = planes[-1]
    for day in sorted({day for day, _ in events if lowest.first <= day <= lowest.last}):
        x = lowest.x(day)
        lines = "".join(f"M{px(x)} {px(plane.top)}v{px(plane.height)}" for plane in planes)
        yield f'<path class="event" stroke-dasharray="1 3" d="{lines}"/>'
        yield _triangle(x, lowest.bottom + 1, font_px)


def sample(left: float, middle: float, width: float) -> str:
    """Draw a sample for a legend."""
    return _triangle(left + width / 2, middle - width / 10, width / 2.5)


def _triangle(x: float, top: float, font_px: float) -> str:
    half, height = 0.3 * font_px, 0.5 * font_px
    return f'<path class="mark" d="M{px(x)} {px(top)}l{px(-half)} {px(height)}h{px(2 * half)}z"/>'
