"""``api.charts.badge``: label, value and colours, also for hostile texts."""

import re
from xml.etree import ElementTree as ET

import pytest

from api.charts.badge import badge
from api.charts.theme import Theme
from tests.api.charts.pixels import rasterize
from tests.api.charts.reading import SVG, read_title, texts

GREY = (75, 83, 93)
BLUE = (9, 105, 218)


def test_badge_has_label_value_and_title() -> None:
    svg = badge("stars", "300,000", theme=Theme.LIGHT)

    assert texts(svg) == ["stars", "300,000"]
    assert read_title(svg) == "stars: 300,000"
    root = ET.fromstring(svg)
    assert (root.get("role"), root.get("height")) == ("img", "20")


def test_label_is_grey_and_value_blue() -> None:
    pixels = rasterize(badge("stars", "300,000", theme=Theme.LIGHT))

    width, height = pixels.size
    assert height == 20
    assert pixels.colour(2, 10) == GREY
    assert pixels.colour(width - 3, 10) == BLUE
    assert 80 < width < 130


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("iiiiiii", "1"),
        ("WWWWWWWWWW", "999,999,999"),
        ("שלום", "🎉"),
        ("<b>\"'&", "</svg>"),
        ("\x00\ud800", "\u202ex"),
    ],
)
def test_texts_stay_within_their_parts(label: str, value: str) -> None:
    root = ET.fromstring(badge(label, value))

    rectangles = root.findall(f"{SVG}g/{SVG}rect")
    letters = root.findall(f"{SVG}g/{SVG}text")
    assert len(rectangles) == len(letters) == 2
    for rectangle, text in zip(rectangles, letters, strict=True):
        left = float(rectangle.get("x", ""))
        right = left + float(rectangle.get("width", ""))
        start = float(text.get("x", ""))
        assert left < start < start + float(text.get("textLength", "")) < right


def test_long_label_is_shortened_but_complete_in_the_title() -> None:
    svg = badge("x" * 100, "1")

    assert re.fullmatch("x{20,40}…", texts(svg)[0])
    assert read_title(svg) == "x" * 100 + ": 1"
    assert float(ET.fromstring(svg).get("width", "")) < 250


def test_themes_differ() -> None:
    assert len({badge("stars", "1", theme=theme) for theme in Theme}) == 3
    assert rasterize(badge("stars", "1", theme=Theme.DARK)).colour(2, 10) == (48, 54, 61)
