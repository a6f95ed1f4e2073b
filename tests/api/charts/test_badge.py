"""``api.charts.badge``: label, value and colours, also for hostile texts."""

import re
from xml.etree import ElementTree as ET

import pytest

from api.charts.badge import Look, Style, badge, read_colour, shorten_number
from api.charts.icons import Icon
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


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1999, "1.9k"),
        (9_999, "9.9k"),
        (10_000, "10k"),
        (300_123, "300k"),
        (999_999, "999k"),
        (1_000_000, "1.0M"),
        (12_345_678, "12M"),
    ],
)
def test_short_numbers_are_never_rounded_up(value: int, short: str) -> None:
    assert shorten_number(value) == short


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("brightgreen", "#44cc11"),
        ("Blue", "#007ec6"),
        ("#abc", "#aabbcc"),
        ("ABCDEF", "#abcdef"),
        ("nothing", None),
        ("12345", None),
        ("#12345g", None),
        ("", None),
        ("url(#x)", None),
    ],
)
def test_colours_are_names_or_digits(text: str, colour: str | None) -> None:
    assert read_colour(text) == colour


def test_colours_are_those_that_were_chosen() -> None:
    look = Look(colour="#44cc11", label_colour="#222222")

    pixels = rasterize(badge("stars", "1", look=look))

    assert pixels.colour(2, 10) == (0x22, 0x22, 0x22)
    assert pixels.colour(pixels.size[0] - 3, 10) == (0x44, 0xCC, 0x11)


@pytest.mark.parametrize(
    ("colour", "ink"), [("#ffffff", "#1f2328"), ("#dfb317", "#1f2328"), ("#222222", "#fff")]
)
def test_text_can_be_read_on_every_colour(colour: str, ink: str) -> None:
    value = ET.fromstring(badge("stars", "1", look=Look(colour=colour))).findall(
        f"{SVG}g/{SVG}text"
    )

    assert value[1].get("fill") == ink


def test_large_badge_is_in_capitals_and_its_title_is_not() -> None:
    svg = badge("stars", "1.2k", look=Look(style=Style.FOR_THE_BADGE))

    assert texts(svg) == ["STARS", "1.2K"]
    assert read_title(svg) == "stars: 1.2k"
    assert rasterize(svg).size[1] == 28


@pytest.mark.parametrize("icon", Icon)
def test_icon_stands_before_the_label(icon: Icon) -> None:
    plain = badge("stars", "1", theme=Theme.LIGHT)
    svg = badge("stars", "1", theme=Theme.LIGHT, look=Look(icon=icon))

    pixels = rasterize(svg)
    assert pixels.size[0] > rasterize(plain).size[0] + 14
    drawn = {pixels.colour(x, y) for x in range(6, 20) for y in range(3, 17)}
    assert (255, 255, 255) in drawn
