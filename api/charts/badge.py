"""A badge: a label and a value on one line of text."""

from dataclasses import dataclass
from enum import StrEnum

from api.charts.icons import Icon, draw_icon
from api.charts.path import px
from api.charts.text import FONTS, escape, shorten, text_width
from api.charts.theme import Theme, style_element

_USUAL_WIDTH = 0.88
"""Share of the estimated width that most texts need; wider ones are compressed a little."""

_MAX_TEXT_WIDTH = 200
"""Pixels, at the size of the usual badge."""

_CLASSES = {"label": ("fill", "label"), "value": ("fill", "value")}

_DARK_TEXT, _LIGHT_TEXT = "#1f2328", "#fff"

NAMED_COLOURS = {
    "brightgreen": "#44cc11",
    "green": "#97ca00",
    "yellowgreen": "#a4a61d",
    "yellow": "#dfb317",
    "orange": "#fe7d37",
    "red": "#e05d44",
    "blue": "#007ec6",
    "lightgrey": "#9f9f9f",
    "grey": "#555555",
}
"""The names that people know from other badges."""


class Style(StrEnum):
    """The shape of a badge."""

    FLAT = "flat"
    FLAT_SQUARE = "flat-square"
    FOR_THE_BADGE = "for-the-badge"
    """Higher, in capitals."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Measures in pixels."""

    height: int
    font: int
    padding: int
    radius: int
    icon: int
    is_bold: bool = False


_SHAPES = {
    Style.FLAT: _Shape(height=20, font=11, padding=6, radius=3, icon=14),
    Style.FLAT_SQUARE: _Shape(height=20, font=11, padding=6, radius=0, icon=14),
    Style.FOR_THE_BADGE: _Shape(height=28, font=11, padding=10, radius=0, icon=16, is_bold=True),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a badge looks.

    :param colour: of the value, as ``#rrggbb``; None for that of the theme
    :param label_colour: likewise
    :param icon: before the label
    """

    style: Style = Style.FLAT
    colour: str | None = None
    label_colour: str | None = None
    icon: Icon | None = None


def read_colour(text: str) -> str | None:
    """Return a colour as ``#rrggbb``: one of ``NAMED_COLOURS``, or three or six digits."""
    named = NAMED_COLOURS.get(text.lower())
    if named is not None:
        return named
    digits = text.removeprefix("#").lower()
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    is_valid = len(digits) == 6 and all(digit in "0123456789abcdef" for digit in digits)
    return f"#{digits}" if is_valid else None


def shorten_number(value: int) -> str:
    """Return a number with three digits at most: 999, 1.2k, 300k, 1.3M. It is never rounded up."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if value >= size:
            tenths = value * 10 // size
            return (
                f"{tenths // 10}.{tenths % 10}{unit}" if tenths < 100 else f"{value // size}{unit}"
            )
    return str(value)


def badge(label: str, value: str, *, theme: Theme = Theme.AUTO, look: Look | None = None) -> str:
    """Draw a badge as an SVG document, 20 or 28 pixels high; long texts end in an ellipsis."""
    look = look or Look()
    shape = _SHAPES[look.style]
    title = escape(f"{label}: {value}")
    parts = []
    left = 0.0
    for name, text, colour in (
        ("label", label, look.label_colour),
        ("value", value, look.colour),
    ):
        shown = shorten(_cased(text, look.style), _MAX_TEXT_WIDTH, shape.font)
        text_length = text_width(shown, shape.font) * _USUAL_WIDTH
        icon_width = shape.icon + shape.padding // 2 if name == "label" and look.icon else 0
        part_width = text_length + 2 * shape.padding + icon_width
        ink = _ink(colour)
        fill = f' style="fill:{colour}"' if colour else ""
        parts.append(
            f'<rect class="{name}"{fill} x="{px(left)}" width="{px(part_width)}"'
            f' height="{shape.height}"/>'
        )
        if icon_width and look.icon:
            parts.append(
                draw_icon(
                    look.icon,
                    left + shape.padding,
                    (shape.height - shape.icon) / 2,
                    size=shape.icon,
                    colour=ink,
                )
            )
        parts.append(
            # textLength makes the text fit its part in every font.
            f'<text x="{px(left + shape.padding + icon_width)}"'
            f' y="{px(shape.height / 2 + shape.font * 0.36)}" textLength="{px(text_length)}"'
            f' lengthAdjust="spacingAndGlyphs" fill="{ink}">{escape(shown)}</text>'
        )
        left += part_width
    width = px(left)
    weight = ' font-weight="600"' if shape.is_bold else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}"'
        f' height="{shape.height}" viewBox="0 0 {width} {shape.height}" font-family="{FONTS}"'
        f' font-size="{shape.font}"{weight}>'
        f"<title>{title}</title>{style_element(theme, _CLASSES)}"
        f'<clipPath id="edge"><rect width="{width}" height="{shape.height}" rx="{shape.radius}"/>'
        f'</clipPath><g clip-path="url(#edge)">{"".join(parts)}</g></svg>'
    )


def _cased(text: str, style: Style) -> str:
    return text.upper() if style is Style.FOR_THE_BADGE else text


def _ink(colour: str | None) -> str:
    """Return the colour of text that has the greater contrast with a background."""
    if colour is None:
        return _LIGHT_TEXT
    luminance = _luminance(colour)
    with_light = 1.05 / (luminance + 0.05)
    with_dark = (luminance + 0.05) / (_luminance(_DARK_TEXT) + 0.05)
    return _LIGHT_TEXT if with_light >= with_dark else _DARK_TEXT


def _luminance(colour: str) -> float:
    """Return the relative luminance, as WCAG 2 defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
