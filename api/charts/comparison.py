"""A chart of up to twenty lines with a common axis, their names at their ends."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from api.charts.axes import log_ticks, signed_ticks, value_ticks
from api.charts.curve import Curve, Look, Run, Scale, path_of, runs
from api.charts.curve_readout import Plot, readout_of
from api.charts.frame import day_axis, document, heading, value_label
from api.charts.path import Plane, px
from api.charts.place import Place
from api.charts.text import shorten, text_element, text_width
from api.charts.theme import COMPARED_COLOURS, Theme

_HEADING, _MARGIN, _DAY_AXIS = 3.0, 1.0, 2.0
"""Heights of the parts of the chart, as multiples of the font size."""

_MAX_NAMES = 0.34
"""The greatest part of the width that the names may take."""

_SAMPLE = 1.6
"""The width of the sample of a line before its name, as a multiple of the font size."""

_NAME, _SMALLEST_NAME = 0.9, 8 / 12
"""The sizes of names, as multiples of the font size."""

_ROW = 1.3
"""The height of a name, as a multiple of its size."""

_DASHES = ((), (6, 3), (2, 2.5), (9, 3, 2, 3), (12, 3))
"""Lengths of dashes and of the spaces between them, at the usual font size."""

_WIDE = 600
"""Pixels; a chart of this width on a page has room for full names."""

_USUAL_FONT = 12

_WIDE_GAP = 3
"""Pixels; narrower gaps have no dots at their edges."""

_CLASSES = {
    "paper": ("fill", "paper"),
    "ink": ("fill", "ink"),
    "faint": ("fill", "faint"),
    "grid": ("stroke", "grid"),
    "zero": ("stroke", "faint"),
    **{f"line{number}": ("stroke", f"compared{number}") for number in range(COMPARED_COLOURS)},
    **{f"dot{number}": ("fill", f"compared{number}") for number in range(COMPARED_COLOURS)},
}


def comparison_chart(
    title: str,
    curves: Sequence[Curve],
    *,
    first: int,
    last: int,
    look: Look,
    width: int = 800,
    height: int = 400,
    place: Place = Place.README,
    theme: Theme = Theme.AUTO,
) -> str:
    """Draw curves over the days from first to last, both included, as an SVG document.

    The axis of days begins with the first value. Each curve has a colour and dashes that none
    beside it has, and its name at its end. Values that were not observed have a thinner line.
    For a page there is no title, and the numbers are in the document.

    :param title: what a value is
    :param width: in pixels, like ``height``; with the limits of `line_chart`
    """
    font_px = place.font_px(width)
    if look.is_log:
        curves = [_positive(curve) for curve in curves]
    description = " ".join(_describe(curve, look) for curve in curves)
    if place.is_page:
        curves = _without_owner(curves, width)
    shown = [curve for curve in curves if curve.days]
    begin = min((curve.days[0] for curve in shown), default=first)
    end = max((curve.days[-1] for curve in shown), default=last) if look.is_aligned else last
    top = (_MARGIN if place.is_page else _HEADING) * font_px
    bottom = height - _DAY_AXIS * font_px
    ticks = _ticks(shown, look, int((bottom - top) / (2 * font_px)) + 1)
    left = font_px + max(text_width(value_label(tick), font_px) for tick in ticks)
    names = _Names(curves, top=top, bottom=bottom, width=width, font_px=font_px)
    # Each day has a slot, and its value is in the middle of it.
    x = Scale(begin - 0.5, end + 0.5, left, width - names.width)
    y = Scale(ticks[0], ticks[-1], bottom, top, look.is_log)
    newest = max((curve.days[-1] for curve in shown), default=None)
    day = None if newest is None or look.is_aligned else date.fromordinal(newest)
    return document(
        title,
        description,
        [
            "" if place.is_page else heading(title, day, width, font_px),
            *_value_axis(x, y, ticks, font_px),
            _axis_of_days(x, bottom, look, width, font_px),
            *(_draw(curve, number, x, y, font_px) for number, curve in enumerate(curves)),
            *names.draw(y),
            *(() if shown else _note_if_empty(x, y, font_px)),
        ],
        size=(width, height),
        place=place,
        theme=theme,
        classes=_CLASSES,
        numbers=readout_of(curves, Plot(x, y, begin, end), look) if place.is_page else None,
    )


def _without_owner(curves: Sequence[Curve], width: int) -> Sequence[Curve]:
    """Return the curves without the owners before their names, where these say enough.

    They do if all have the same owner, and on a phone, which has no room for more, if no two
    curves would have the same name. The page has the full names in its table.
    """
    owners = {curve.name.rpartition("/")[0] for curve in curves}
    names = [curve.name.rpartition("/")[2] for curve in curves]
    if len(owners) > 1 and (width >= _WIDE or len(set(names)) < len(names)):
        return curves
    return [replace(curve, name=name) for curve, name in zip(curves, names, strict=True)]


def _positive(curve: Curve) -> Curve:
    """Return the curve without values that a logarithmic scale does not have."""
    if min(curve.values, default=1) > 0:
        return curve
    kept = [place for place, value in enumerate(curve.values) if value > 0]
    return Curve(
        curve.name,
        [curve.days[place] for place in kept],
        [curve.steps[place] for place in kept],
        [curve.values[place] for place in kept],
        [curve.is_observed[place] for place in kept],
    )


def _ticks(curves: Sequence[Curve], look: Look, most: int) -> list[int]:
    if not curves:
        return [0, 1]
    lowest = min(min(curve.values) for curve in curves)
    highest = max(max(curve.values) for curve in curves)
    if look.is_log:
        return log_ticks(lowest, highest, most=most)
    whole_lowest, whole_highest = int(lowest // 1), -int(-highest // 1)
    if look.has_zero:
        return signed_ticks(max(-whole_lowest, 0), max(whole_highest, 0), most=most)
    return value_ticks(whole_lowest, whole_highest, most=most)


def _value_axis(x: Scale, y: Scale, ticks: Sequence[int], font_px: float) -> Iterator[str]:
    free = float("inf")
    for tick in ticks:
        at = y.place(tick)
        name = "zero" if tick == 0 and ticks[0] < 0 else "grid"
        yield f'<path class="{name}" d="M{px(x.start)} {px(at)}H{px(x.stop)}"/>'
        # Labels of a logarithmic scale may be too near each other.
        if at + 1.2 * font_px <= free:
            free = at
            yield text_element(
                value_label(tick),
                x.start - 0.5 * font_px,
                at + 0.35 * font_px,
                'class="faint" text-anchor="end"',
            )


def _axis_of_days(x: Scale, bottom: float, look: Look, width: int, font_px: float) -> str:
    if not look.is_aligned:
        plane = Plane(
            left=x.start,
            top=0,
            width=x.stop - x.start,
            height=bottom,
            first=date.fromordinal(int(x.low + 0.5)),
            last=date.fromordinal(int(x.high - 0.5)),
            lowest=0,
            highest=1,
        )
        return day_axis(plane, width, font_px)
    most = max(int((x.stop - x.start) / (4 * font_px)), 1)
    return "".join(
        f'<path class="grid" d="M{px(at)} {px(bottom)}v{px(font_px / 3)}"/>'
        + text_element(text, at, bottom + 1.5 * font_px, 'class="faint" text-anchor="middle"')
        for day, text in _age_ticks(int(x.high - 0.5), most)
        for at in [x.place(day)]
    )


def _age_ticks(last: int, most: int) -> list[tuple[int, str]]:
    """Return numbers of days with their labels: days, or years of 365 days."""
    for unit, name, steps in (
        (1, "d", (1, 2, 5, 10, 20, 50, 100)),
        (365, "y", (1, 2, 5, 10, 20, 50)),
    ):
        for step in steps:
            if last // (unit * step) <= most:
                return [(day, f"{day // unit} {name}") for day in range(0, last + 1, unit * step)]
    return [(0, "0 d")]


def line_number(number: int) -> tuple[int, tuple[float, ...]]:
    """Return the colour and the dashes of a line; no two of thirty-five have both in common."""
    return number % COMPARED_COLOURS, _DASHES[number % len(_DASHES)]


def _style(number: int, font_px: float, *, is_observed: bool = True) -> str:
    colour, dashes = line_number(number)
    unit = font_px / _USUAL_FONT
    drawn = " ".join(px(length * unit) for length in dashes)
    dashed = f' stroke-dasharray="{drawn}"' if drawn else ""
    width = 2.2 if is_observed else 1
    return (
        f'class="line{colour}" fill="none" stroke-width="{width}" stroke-linejoin="round"{dashed}'
    )


def _draw(curve: Curve, number: int, x: Scale, y: Scale, font_px: float) -> str:
    """Draw the lines of a curve, and dots for days alone."""
    at_x, at_y = x.places(curve.days), y.places(curve.values)
    paths = {True: "", False: ""}
    split = runs(curve.steps, curve.is_observed)
    for run in split:
        if run.stop - run.start > 1:
            paths[run.is_observed] += path_of(
                at_x[run.start : run.stop], at_y[run.start : run.stop]
            )
    drawn = [
        f'<path {_style(number, font_px, is_observed=is_observed)} d="{data}"/>'
        for is_observed, data in paths.items()
        if data
    ]
    dot = f'<circle class="dot{line_number(number)[0]}"'
    dots = [
        f'{dot} cx="{px(at_x[place])}" cy="{px(at_y[place])}" r="{radius}"/>'
        for place, radius in _dots(split, at_x)
    ]
    return "".join([*drawn, *dots])


def _dots(split: Sequence[Run], x: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Yield the points that have a dot, with its radius: days alone, and the edges of wide gaps.

    Without the latter, a gap in a line of dashes would not be seen.
    """
    for run in split:
        if run.stop - run.start == 1:
            yield run.start, 2.2
    for before, after in pairwise(split):
        is_gap = after.start == before.stop
        if is_gap and x[after.start] - x[before.stop - 1] > _WIDE_GAP:
            yield before.stop - 1, 1.6
            yield after.start, 1.6


