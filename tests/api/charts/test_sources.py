"""``api.charts``: values of several sources are told apart by the shape of their lines."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from api.charts.line import line_chart
from api.charts.panel import Series
from api.charts.source import RECONSTRUCTED, Kind, Mark, Source
from api.charts.theme import Theme
from tests.api.charts.pixels import ORANGE, WHITE, Pixels, rasterize
from tests.api.charts.reading import SVG, read_axes, read_description, texts
from tests.api.charts.test_line import SIZES, text_boxes

FIRST = date(2024, 1, 1)
SPREADSHEET = Source(Kind.IMPORTED, "our spreadsheet")
HISTORY_TEXT = "stars still held today, by GitHub's history"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def series(
    values: Sequence[int | None],
    *,
    reconstructed: Iterable[int] = (),
    imported: Iterable[int] = (),
    bounds: dict[int, tuple[int, int]] | None = None,
    label: str = "Stars",
) -> Series:
    sources = dict.fromkeys(reconstructed, RECONSTRUCTED) | dict.fromkeys(imported, SPREADSHEET)
    return Series(
        label,
        [(day(number), value) for number, value in enumerate(values) if value is not None],
        [
            Mark(day(number), source, *(bounds or {}).get(number, (None, None)))
            for number, source in sorted(sources.items())
        ],
    )


def chart(*shown: Series, days: int, size: tuple[int, int] = (800, 320)) -> str:
    width, height = size
    return line_chart(
        "allien/repopulse",
        shown,
        first=FIRST,
        last=day(days - 1),
        width=width,
        height=height,
        theme=Theme.LIGHT,
    )


def ink(pixels: Pixels, columns: range, y: float) -> list[float]:
    """Return how thick a level line is in each column, in pixels; zero beside dashes."""
    rows = range(int(y) - 5, int(y) + 6)
    # The blue of the paper is 255 and that of the line is 0.
    thickness = [sum(1 - pixels.colour(x, row)[2] / 255 for row in rows) for x in columns]
    return [each if each > 0.3 else 0 for each in thickness]


def test_observed_line_is_solid_and_the_others_have_their_own_dashes() -> None:
    # A level line away from the grid, so that its pixels are those of the stroke alone.
    shown = series([55, *[52] * 88, 50], reconstructed=range(30), imported=range(30, 60))
    svg = chart(shown, days=90)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    y = read.y(52)
    reconstructed, imported, observed = (
        ink(pixels, range(int(read.x(day(first))) + 12, int(read.x(day(last))) - 12), y)
        for first, last in ((1, 30), (31, 59), (60, 88))
    )
    assert all(observed)
    assert 0.4 < sum(map(bool, reconstructed)) / len(reconstructed) < 0.85
    assert 0.1 < sum(map(bool, imported)) / len(imported) < 0.7
    # Dashes are longer than dots.
    assert longest_run(imported) * 2 < longest_run(reconstructed)
    assert max(reconstructed) < 0.75 * min(observed)


def longest_run(columns: Sequence[float]) -> int:
    longest = run = 0
    for count in columns:
        run = run + 1 if count else 0
        longest = max(longest, run)
    return longest


def test_line_between_two_sources_has_the_style_of_the_one_that_was_not_observed() -> None:
    svg = chart(series([55, 52, 52, 50], reconstructed=[1]), days=4)

    (read,) = read_axes(svg)
    observed, dashed = paths(svg, dashed=False), paths(svg, dashed=True)

    assert [len(path.split("M")) - 1 for path in observed] == [1]
    assert observed[0].startswith(f"M{read.x(day(2)):.2f}".rstrip("0"))
    assert [path.count("L") for path in dashed] == [2]


def paths(svg: str, *, dashed: bool) -> list[str]:
    """Return the lines of the first series."""
    return [
        path.get("d", "")
        for path in ET.fromstring(svg).iter(f"{SVG}path")
        if path.get("class") == "line1" and (path.get("stroke-dasharray") is not None) is dashed
    ]


@pytest.mark.parametrize("kind", Kind)
def test_day_without_neighbours_has_the_dot_of_its_source(kind: Kind) -> None:
    svg = chart(
        series(
            [10, None, 20, None, 30],
            reconstructed=[2] if kind is Kind.RECONSTRUCTED else (),
            imported=[2] if kind is Kind.IMPORTED else (),
        ),
        days=5,
    )

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    x, y = read.x(day(2)), read.y(20)
    assert pixels.has(ORANGE, x=x - 2.5, y=y)
    is_filled = pixels.has(ORANGE, x=x, y=y, within=0)
    assert is_filled is (kind is Kind.OBSERVED)
    corner = pixels.colour(x - 2.6, y - 2.6)
    assert (max(corner) - min(corner) > 60) is (kind is Kind.IMPORTED)


def test_lone_observed_day_among_reconstructed_ones_is_a_dot() -> None:
    svg = chart(series([5, 10, 15, 20, 25], reconstructed=[0, 1, 3, 4]), days=5)

    (read,) = read_axes(svg)

    pixels = rasterize(svg)
    assert pixels.has(ORANGE, x=read.x(day(2)), y=read.y(15) - 2, within=0)
    assert paths(svg, dashed=False) == []


def test_uncertainty_is_a_light_band_between_its_bounds() -> None:
    values = [50 + number for number in range(30)]
    bounds = {number: (values[number] - 20, values[number] + 40) for number in range(20)}
    svg = chart(series(values, reconstructed=range(20), bounds=bounds), days=30)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    assert read.values[0][0] <= 30
    assert read.values[-1][0] >= 109
    inside = pixels.colour(read.x(day(10)), read.y(60 + 33))
    assert inside not in {WHITE, ORANGE}
    assert max(inside) - min(inside) > 20
    assert pixels.colour(read.x(day(10)), read.y(60 - 23)) == WHITE
    assert pixels.colour(read.x(day(25)), read.y(75 + 33)) == WHITE


def test_band_that_could_not_be_seen_is_not_drawn() -> None:
    values = [5_000 + 100 * number for number in range(30)]
    bounds = {number: (values[number] - 1, values[number] + 1) for number in range(20)}

    svg = chart(series(values, reconstructed=range(20), bounds=bounds), days=30)

    assert "fill-opacity" not in svg


def test_legend_names_the_sources_in_the_chart() -> None:
    shown = series([1, 2, 3, 4, 5, 6], reconstructed=[0, 1], imported=[2, 3])

    svg = chart(shown, days=6)

    assert set(texts(svg)) >= {"observed", HISTORY_TEXT, "imported: our spreadsheet"}
    assert read_description(svg) == (
        "Stars: 1 on 2024-01-01, 6 on 2024-01-06; lowest 1, highest 6;"
        " reconstructed: 2 days from 2024-01-01 to 2024-01-02;"
        " imported from our spreadsheet: 2 days from 2024-01-03 to 2024-01-04;"
        " observed: 2 days from 2024-01-05 to 2024-01-06."
    )


@pytest.mark.parametrize("reconstructed", [(), range(6), range(2)])
def test_legend_is_only_shown_for_several_sources_within_the_period(
    reconstructed: Sequence[int],
) -> None:
    shown = series(range(6), reconstructed=reconstructed)

    svg = line_chart("x", [shown], first=day(2), last=day(5))

    assert not {"observed", HISTORY_TEXT} & set(texts(svg))


def test_chart_of_observed_days_alone_has_no_dashes() -> None:
    assert paths(chart(series(range(6)), days=6), dashed=True) == []


@pytest.mark.parametrize("size", [*SIZES, (1100, 340), (400, 260), (300, 1000), (2000, 400)])
@pytest.mark.parametrize("name", ["x", "our spreadsheet of 2019", "W" * 200, "<b>&\x00"])
def test_legend_neither_overlaps_nor_leaves_the_picture(size: tuple[int, int], name: str) -> None:
    source = Source(Kind.IMPORTED, name)
    one = Series(
        "Stars",
        [(day(number), 299_997 + number) for number in range(4)],
        [Mark(day(0), RECONSTRUCTED, 299_000, 300_000), Mark(day(1), source)],
    )
    two = Series("Forks", one.points, one.marks[1:])

    for shown in ([one], [two], [one, two], [one, two, two]):
        boxes = text_boxes(chart(*shown, days=4, size=size))
        for box in boxes:
            assert box.left >= 0, box
            assert box.right <= size[0], box
            assert box.bottom <= size[1], box
        for box, other in combinations(boxes, 2):
            assert not box.overlaps(other), (box, other)


def test_sources_have_their_words_in_a_small_picture() -> None:
    shown = series([1, 2, 3, 4], reconstructed=[0, 1])

    assert {"observed", HISTORY_TEXT} <= set(texts(chart(shown, days=4, size=(400, 260))))
    assert {"observed", "reconstructed"} <= set(texts(chart(shown, days=4, size=(300, 200))))
