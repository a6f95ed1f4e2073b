"""The lines and dots of each kind of source: told apart by shape, in every colour and in none."""

from api.charts.path import px
from api.charts.source import Kind


def line_style(kind: Kind, font_px: float) -> str:
    """Return the attributes of a line; dashes grow with the font, as the picture may shrink."""
    unit = font_px / 12
    match kind:
        case Kind.OBSERVED:
            return 'stroke-width="2" stroke-linejoin="round"'
        case Kind.IMPORTED:
            # Dashes of no length with round ends are dots.
            return (
                f'stroke-width="{px(2 * unit)}" stroke-dasharray="0 {px(4 * unit)}"'
                ' stroke-linecap="round"'
            )
        case Kind.RECONSTRUCTED:
            return f'stroke-width="1.25" stroke-dasharray="{px(6 * unit)} {px(3 * unit)}"'


def dot(kind: Kind, x: float, y: float, colour: int, radius: float) -> str:
    """Draw the dot of a day: filled, or a hollow square if imported, or hollow.

    :param colour: the number of the series' colour, from 1; 0 is the colour of text
    """
    if kind is Kind.OBSERVED:
        return f'<circle class="dot{colour}" cx="{px(x)}" cy="{px(y)}" r="{radius}"/>'
    hollow = f'class="line{colour}" fill="none" stroke-width="1.2"'
    if kind is Kind.RECONSTRUCTED:
        return f'<circle {hollow} cx="{px(x)}" cy="{px(y)}" r="{radius}"/>'
    return (
        f'<rect {hollow} x="{px(x - radius)}" y="{px(y - radius)}"'
        f' width="{px(2 * radius)}" height="{px(2 * radius)}"/>'
    )
