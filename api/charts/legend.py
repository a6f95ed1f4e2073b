"""The legend of a chart: rows of swatches with their texts, below the axis of days."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.charts.text import shorten, text_element, text_width

Swatch = Callable[[float, float, float], str]
"""Draws a sample from a left edge, around a middle, with a width; all in pixels."""

_MAX_ROWS = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A swatch and its text, between two x coordinates."""

    swatch: Swatch
    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Legend:
    """The rows of a legend; there may be none."""

    rows: Sequence[Sequence[Entry]]
    font_px: float

    @property
    def height(self) -> float:
        """The height in pixels."""
        return _row_height(self.font_px) * len(self.rows)

    def draw(self, height: int) -> Iterator[str]:
        """Draw the legend at the bottom of a picture of a height."""
        top = height - self.height - 0.25 * self.font_px
        for number, row in enumerate(self.rows):
            middle = top + (number + 0.5) * _row_height(self.font_px)
            for entry in row:
                yield entry.swatch(entry.left, middle, _swatch_width(self.font_px))
                yield text_element(
                    entry.text,
                    entry.left + _before_text(self.font_px),
                    middle + 0.35 * self.font_px,
                    'class="ink"',
                )


def fit_legend(
    texts: Iterable[Mapping[Swatch, str]], width: int, room: float, font_px: float
) -> Legend:
    """Return a legend with the first texts that fit; the last ones are cut if none does.

    :param texts: one or more ways to label the same swatches, the longest first
    :param room: pixels that the legend may take below the axis of days; one row is always allowed
    """
    most = min(max(int(room / _row_height(font_px)), 1), _MAX_ROWS)
    shown: Mapping[Swatch, str] = {}
    for shown in texts:
        rows = _rows(shown, width, font_px)
        if len(rows) <= most and all(entry.right <= width for row in rows for entry in row):
            return Legend(rows, font_px)
    share = (width - font_px) / len(shown) - _before_text(font_px) - font_px
    cut = {swatch: shorten(text, share, font_px) for swatch, text in shown.items()}
    return Legend(_rows(cut, width, font_px), font_px)


def widest_text(width: int, font_px: float) -> float:
    """Return how wide a text can be that has a row for itself, in pixels."""
    return width - 2 * font_px - _before_text(font_px)


def _rows(texts: Mapping[Swatch, str], width: int, font_px: float) -> list[list[Entry]]:
    """Place the entries from left to right, in as few rows as they need."""
    rows: list[list[Entry]] = [[]]
    left = font_px
    for swatch, text in texts.items():
        needed = _before_text(font_px) + text_width(text, font_px)
        if rows[-1] and left + needed > width - font_px:
            rows.append([])
            left = font_px
        rows[-1].append(Entry(swatch, text, left, left + needed))
        left += needed + font_px
    return rows


def _before_text(font_px: float) -> float:
    return _swatch_width(font_px) + 0.5 * font_px


def _row_height(font_px: float) -> float:
    return 1.5 * font_px


def _swatch_width(font_px: float) -> float:
    return 2.5 * font_px
