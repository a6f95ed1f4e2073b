"""Text in pictures: how wide it is at most, shortened to fit, and escaped.

Which font there is, nobody knows before the picture is looked at: widths are those of a wide one.
"""

import re
import unicodedata
from html import escape

FONTS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
"""What the reader's system has; nothing is fetched."""

_ELLIPSIS = "…"
_JOINER = "\u200d"

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Control characters and halves of surrogate pairs, which no XML may hold in any spelling."""


def escaped(text: str) -> str:
    """Return text as it may stand in XML, between tags and in an attribute."""
    return escape(_NO_XML.sub("\ufffd", text))


def breadth(text: str, size: float) -> float:
    """Return how many pixels wide a text is at most, nearly, in a font of so many."""
    return sum(map(_em, text)) * size


def shortened(text: str, room: float, size: float) -> str:
    """Return text that fits into so many pixels; an ellipsis stands for what does not.

    A character is left out with all that belongs to it, so that no accent or half of an emoji
    is left over.
    """
    if breadth(text, size) <= room:
        return text
    left = room - breadth(_ELLIPSIS, size)
    kept = 0
    for character in text:
        left -= _em(character) * size
        if left < 0:
            break
        kept += 1
    while kept and (_belongs_before(text[kept]) or text[kept - 1] == _JOINER):
        kept -= 1
    return text[:kept].rstrip() + _ELLIPSIS


def _belongs_before(character: str) -> bool:
    return _is_mark(character) or "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_mark(character: str) -> bool:
    """Tell whether it has no width of its own: an accent, a joiner, a change of direction."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}


def _em(character: str) -> float:
    if _is_mark(character):
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.3
    if character in "ijlt.,:;'|!()[] ":
        return 0.42
    if character in "mwMW@%…—":
        return 1.0
    if character.isupper():
        return 0.76
    # Digits and most small letters; scripts that are not Latin may be wider.
    return 0.64 if character.isascii() else 0.85
