"""The lines and dots of each kind of source: told apart by shape, in every colour and in none."""

from collections.abc import Collection, Mapping
from functools import partial

from api.charts.legend import Legend, Swatch, fit_legend, widest_text
from api.charts.path import px
from api.charts.source import Kind, Source
from api.charts.text import shorten

_RECONSTRUCTED = "stars still held today, by GitHub's history"
_GAP = "not recorded"


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


def source_legend(
    sources: Collection[Source],
    width: int,
    room: float,
    font_px: float,
    *,
    has_gaps: bool,
    more: Mapping[Swatch, str],
) -> Legend:
    """Return the legend of gaps, of more, and of these sources; of these only if there are several.

    :param room: pixels that it may take; texts are shortened to fit
    """
    others: dict[Swatch, str] = {gap_sample: _GAP} if has_gaps else {}
    others.update(more)
    if len(sources) < 2:
        return fit_legend([others], width, room, font_px) if others else Legend((), font_px)
    kinds = sorted({source.kind for source in sources})
    names = ", ".join(sorted(source.name for source in sources if source.name))
    short = {kind: kind.text for kind in kinds}
    named, whole = dict(short), widest_text(width, font_px)
    if names:
        named[Kind.IMPORTED] = shorten(f"{Kind.IMPORTED.text}: {names}", whole, font_px)
    long = {kind: _RECONSTRUCTED if kind is Kind.RECONSTRUCTED else named[kind] for kind in kinds}
    swatches: dict[Kind, Swatch] = {kind: partial(_sample, kind, font_px) for kind in kinds}
    texts = (
        {swatches[kind]: each[kind] for kind in kinds} | others for each in (long, named, short)
    )
    return fit_legend(texts, width, room, font_px)


def gap_sample(left: float, middle: float, width: float) -> str:
    """Draw a sample of a gap for a legend."""
    return (
        f'<rect class="gap" x="{px(left)}" y="{px(middle - width / 4)}" width="{px(width)}"'
        f' height="{px(width / 2)}"/>'
    )


def _sample(kind: Kind, font_px: float, left: float, middle: float, width: float) -> str:
    start, style = f"M{px(left)} {px(middle)}", line_style(kind, font_px)
    line = f'<path class="line0" d="{start}h{px(width)}" {style}/>'
    if kind is not Kind.IMPORTED:
        return line
    # Files often have a day here and a day there.
    return line + dot(kind, left + width / 2, middle, colour=0, radius=2.5)
