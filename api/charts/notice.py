"""A picture of a sentence, in place of one that cannot be shown."""

from collections.abc import Iterator

from api.charts.frame import document
from api.charts.place import Place
from api.charts.text import shorten, text_element, text_width
from api.charts.theme import Theme

_CLASSES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
}


def notice(title: str, text: str, *, width: int, height: int, theme: Theme = Theme.AUTO) -> str:
    """Draw a title and a text below it, in as many lines as there is room for.

    :param width: in pixels, like ``height``; with the limits of `line_chart`
    """
    font_px = Place.README.font_px(width)
    left, step = 1.5 * font_px, 1.5 * font_px
    most = max(int((height - 4 * font_px) / step), 1)
    lines = list(_wrap(text, width - 2 * left, font_px))
    if len(lines) > most:
        lines[most - 1 :] = [shorten(" ".join(lines[most - 1 :]), width - 2 * left, font_px)]
    top = (height - len(lines) * step) / 2
    edge = (
        f'<rect class="grid" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"'
        ' fill="none"/>'
    )
    return document(
        title,
        text,
        [
            edge,
            text_element(
                shorten(title, width - 2 * left, font_px * 1.05),
                left,
                top,
                'class="ink"',
                bold=True,
            ),
            *(
                text_element(line, left, top + number * step, 'class="faint"')
                for number, line in enumerate(lines, 1)
            ),
        ],
        size=(width, height),
        place=Place.README,
        theme=theme,
        classes=_CLASSES,
    )


def _wrap(text: str, max_px: float, font_px: float) -> Iterator[str]:
    """Break a text into lines between words; a word that is wider than a line is shortened."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, font_px) > max_px:
            yield line
            longer = word
        line = shorten(longer, max_px, font_px)
    if line:
        yield line
