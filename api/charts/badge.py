"""A badge: a label and a value on one line of text."""

from api.charts.path import px
from api.charts.text import FONTS, escape, shorten, text_width
from api.charts.theme import Theme, style_element

_HEIGHT = 20
_FONT_SIZE = 11
_PADDING = 6
_MAX_TEXT_WIDTH = 200
"""All of these in pixels."""

_USUAL_WIDTH = 0.88
"""Share of the estimated width that most texts need; wider ones are compressed a little."""

_CLASSES = {"label": ("fill", "label"), "value": ("fill", "value")}


def badge(label: str, value: str, *, theme: Theme = Theme.AUTO) -> str:
    """Draw a badge as an SVG document, 20 pixels high; long texts end in an ellipsis."""
    parts = []
    left = 0.0
    for name, text in (("label", label), ("value", value)):
        shown = shorten(text, _MAX_TEXT_WIDTH, _FONT_SIZE)
        text_length = text_width(shown, _FONT_SIZE) * _USUAL_WIDTH
        part_width = text_length + 2 * _PADDING
        parts.append(
            f'<rect class="{name}" x="{px(left)}" width="{px(part_width)}" height="{_HEIGHT}"/>'
            # textLength makes the text fit its part in every font.
            f'<text x="{px(left + _PADDING)}" y="14" textLength="{px(text_length)}"'
            f' lengthAdjust="spacingAndGlyphs" fill="#fff">{escape(shown)}</text>'
        )
        left += part_width
    width = px(left)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{_HEIGHT}"'
        f' viewBox="0 0 {width} {_HEIGHT}" font-family="{FONTS}" font-size="{_FONT_SIZE}">'
        f"<title>{escape(f'{label}: {value}')}</title>{style_element(theme, _CLASSES)}"
        f'<clipPath id="edge"><rect width="{width}" height="{_HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#edge)">{"".join(parts)}</g></svg>'
    )
