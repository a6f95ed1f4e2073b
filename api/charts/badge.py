"""A label and a value on one line of text."""

from api.charts.lettering import FONTS, breadth, escaped, shortened
from api.charts.strokes import number
from api.charts.theme import Theme, styled

_HEIGHT = 20
_LETTERS = 11
_PADDING = 6
_WIDEST_PART = 200
"""Pixels, as the others are."""

_USUAL = 0.88
"""Of the room that the widest letters need; wider ones are pressed together a little."""

_RULES = {"label": ("fill", "label"), "value": ("fill", "value")}


def badge(label: str, value: str, *, theme: Theme = Theme.AUTO) -> str:
    """Draw a badge, an SVG document 20 pixels high; what is too long for it ends in an ellipsis."""
    parts = []
    left = 0.0
    for name, text in (("label", label), ("value", value)):
        shown = shortened(text, _WIDEST_PART, _LETTERS)
        letters = breadth(shown, _LETTERS) * _USUAL
        wide = letters + 2 * _PADDING
        parts.append(
            f'<rect class="{name}" x="{number(left)}" width="{number(wide)}" height="{_HEIGHT}"/>'
            # Whichever font there is, the text takes the room it was given.
            f'<text x="{number(left + _PADDING)}" y="14" textLength="{number(letters)}"'
            f' lengthAdjust="spacingAndGlyphs" fill="#fff">{escaped(shown)}</text>'
        )
        left += wide
    width = number(left)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{_HEIGHT}"'
        f' viewBox="0 0 {width} {_HEIGHT}" font-family="{FONTS}" font-size="{_LETTERS}">'
        f"<title>{escaped(f'{label}: {value}')}</title>{styled(theme, _RULES)}"
        f'<clipPath id="edge"><rect width="{width}" height="{_HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#edge)">{"".join(parts)}</g></svg>'
    )
