"""``api.charts.sparkline``: the pixels of the line match the numbers."""

from datetime import date, timedelta
from xml.etree import ElementTree as ET

from api.charts.sparkline import sparkline
from tests.api.charts.pixels import Pixels, rasterize

FIRST = date(2024, 3, 1)
BLACK = (0, 0, 0)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def picture(values: dict[int, int], *, days: int, width: int = 204, height: int = 44) -> Pixels:
    """Rasterise values by day; margins of 2 pixels leave a plane of 200 by 40."""
    points = [(day(number), value) for number, value in values.items()]
    return rasterize(sparkline(points, first=FIRST, last=day(days - 1), width=width, height=height))


def test_line_goes_through_the_points() -> None:
    pixels = picture({0: 10, 1: 20, 2: 15, 3: 15, 4: 30}, days=5)

    assert pixels.size == (204, 44)
    for number, value in {0: 10, 1: 20, 2: 15, 3: 15, 4: 30}.items():
        assert pixels.has(BLACK, x=2 + 50 * number, y=42 - 2 * (value - 10)), number
    assert not pixels.has(BLACK, x=102, y=10, within=3)


def test_missing_day_is_a_gap() -> None:
    pixels = picture({0: 10, 1: 10, 3: 10, 4: 20}, days=5)

    columns = pixels.columns(BLACK)
    assert set(range(3, 51)) <= columns
    assert not columns & set(range(54, 151))
    assert set(range(154, 201)) <= columns


def test_day_without_neighbours_is_a_dot() -> None:
    pixels = picture({0: 10, 1: 10, 3: 10}, days=5)

    assert pixels.has(BLACK, x=152, y=22, within=0)
    assert pixels.columns(BLACK) & set(range(60, 200)) <= set(range(149, 156))


def test_constant_value_is_a_level_line_in_the_middle() -> None:
    for value in (0, 300_000):
        rows = {y for _, y in picture(dict.fromkeys(range(5), value), days=5).places(BLACK)}
        assert rows <= {21, 22, 23}
        assert rows


def test_height_is_at_least_a_tenth_of_the_highest_value_and_ten() -> None:
    # A plane of 40 pixels: each is a quarter of a star, or a thousandth of 1,000,000.
    assert picture({0: 3, 1: 4}, days=2).has(BLACK, x=2, y=24, within=1)
    assert picture({0: 3, 1: 4}, days=2).has(BLACK, x=202, y=20, within=1)
    assert picture({0: 995_000, 1: 1_000_000}, days=2).has(BLACK, x=2, y=23, within=1)
    assert picture({0: 995_000, 1: 1_000_000}, days=2).has(BLACK, x=202, y=21, within=1)
    # A change of a fifth fills the height.
    assert picture({0: 80, 1: 100}, days=2).has(BLACK, x=2, y=42, within=1)
    assert picture({0: 80, 1: 100}, days=2).has(BLACK, x=202, y=2, within=1)


def test_empty_series_is_an_empty_picture() -> None:
    assert picture({}, days=5).places(BLACK) == []


def test_points_outside_the_period_are_not_drawn() -> None:
    inside = {1: 10, 2: 12}

    points = [(day(number), value) for number, value in ({-1: 99} | inside | {9: 99}).items()]
    assert sparkline(points, first=FIRST, last=day(4)) == sparkline(
        points[1:3], first=FIRST, last=day(4)
    )


def test_period_of_one_day_is_a_dot_in_the_middle() -> None:
    assert picture({0: 10}, days=1).has(BLACK, x=102, y=22, within=0)


def test_sparkline_has_the_text_colour_and_is_hidden_from_screen_readers() -> None:
    svg = sparkline([(FIRST, 1), (day(1), 2), (day(3), 2)], first=FIRST, last=day(4))
    root = ET.fromstring(svg)

    assert (root.get("width"), root.get("height"), root.get("aria-hidden")) == ("120", "28", "true")
    assert {element.get("stroke") or element.get("fill") for element in root} == {"currentColor"}
    assert "style" not in svg


def test_inner_points_of_a_level_line_are_omitted() -> None:
    points = [(day(number), 5) for number in range(1000)]

    assert len(sparkline(points, first=FIRST, last=day(999))) < 400
