"""``api.charts.bars``: gained above zero, lost below it, and what is not known."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.axes import signed_ticks
from api.charts.bars import Bar, bar_chart
from api.charts.theme import Theme
from tests.api.charts.pixels import RGB, WHITE, rasterize
from tests.api.charts.reading import SVG, read_description, texts
from tests.api.charts.test_line import GAP_GREY, SIZES, contrast, text_boxes

FIRST = date(2024, 1, 7)
GREEN = (26, 127, 55)
RED = (179, 38, 30)
HELD = "gained and still held today"

Known = tuple[int | None, int | None]
"""What a week gained and lost."""


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def weeks(values: Sequence[Known]) -> list[Bar]:
    return [
        Bar(day(7 * number), day(7 * number + 7), gained, lost)
        for number, (gained, lost) in enumerate(values)
    ]


def chart(
    values: Sequence[Known],
    *,
    size: tuple[int, int] = (800, 320),
    theme: Theme = Theme.LIGHT,
    title: str = "allien/repopulse",
) -> str:
    width, height = size
    return bar_chart(
        title,
        "Stars per week",
        weeks(values),
        first=FIRST,
        last=day(7 * max(len(values), 1) - 1),
        width=width,
        height=height,
        theme=theme,
    )


def value_axis(svg: str) -> dict[int, float]:
    """Return the y coordinates of the ticks."""
    lines = [
        float((path.get("d") or "").split("h")[0].split(" ")[1])
        for path in ET.fromstring(svg).iter(f"{SVG}path")
        if path.get("class") == "grid" and "h" in (path.get("d") or "")
    ]
    values = [
        int((text.text or "").replace(",", "").replace("\N{MINUS SIGN}", "-"))
        for text in ET.fromstring(svg).iter(f"{SVG}text")
        # The other text that ends on its right is the last day.
        if text.get("text-anchor") == "end" and "-" not in (text.text or "")
    ]
    return dict(zip(values, lines, strict=True))


def edges(svg: str) -> tuple[float, float]:
    """Return where the first day begins and the last one ends."""
    (line,) = (
        path.get("d") or ""
        for path in ET.fromstring(svg).iter(f"{SVG}path")
        if path.get("class") == "zero"
    )
    left, _, rest = line[1:].partition(" ")
    return float(left), float(left) + float(rest.split("h")[1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_bars_have_the_heights_of_their_values(size: tuple[int, int], theme: Theme) -> None:
    values: list[Known] = [(40, 5), (0, 20), (12, 0), (0, 0)]
    svg = chart(values, size=size, theme=theme)

    axis, (left, right) = value_axis(svg), edges(svg)
    pixels = rasterize(svg)

    low, high = min(axis), max(axis)
    per_value = (axis[low] - axis[high]) / (high - low)
    paper = pixels.colour(size[0] / 2, 3)
    for number, (gained, lost) in enumerate(values):
        x = left + (number + 0.5) * (right - left) / len(values)
        above = [y for y in range(int(axis[high]), int(axis[0])) if is_bar(pixels.colour(x, y))]
        below = [y for y in range(int(axis[0]) + 1, int(axis[low])) if is_bar(pixels.colour(x, y))]
        assert abs(len(above) - (gained or 0) * per_value) <= 2
        assert abs(len(below) - (lost or 0) * per_value) <= 2
        between = left + (number + 1) * (right - left) / len(values) - 1
        assert pixels.colour(between, axis[0] - 0.5 * per_value * 5) == paper


def is_bar(colour: RGB) -> bool:
    return max(colour) - min(colour) > 60


def test_gain_without_a_known_loss_is_hollow() -> None:
    svg = chart([(40, None), (40, 1)])

    axis, (left, right) = value_axis(svg), edges(svg)
    pixels = rasterize(svg)

    hollow, filled = left + (right - left) / 4, left + (right - left) * 3 / 4
    y = (axis[0] + axis[40]) / 2 + 3
    assert pixels.colour(hollow, y) == WHITE
    assert pixels.colour(filled, y) == GREEN
    edge = [pixels.colour(hollow, axis[40] + down) for down in (-1, 0, 1)]
    assert any(max(colour) - min(colour) > 30 for colour in edge)
    assert {"gained", "lost, at least", HELD} <= set(texts(svg))


def test_gain_that_was_read_late_is_hollow_and_its_loss_is_shown() -> None:
    bars = [Bar(day(0), day(7), 40, 10, is_late=True)]
    svg = bar_chart("x", "x", bars, first=FIRST, last=day(6), theme=Theme.LIGHT)

    axis, (left, right) = value_axis(svg), edges(svg)
    pixels = rasterize(svg)

    assert pixels.colour((left + right) / 2, (axis[0] + axis[40]) / 2 + 3) == WHITE
    assert pixels.colour((left + right) / 2, axis[0] + 3) == RED
    assert {HELD, "lost, at least"} <= set(texts(svg))
    assert "gained" not in texts(svg)


def test_narrow_hollow_bars_stay_lighter_than_filled_ones() -> None:
    values: list[Known] = [(40, None)] * 500 + [(40, 0)] * 100
    svg = chart(values, size=(800, 520))

    axis, (left, right) = value_axis(svg), edges(svg)
    pixels = rasterize(svg).image.convert("L")

    y = int((axis[0] + axis[40]) / 2) + 3

    def mean(start: float, end: float) -> float:
        shades: list[float] = [
            pixels.getpixel((x, y))  # type: ignore[misc]
            for x in range(int(left + start * (right - left)) + 2, int(left + end * (right - left)))
        ]
        return sum(shades) / len(shades)

    assert mean(0.85, 1) + 30 < mean(0, 0.8) < 240


def test_unknown_weeks_are_shaded_and_quiet_ones_are_not() -> None:
    svg = chart([(5, 1), (None, None), (None, None), (0, 0), (5, 1)])

    axis, (left, right) = value_axis(svg), edges(svg)
    pixels = rasterize(svg)

    week = (right - left) / 5
    y = (axis[0] + axis[max(axis)]) / 2 + 5
    assert pixels.colour(left + 1.5 * week, y) == GAP_GREY
    assert pixels.colour(left + 2.5 * week, y) == GAP_GREY
    assert pixels.colour(left + 3.5 * week, y) == WHITE


def test_legend_names_only_what_is_in_the_chart() -> None:
    assert HELD not in texts(chart([(5, 1), (0, None)]))
    assert not {"gained", "lost, at least"} & set(texts(chart([(5, None)])))
    empty = texts(chart([]))
    assert "nothing known" in empty
    assert not {"gained", HELD} & set(empty)


def test_description_has_the_sums() -> None:
    assert read_description(chart([(5, None), (None, None), (7, 2)])) == (
        "Stars per week, from 2024-01-07 to 2024-01-28: gained 12 in 2 of 3 bars; lost at least 2"
        " in the 1 whose losses are known."
    )


def test_bars_are_cut_at_the_ends_of_the_period() -> None:
    bars = weeks([(9, 1), (9, 1), (9, 1)])

    svg = bar_chart("x", "x", bars, first=day(3), last=day(15), theme=Theme.LIGHT)

    left, right = edges(svg)
    for x, width in rectangles(svg):
        assert left <= x
        assert x + width <= right + 0.01


def rectangles(svg: str) -> list[tuple[float, float]]:
    top = max(value_axis(svg).values())
    return [
        (float(each.get("x", "")), float(each.get("width", "")))
        for each in ET.fromstring(svg).iter(f"{SVG}rect")
        if each.get("class") in {"gained", "lost"} and float(each.get("y", "")) <= top
    ]


@pytest.mark.parametrize("size", [*SIZES, (1100, 260), (400, 260)])
@pytest.mark.parametrize("highest", [0, 3, 300_000])
@pytest.mark.parametrize("count", [1, 2, 13, 520])
def test_texts_neither_overlap_nor_leave_the_picture(
    size: tuple[int, int], highest: int, count: int
) -> None:
    values: list[Known] = [(highest, None), *[(highest, highest // 3)] * (count - 1)]

    boxes = text_boxes(chart(values, size=size, title="x" * 100))

    for box in boxes:
        assert box.left >= 0, box
        assert box.right <= size[0], box
        assert box.bottom <= size[1], box
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other), (one, other)


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_bars_have_enough_contrast(theme: Theme) -> None:
    colours = rasterize(chart([(5, 3)], theme=theme)).colours()

    paper = max(colours, key=sum) if theme is Theme.LIGHT else (13, 17, 23)
    green, red = (GREEN, RED) if theme is Theme.LIGHT else ((63, 185, 80), (255, 149, 138))
    assert {green, red} <= colours
    assert contrast(green, paper) >= 3
    assert contrast(red, paper) >= 3


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(3, 30))
def test_signed_ticks_are_few_and_contain_zero(down: int, up: int, most: int) -> None:
    ticks = signed_ticks(down, up, most=most)

    assert 2 <= len(ticks) <= most
    assert 0 in ticks
    assert ticks[0] <= -down
    assert up <= ticks[-1]
    (step,) = {after - before for before, after in pairwise(ticks)}
    assert str(step).rstrip("0") in {"1", "2", "5"}
