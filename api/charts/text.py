"""Text in SVG: measure, shorten and escape it.

The reader's font is not known here: widths are estimated for a wide one.
"""

import html
import re
import unicodedata

from api.charts.path import px

FONTS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
"""Fonts of the reader's system; no font is downloaded."""

_ELLIPSIS = "…"
_ZERO_WIDTH_JOINER = "\u200d"

_INVALID_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters and lone surrogates, which XML does not allow even as references."""


def valid_in_xml(text: str) -> str:
    """Return the text with U+FFFD for characters that XML does not allow."""
    return _INVALID_IN_XML.sub("\ufffd", text)


def escape(text: str) -> str:
    """Escape text for XML content and attributes; invalid characters become U+FFFD."""
    return html.escape(valid_in_xml(text))


def text_width(text: str, font_px: float) -> float:
    """Return an upper estimate of the width of a text in pixels."""
    return sum(map(_em, text)) * font_px


def shorten(text: str, max_px: float, font_px: float) -> str:
    """Return the text, cut and ended with an ellipsis if it is wider than ``max_px`` pixels.

    Accents and the parts of an emoji stay with their base character.
    """
    if text_width(text, font_px) <= max_px:
        return text
    left = max_px - text_width(_ELLIPSIS, font_px)
    kept = 0
    for character in text:
        left -= _em(character) * font_px
        if left < 0:
            break
        kept += 1
    while kept and (_extends_previous(text[kept]) or text[kept - 1] == _ZERO_WIDTH_JOINER):
        kept -= 1
    return text[:kept].rstrip() + _ELLIPSIS


def text_element(
    text: str, x: float, y: float, attributes: str, *, font_px: float = 0, bold: bool = False
) -> str:
    """Return a ``<text>`` element, or nothing for empty text.

    :param attributes: further attributes, as XML
    :param font_px: the size of the font; zero inherits that of the picture
    """
    if not text:
        return ""
    font = (f' font-size="{px(font_px)}"' if font_px else "") + (
        ' font-weight="600"' if bold else ""
    )
    return f'<text {attributes} x="{px(x)}" y="{px(y)}"{font}>{escape(text)}</text>'


def _extends_previous(character: str) -> bool:
    is_skin_tone = "\U0001f3fb" <= character <= "\U0001f3ff"
    return is_skin_tone or _has_no_width(character)


def _has_no_width(character: str) -> bool:
    """Tell whether a character is a combining mark, a joiner or a direction mark."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}


def _em(character: str) -> float:
    """Return the width of a character as a multiple of the font size."""
    if _has_no_width(character):
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.3
    if character in "ijlt.,:;'|!()[] ":
        return 0.42
    if character in "mwMW@%…—":
        return 1.0
    if character.isupper():
        return 0.76
    # Digits and most lower-case letters; other scripts than Latin may be wider.
    return 0.64 if character.isascii() else 0.85
