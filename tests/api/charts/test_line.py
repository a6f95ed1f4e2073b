"""``api.charts.line``: the pixels of the line match the numbers, measured by the axes."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from api.charts.line import line_chart
from api.charts.panel import Series
from api.charts.text import text_width
from api.charts.theme import Theme
from tests.api.charts.pixels import RGB, rasterize
from tests.api.charts.reading import SVG, read_axes, read_description, read_title, texts

FIRST = date(2024, 1, 1)

WHITE = (255, 255, 255)
DARK_PAPER = (13, 17, 23)
GAP_GREY = (228, 232, 235)

ORANGE = (179, 89, 0)
BLUE = (9, 105, 218)
GREEN = (26, 127, 55)
YELLOW = (227, 179, 65)

SIZES = [(800, 320), (400, 240), (300, 200), (2000, 1000)]

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'&<>]]>",
    "=HYPERLINK(1)",
    "\u202egnp.exe",
    "שלום/مستودع",
    "🎉🧑‍🚀 e\u0301",
    "x" * 100,
    "\x00\ud800\x1b[31m",
]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def points(values: dict[int, int]) -> list[tuple[date, int]]:
    return [(day(number), value) for number, value in values.items()]


def chart(
    *series: Series,
    days: int,
    title: str = "allien/repopulse",
    size: tuple[int, int] = (800, 320),
    theme: Theme = Theme.LIGHT,
) -> str:
    width, height = size
    return line_chart(
        title, series, first=FIRST, last=day(days - 1), width=width, height=height, theme=theme
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "values",
    [
        {0: 0, 1: 1, 2: 3, 3: 2, 4: 3},
        {0: 299_000, 1: 299_500, 2: 300_000, 3: 280_000, 4: 280_100},
        {0: 0, 1: 300_000, 2: 1, 3: 150_000, 4: 7},
        dict.fromkeys(range(5), 300_000),
        dict.fromkeys(range(5), 0),
    ],
)
def test_line_matches_the_axes(size: tuple[int, int], values: dict[int, int]) -> None:
    svg = chart(Series("Stars", points(values)), days=5, size=size)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    assert pixels.size == size
    for number, value in values.items():
        assert pixels.has(ORANGE, x=read.x(day(number)), y=read.y(value)), (number, value)
    for number in range(4):
        between = (read.y(values[number]) + read.y(values[number + 1])) / 2
        assert pixels.has(
            ORANGE, x=read.x(day(number)) / 2 + read.x(day(number + 1)) / 2, y=between
        )


def test_drop_takes_one_day() -> None:
    values = dict.fromkeys(range(30), 900) | dict.fromkeys(range(30, 60), 100)
    svg = chart(Series("Stars", points(values)), days=60)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    halfway = {x for x, y in pixels.places(ORANGE) if abs(y - read.y(500)) <= 2}
    assert read.x(day(29)) < min(halfway) <= max(halfway) < read.x(day(30))


def test_missing_days_have_no_line_and_are_shaded() -> None:
    values = {number: 500 + number for number in range(60) if not 20 <= number < 30}
    svg = chart(Series("Stars", points(values)), days=60)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    rows = range(int(read.y(read.values[-1][0])) + 4, int(read.y(read.values[0][0])) - 4)
    left, right = int(read.x(day(19))), int(read.x(day(30)))
    inside = {pixels.colour(x, y) for x in range(left + 3, right - 2) for y in rows}
    assert GAP_GREY in inside
    # Everything else is grey: the lines of the grid.
    assert all(max(colour) - min(colour) < 15 for colour in inside)
    assert pixels.has(ORANGE, x=left, y=read.y(519))
    assert pixels.has(ORANGE, x=right, y=read.y(530))
    assert "10 days missing" in read_description(svg)


def test_one_missing_day_in_ten_years_is_visible() -> None:
    values = {number: 500 + number for number in range(3660) if number != 1800}
    svg = chart(Series("Stars", points(values)), days=3660, size=(400, 240))

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    x, y = read.x(day(1800)), (read.y(read.values[-1][0]) + read.y(read.values[-2][0])) / 2
    shades = {pixels.colour(x + aside, y) for aside in (-1, 0, 1)}
    assert shades != {WHITE}
    assert pixels.colour(x - 5, y) == pixels.colour(x + 5, y) == WHITE


def test_day_without_neighbours_is_a_dot() -> None:
    svg = chart(Series("Stars", points({0: 10, 1: 10, 10: 20, 20: 30, 21: 30})), days=22)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    x, y = read.x(day(10)), read.y(20)
    assert pixels.has(ORANGE, x=x, y=y, within=0)
    around = [place for place in pixels.places(ORANGE) if abs(place[0] - x) < 60]
    around = [(column, row) for column, row in around if row > read.y(read.values[-1][0])]
    assert around
    assert all(abs(column - x) <= 3 and abs(row - y) <= 3 for column, row in around)


def test_period_of_one_day_is_a_dot_in_the_middle() -> None:
    svg = chart(Series("Stars", points({0: 42})), days=1, size=(400, 240))

    (read,) = read_axes(svg)
    ((only, x),) = read.days

    assert only == FIRST
    assert 180 < x < 240
    assert rasterize(svg).has(ORANGE, x=x, y=read.y(42), within=0)


def test_empty_series_says_so_and_has_no_line() -> None:
    svg = chart(Series("Stars", []), days=30)

    assert "nothing recorded" in texts(svg)
    assert read_axes(svg) == []
    assert read_description(svg) == "Stars: nothing recorded from 2024-01-01 to 2024-01-30."
    assert not rasterize(svg).columns(ORANGE) & set(range(100, 800))


def test_each_series_has_its_own_axis_and_colour() -> None:
    series = {
        "Stars": (ORANGE, {0: 300_000, 1: 300_100, 2: 300_050}),
        "Forks": (BLUE, {0: 900, 1: 850, 2: 1000}),
        "Watchers": (GREEN, {0: 1, 1: 3, 2: 2}),
    }
    svg = chart(
        *(
            Series(label, points(values), colour=number)
            for number, (label, (_, values)) in enumerate(series.items(), 1)
        ),
        days=3,
        size=(800, 480),
    )

    read = read_axes(svg)
    pixels = rasterize(svg)

    assert len(read) == 3
    for panel, (label, (colour, values)) in zip(read, series.items(), strict=True):
        assert label in texts(svg)
        assert f"{values[2]:,}" in texts(svg)
        assert panel.values[0][0] <= min(values.values())
        for number, value in values.items():
            assert pixels.has(colour, x=panel.x(day(number)), y=panel.y(value)), label


def test_chart_shows_title_label_last_value_and_its_day() -> None:
    svg = chart(Series("Stars", points({0: 1000, 3: 1234})), days=10)

    assert {"allien/repopulse", "Stars", "1,234", "2024-01-04"} <= set(texts(svg))
    assert read_title(svg) == "allien/repopulse"
    assert read_description(svg) == (
        "Stars: 1,000 on 2024-01-01, 1,234 on 2024-01-04; lowest 1,000, highest 1,234;"
        " 2 days missing."
    )
    assert ET.fromstring(svg).get("role") == "img"


def test_points_outside_the_period_are_not_drawn() -> None:
    inside = {0: 5, 1: 6}

    assert chart(Series("Stars", points({-1: 99} | inside | {2: 0})), days=2) == chart(
        Series("Stars", points(inside)), days=2
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("days", [1, 2, 3, 8, 30, 90, 365, 1000, 3660])
@pytest.mark.parametrize("highest", [3, 300_000, 2_000_000_000])
def test_texts_neither_overlap_nor_leave_the_picture(
    size: tuple[int, int], days: int, highest: int
) -> None:
    values = points({0: highest - 3, days - 1: highest})
    series = [Series(label, values) for label in ("Stars", "Forks", "Watchers")]

    for shown in (series[:1], series):
        boxes = text_boxes(chart(*shown, days=days, size=size, title="x" * 100))
        for box in boxes:
            assert box.left >= 0, box
            assert box.right <= size[0], box
            assert box.top >= 0, box
            assert box.bottom <= size[1], box
        for one, other in combinations(boxes, 2):
            assert not one.overlaps(other), (one, other)


@pytest.mark.parametrize("width", [300, 400, 800, 2000])
def test_font_is_readable_on_a_phone(width: int) -> None:
    root = ET.fromstring(chart(Series("Stars", []), days=2, size=(width, 240)))

    letters = float(root.get("font-size", "0"))
    assert letters >= 12
    # A chart of 800 pixels may be displayed at 400.
    assert width != 800 or letters / 2 >= 8


def test_light_and_dark_themes_have_their_colours() -> None:
    series = Series("Stars", points({0: 1, 1: 2}))
    light = rasterize(chart(series, days=2, theme=Theme.LIGHT))
    dark = rasterize(chart(series, days=2, theme=Theme.DARK))

    assert light.colour(400, 5) == WHITE
    assert dark.colour(400, 5) == DARK_PAPER
    assert (ORANGE in light.colours(), YELLOW in light.colours()) == (True, False)
    assert (ORANGE in dark.colours(), YELLOW in dark.colours()) == (False, True)


def test_auto_theme_is_light_unless_the_system_prefers_dark() -> None:
    series = Series("Stars", points({0: 1, 1: 2}))
    light, dark, auto = (
        re.search("<style>(.*)</style>", chart(series, days=2, theme=theme)) for theme in Theme
    )

    assert light
    assert dark
    assert auto
    assert auto[1] == f"{light[1]}@media (prefers-color-scheme:dark){{{dark[1]}}}"


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_text_and_lines_have_enough_contrast(theme: Theme) -> None:
    svg = chart(Series("Stars", []), days=2, theme=theme)
    colours = {
        name: (int(red, 16), int(green, 16), int(blue, 16))
        for name, red, green, blue in re.findall(r"\.(\w+){\w+:#(..)(..)(..)}", svg)
    }

    for name in ("ink", "faint", "dot1", "dot2", "dot3"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
        # Gaps contain no text, at most a dot.
        assert contrast(colours[name], colours["gap"]) >= 3, name


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_escaped_and_fit(name: str) -> None:
    svg = chart(Series(name, points({0: 1, 1: 2})), days=2, title=name, size=(400, 240))

    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "path", "circle", "text")
    }
    shown = re.sub("[\x00\x1b\ud800]", "\ufffd", name)
    assert read_title(svg) == shown
    title = texts(svg)[0]
    assert title == shown or (title.endswith("…") and shown.startswith(title[:-1]))
    assert rasterize(svg).size == (400, 240)


def test_chart_loads_nothing_and_contains_no_script() -> None:
    svg = chart(Series("Stars", points({0: 1, 1: 2})), days=2, theme=Theme.AUTO)

    assert re.findall(r"https?:[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|\son\w+=|href|url\(|@import|@font-face", svg)


def test_ten_years_of_daily_changes_are_less_than_100_kb() -> None:
    values = points({number: number * 7 % 1000 for number in range(3660)})

    assert len(chart(Series("Stars", values), Series("Forks", values), days=3660)) < 100_000


def test_line_of_ten_years_has_its_single_peaks_and_drops() -> None:
    values = {number: 500 + number // 10 + number % 2 for number in range(3660)}
    # A day each, among points that are nearer to each other than pixels.
    peaks = {700: 990, 1501: 40, 2803: 995}
    svg = chart(Series("Stars", points(values | peaks)), days=3660)

    (read,) = read_axes(svg)
    pixels = rasterize(svg)

    for number, value in peaks.items():
        towards = 2 if value > 500 else -2
        assert pixels.has(ORANGE, x=read.x(day(number)), y=read.y(value) + towards, within=2)
    for number in range(0, 3660, 61):
        assert pixels.has(ORANGE, x=read.x(day(number)), y=read.y(values[number]), within=2)


class Box:
    """The largest rectangle that a text can take."""

    def __init__(self, element: ET.Element, letters: float) -> None:
        self.text = element.text or ""
        size = float(element.get("font-size", letters))
        wide = text_width(self.text, size) * (1.05 if element.get("font-weight") else 1)
        share = {"end": 1.0, "middle": 0.5}.get(element.get("text-anchor", ""), 0.0)
        self.left = float(element.get("x", "")) - wide * share
        self.right = self.left + wide
        baseline = float(element.get("y", ""))
        # Capitals and digits are 0.73 em high.
        self.top, self.bottom = baseline - 0.73 * size, baseline

    def __repr__(self) -> str:
        return f"{self.text} {self.left:.0f}:{self.right:.0f} {self.top:.0f}:{self.bottom:.0f}"

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def text_boxes(svg: str) -> list[Box]:
    """Return the boxes of all texts."""
    root = ET.fromstring(svg)
    letters = float(root.get("font-size", ""))
    return [Box(element, letters) for element in root.iter(f"{SVG}text")]


def contrast(one: RGB, other: RGB) -> float:
    """Return the contrast ratio of two colours, as WCAG defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Sequence[int]) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
