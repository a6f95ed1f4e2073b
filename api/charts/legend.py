"""The legend of a chart: the sources of its values, each with its line."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from api.charts.path import px
from api.charts.source import Kind, Source
from api.charts.style import dot, line_style
from api.charts.text import shorten, text_element, text_width

_RECONSTRUCTED = "stars still held today, by GitHub's history"

_MAX_ROWS = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A line and its text, between two x coordinates."""

    kind: Kind
    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Legend:
    """The rows of a legend; none if the chart has a single source."""

    rows: Sequence[Sequence[Entry]]
    font_px: float

    @property
    def height(self) -> float:
        """The height in pixels."""
        return _row_height(self.font_px) * len(self.rows)

    def draw(self, top: float) -> Iterator[str]:
        """Draw the legend below a y coordinate."""
        for number, row in enumerate(self.rows):
            middle = top + (number + 0.5) * _row_height(self.font_px)
            for entry in row:
                yield (
                    f'<path class="line0" d="M{px(entry.left)} {px(middle)}'
                    f'h{px(_line_width(self.font_px))}" {line_style(entry.kind, self.font_px)}/>'
                )
                if entry.kind is Kind.IMPORTED:
                    # Files often have a day here and a day there.
                    centre = entry.left + _line_width(self.font_px) / 2
                    yield dot(entry.kind, centre, middle, colour=0, radius=2.5)
                yield text_element(
                    entry.text,
                    entry.left + _before_text(self.font_px),
                    middle + 0.35 * self.font_px,
                    'class="ink"',
                )


def make_legend(sources: Collection[Source], width: int, room: float, font_px: float) -> Legend:
    """Return the legend of a picture that shows these sources.

    :param room: pixels that it may take below the axis of days; texts are shortened to fit
    """
    if len(sources) < 2:
        return Legend((), font_px)
    most = min(max(int(room / _row_height(font_px)), 1), _MAX_ROWS)
    texts = {kind: kind.text for kind in sorted({source.kind for source in sources})}
    names = ", ".join(sorted(source.name for source in sources if source.name))
    whole = width - 2 * font_px - _before_text(font_px)
    imports = {Kind.IMPORTED: shorten(f"{Kind.IMPORTED.text}: {names}", whole, font_px)}
    history = {Kind.RECONSTRUCTED: _RECONSTRUCTED} if Kind.RECONSTRUCTED in texts else {}
    share = (width - font_px) / len(texts) - _before_text(font_px) - font_px
    for attempt in (
        texts | (imports if names else {}) | history,
        texts | (imports if names else {}),
        texts,
        {kind: shorten(text, share, font_px) for kind, text in texts.items()},
    ):
        rows = _rows(attempt, width, font_px)
        if len(rows) <= most and all(entry.right <= width for row in rows for entry in row):
            return Legend(rows, font_px)
    raise AssertionError("unreachable: the shortest texts fit in one row")


def _rows(texts: dict[Kind, str], width: int, font_px: float) -> list[list[Entry]]:
    """Place the entries from left to right, in as few rows as they need."""
    rows: list[list[Entry]] = [[]]
    left = font_px
    for kind, text in texts.items():
        needed = _before_text(font_px) + text_width(text, font_px)
        if rows[-1] and left + needed > width - font_px:
            rows.append([])
            left = font_px
        rows[-1].append(Entry(kind, text, left, left + needed))
        left += needed + font_px
    return rows


def _before_text(font_px: float) -> float:
    return _line_width(font_px) + 0.5 * font_px


def _row_height(font_px: float) -> float:
    return 1.5 * font_px


def _line_width(font_px: float) -> float:
    return 2.5 * font_px
