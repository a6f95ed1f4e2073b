"""What charts have around their panels: document, heading and axis of days."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise

from api.charts.axes import DayTick, day_ticks
from api.charts.path import Plane, px
from api.charts.place import Place
from api.charts.readout import Readout
from api.charts.text import FONTS, escape, shorten, text_element, text_width
from api.charts.theme import Theme, style_element

MIN_WIDTH, MAX_WIDTH = 300, 2000
MIN_HEIGHT, MAX_HEIGHT = 200, 1000
"""Pixels; a chart of three series is readable at each of these sizes."""


def document(
    title: str,
    description: str,
    parts: Sequence[str],
    *,
    size: tuple[int, int],
    place: Place,
    theme: Theme,
    classes: Mapping[str, tuple[str, str]],
    numbers: Readout | None = None,
) -> str:
    """Return the SVG document of a chart.

    :param classes: as for `style_element`; ``paper`` among them
    :param numbers: for the script of a page
    """
    width, height = size
    # Quotes need no escape in an element, and there are many.
    json = escape(numbers.to_json()).replace("&quot;", '"') if numbers else ""
    metadata = f"<metadata>{json}</metadata>" if numbers else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="{FONTS}"'
        f' font-size="{px(place.font_px(width))}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{metadata}{style_element(theme, classes)}"
        f'<rect class="paper" width="{width}" height="{height}" rx="6"/>{"".join(parts)}</svg>'
    )


def heading(title: str, last_day: date | None, width: int, font_px: float) -> str:
    """Write the title on the left and the last day with a value on the right."""
    day = last_day.isoformat() if last_day else ""
    title_px = 1.15 * font_px
    max_px = width - 3 * font_px - text_width(day, font_px)
    # Bold text is about 5 % wider.
    shown = shorten(title, max_px, title_px * 1.05)
    baseline = 1.6 * font_px
    return text_element(
        shown, font_px, baseline, 'class="ink"', font_px=title_px, bold=True
    ) + text_element(day, width - 1.2 * font_px, baseline, 'class="faint" text-anchor="end"')


def day_axis(plane: Plane, width: int, font_px: float) -> str:
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


def value_axis(plane: Plane, ticks: Sequence[int], font_px: float) -> Iterator[str]:
    """Draw the grid of a panel, and the values of its lines on the left."""
    # A low panel has room for the labels of the outer ticks only.
    is_low = plane.height / (len(ticks) - 1) < 1.3 * font_px
    for tick in ticks:
        y = plane.y(tick)
        yield f'<path class="grid" d="M{px(plane.left)} {px(y)}h{px(plane.width)}"/>'
        if not is_low or tick in {ticks[0], ticks[-1]}:
            yield text_element(
                value_label(tick),
                plane.left - 0.5 * font_px,
                y + 0.35 * font_px,
                'class="faint" text-anchor="end"',
            )


def value_label(value: int) -> str:
    """Format a value of an axis."""
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")
