"""The golden pictures of charts, as SVG with one element on a line.

``python -m tests.api.charts.golden_pictures`` draws them again: look at each that changes, in light
and dark and in shades of grey. ``… --png DIRECTORY`` rasterises them for that.
"""

import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from api.charts.bars import Bar, bar_chart
from api.charts.comparison import comparison_chart
from api.charts.curve import Curve, Look
from api.charts.line import line_chart
from api.charts.panel import Series
from api.charts.place import Place
from api.charts.source import RECONSTRUCTED, Kind, Mark, Source
from api.charts.theme import Theme
from tests.api.charts.pixels import rasterize

DIRECTORY = Path(__file__).parent / "golden"

LAST = date(2026, 11, 28)
SIZES = {400: 260, 1280: 360}

Draw = Callable[[int, Place, Theme], str]


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the names of the pictures with their SVG; ``auto`` has the colours of both themes."""
    for name, draw in _DRAWINGS.items():
        for width in SIZES:
            place = Place.README if width < 500 else Place.PAGE
            yield f"{name}-{width}", normalised(draw(width, place, Theme.AUTO))


def normalised(svg: str) -> str:
    """Return an SVG with one element on a line, and long paths with one line for each part."""
    return re.sub(r"(?<=>)(?=<)|(?<=\d)(?=M)", "\n", svg) + "\n"


def _day(number: int, days: int = 90) -> date:
    return LAST - timedelta(days=days - 1 - number)


def _chart(
    values: dict[int, int], *, days: int = 90, marks: dict[int, Source] | None = None
) -> Draw:
    """Return what draws a count by number of day."""

    def draw(width: int, place: Place, theme: Theme) -> str:
        series = Series(
            "Stars",
            [(_day(number, days), value) for number, value in sorted(values.items())],
            [
                Mark(_day(number, days), source, *_bounds(values[number], source))
                for number, source in sorted((marks or {}).items())
            ],
        )
        return line_chart(
            "allien/repopulse",
            [series],
            first=_day(0, days),
            last=LAST,
            width=width,
            height=SIZES[width],
            place=place,
            theme=theme,
        )

    return draw


def _bounds(value: int, source: Source) -> tuple[int, int] | tuple[None, None]:
    return (value - 20, value + 30) if source is RECONSTRUCTED else (None, None)


def _all_counts(width: int, place: Place, theme: Theme) -> str:
    days = [number for number in range(90) if not 40 <= number < 47]
    counts = {"Stars": (300_000, 11), "Forks": (900, 1), "Watchers": (40, 0)}
    series = [
        Series(label, [(_day(number), base + step * number) for number in days], colour=colour)
        for colour, (label, (base, step)) in enumerate(counts.items(), 1)
    ]
    return line_chart(
        "allien/repopulse",
        series,
        first=_day(0),
        last=LAST,
        width=width,
        height=SIZES[width] + 200,
        events=[(_day(12), "release: v1.0"), (_day(43), "note: moved"), (_day(89), "note: today")],
        place=place,
        theme=theme,
    )


def _bars(width: int, place: Place, theme: Theme) -> str:
    known: list[tuple[int | None, int | None, bool, int | None]] = [
        (40, None, True, None),
        (52, None, True, None),
        (None, None, False, None),
        (31, 12, True, 19),
        (18, 0, False, 18),
        (25, 60, False, -35),
        (0, 0, False, 0),
        (22, 3, False, 19),
        (None, None, False, 17),
        (None, None, False, -6),
    ]
    bars = [
        Bar(_day(7 * number + 10), _day(7 * number + 17), *each)
        for number, each in enumerate(known)
    ]
    return bar_chart(
        "allien/repopulse",
        "Stars gained and lost per week",
        bars,
        first=_day(10),
        last=_day(80),
        width=width,
        height=SIZES[width],
        place=place,
        theme=theme,
    )


def _with_gaps() -> dict[int, int]:
    missing = {*range(20, 30), *range(50, 56), *range(57, 61), 75}
    return {number: 480 + number * 3 for number in range(90) if number not in missing}


def _sources() -> dict[int, Source]:
    sheet = Source(Kind.IMPORTED, "our spreadsheet")
    return dict.fromkeys(range(30), RECONSTRUCTED) | dict.fromkeys(range(30, 45), sheet)


def _compared(number: int, look: Look, *, days: int = 400) -> Draw:
    """Return what draws so many lines; each later one is higher, begins later, and has a gap."""
    last = LAST.toordinal()

    def curve(place: int) -> Curve:
        own = [
            last - days + 1 + day
            for day in range(10 * place, days)
            if not 200 + place <= day < 210 + place
        ]
        values = [(day - last + days) * (place + 1) ** 2 for day in own]
        return Curve(
            f"owner-{place}/repository-{place}", own, own, values, [day > last - 90 for day in own]
        )

    def draw(width: int, place: Place, theme: Theme) -> str:
        return comparison_chart(
            "Stars",
            [curve(each) for each in range(number)],
            first=last - days + 1,
            last=last,
            look=look,
            width=width,
            height=SIZES[width] + 100,
            place=place,
            theme=theme,
        )

    return draw


_DRAWINGS: dict[str, Draw] = {
    "3-stars": _chart({number: 1 + (number > 30) + (number > 70) for number in range(90)}),
    "300-stars": _chart({number: 210 + number for number in range(90)}),
    "300000-stars": _chart({number: 299_100 + number * 10 for number in range(90)}),
    "one-day": _chart({0: 42}, days=1),
    "only-the-last-day": _chart({89: 42}),
    "nothing": _chart({}),
    "gaps-and-a-day-alone": _chart(_with_gaps()),
    "ten-years": _chart(
        {number: number // 30 * 100 for number in range(3653) if not 1000 <= number < 1090},
        days=3653,
    ),
    "sources": _chart({number: 480 + number * 3 for number in range(90)}, marks=_sources()),
    "all-counts": _all_counts,
    "bars": _bars,
    "four-compared": _compared(4, Look()),
    "twenty-compared": _compared(20, Look(is_log=True)),
}


def main() -> None:
    """Write the golden pictures, or rasterise them."""
    if sys.argv[1:2] == ["--png"]:
        directory = Path(sys.argv[2])
        for name, draw in _DRAWINGS.items():
            for width in SIZES:
                place = Place.README if width < 500 else Place.PAGE
                for theme in (Theme.LIGHT, Theme.DARK):
                    image = rasterize(draw(width, place, theme)).image
                    image.save(directory / f"{name}-{width}-{theme}.png")
                    image.convert("L").save(directory / f"{name}-{width}-{theme}-grey.png")
        return
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.glob("*.svg"):
        old.unlink()
    for name, svg in pictures():
        (DIRECTORY / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