class _Names:
    """The names of the curves, on the right, each as near to the end of its curve as there is room.

    If there is no room for all of them, the last row says how many more there are.
    """

    def __init__(
        self, curves: Sequence[Curve], *, top: float, bottom: float, width: int, font_px: float
    ) -> None:
        self._curves = curves
        self._font_px = font_px
        self._top, self._bottom = top - 0.5 * font_px, bottom + 0.5 * font_px
        height = self._bottom - self._top
        room = height / (_ROW * max(len(curves), 1))
        self._name_px = max(min(_NAME * font_px, room), _SMALLEST_NAME * font_px)
        self._rows = min(len(curves), int(height / (_ROW * self._name_px)))
        most = _MAX_NAMES * width - (_SAMPLE + 1.5) * font_px
        self._texts = [shorten(curve.name, most, self._name_px) for curve in curves]
        widest = max((text_width(text, self._name_px) for text in self._texts), default=0)
        self.width = widest + (_SAMPLE + 1.5) * font_px
        self._left = width - self.width + 0.5 * font_px

    def draw(self, y: Scale) -> Iterator[str]:
        """Draw a sample of each line with its name."""
        ends = {
            number: y.place(curve.values[-1]) if curve.days else self._bottom
            for number, curve in enumerate(self._curves)
        }
        ordered = sorted(ends, key=ends.__getitem__)
        hidden = len(ordered) - self._rows
        if hidden:
            ordered = ordered[: self._rows - 1]
        for number, middle in zip(
            ordered, self._middles([ends[at] for at in ordered]), strict=True
        ):
            yield (
                f'<path {_style(number, self._font_px)} d="M{px(self._left)} {px(middle)}'
                f'h{px(_SAMPLE * self._font_px)}"/>'
            )
            yield self._text(self._texts[number], middle, "ink")
        if hidden:
            text = f"and {hidden + 1} more"
            yield self._text(text, self._bottom - _ROW * self._name_px / 2, "faint")

    def _text(self, text: str, middle: float, name: str) -> str:
        return text_element(
            text,
            self._left + (_SAMPLE + 0.4) * self._font_px,
            middle + 0.35 * self._name_px,
            f'class="{name}"',
            font_px=self._name_px,
        )

    def _middles(self, ends: Sequence[float]) -> list[float]:
        """Return where rows are that want to be at ascending places and must not overlap.

        Rows that touch form a block around the middle of the places that they want.
        """
        row = _ROW * self._name_px
        bottom = self._bottom - (row if len(ends) < len(self._curves) else 0)
        blocks: list[tuple[float, list[float]]] = []
        for end in ends:
            block = [end]
            top = self._block_top(block, row, bottom)
            while blocks and blocks[-1][0] + row * len(blocks[-1][1]) > top:
                block = blocks.pop()[1] + block
                top = self._block_top(block, row, bottom)
            blocks.append((top, block))
        return [top + (place + 0.5) * row for top, block in blocks for place in range(len(block))]

    def _block_top(self, ends: Sequence[float], row: float, bottom: float) -> float:
        height = row * len(ends)
        top = sum(ends) / len(ends) - height / 2
        return max(min(top, bottom - height), self._top)


def _describe(curve: Curve, look: Look) -> str:
    """Describe a curve in words, for screen readers."""
    if not curve.days:
        return f"{curve.name}: nothing known."

    def on(day: int) -> str:
        return f"after {day:,} days" if look.is_aligned else f"on {date.fromordinal(day)}"

    missing = curve.steps[-1] - curve.steps[0] + 1 - len(curve.steps)
    gaps = f"; {missing:,} missing" if missing else ""
    others = len(curve.is_observed) - sum(curve.is_observed)
    not_observed = f"; {others:,} reconstructed or imported" if others else ""
    return (
        f"{curve.name}: {_value(curve.values[0])} {on(curve.days[0])},"
        f" {_value(curve.values[-1])} {on(curve.days[-1])}{gaps}{not_observed}."
    )


def _value(value: float) -> str:
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def _note_if_empty(x: Scale, y: Scale, font_px: float) -> Iterator[str]:
    yield text_element(
        "nothing known",
        (x.start + x.stop) / 2,
        (y.start + y.stop) / 2 + 0.35 * font_px,
        'class="faint" text-anchor="middle"',
    )
