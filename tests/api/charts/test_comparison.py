"""The chart of a comparison: its lines, names and axes, as people see them."""

import json
import re
from datetime import date
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.comparison import comparison_chart, line_number
from api.charts.curve import Curve, Look
from api.charts.place import Place
from api.charts.theme import COMPARED_COLOURS, Theme, style_element
from tests.api.charts.pixels import rasterize
from tests.api.charts.reading import SVG, read_description, texts

LAST = date(2026, 11, 28).toordinal()
FIRST = LAST - 3659


def curve(name: str, values: list[int], *, until: int = LAST, missing: range = range(0)) -> Curve:
    days = [until - len(values) + 1 + place for place in range(len(values)) if place not in missing]
    kept = [value for place, value in enumerate(values) if place not in missing]
    return Curve(name, days, days, kept, [True] * len(days))


def draw(
    curves: list[Curve],
    look: Look | None = None,
    *,
    size: tuple[int, int] = (800, 400),
    place: Place = Place.README,
) -> str:
    return comparison_chart(
        "Stars",
        curves,
        first=FIRST,
        last=LAST,
        look=look or Look(),
        width=size[0],
        height=size[1],
        place=place,
        theme=Theme.LIGHT,
    )


def numbers_of(svg: str) -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads(ET.fromstring(svg).findtext(f"{SVG}metadata") or "")
    return numbers


def many(number: int, days: int = 3660) -> list[Curve]:
    return [
        curve(f"owner-{place}/repository-{place}", [day * (place + 1) for day in range(days)])
        for place in range(number)
    ]


def test_twenty_lines_of_ten_years_are_small_and_named() -> None:
    svg = draw(many(20), size=(1100, 560))

    assert len(svg) < 30_000
    assert {f"owner-{place}/repository-{place}" for place in range(20)} <= set(texts(svg))


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=20),
    st.sampled_from([(300, 200), (400, 260), (800, 400), (2000, 1000)]),
)
def test_names_neither_overlap_nor_leave_the_picture(
    ends: list[int], size: tuple[int, int]
) -> None:
    svg = draw([curve(f"a/b{place}", [0, end]) for place, end in enumerate(ends)], size=size)

    rows = [
        (float(text.get("y", "")), float(text.get("font-size", "")))
        for text in ET.fromstring(svg).iter(f"{SVG}text")
        if (text.text or "").startswith(("a/b", "and "))
    ]
    assert len(rows) == len(ends) or f"and {len(ends) - len(rows) + 1} more" in texts(svg)
    for (one, font_px), (other, _) in pairwise(sorted(rows)):
        assert other - one >= font_px
    assert all(font_px < y < size[1] for y, font_px in rows)


def test_no_two_lines_look_alike() -> None:
    assert len({line_number(number) for number in range(20)}) == 20
    for one, other in pairwise(range(20)):
        assert line_number(one)[0] != line_number(other)[0]
        assert line_number(one)[1] != line_number(other)[1]


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_colours_have_contrast_with_the_paper(theme: Theme) -> None:
    names = {f"compared{number}": ("stroke", f"compared{number}") for number in range(7)}
    assert len(names) == COMPARED_COLOURS
    rules = style_element(theme, {"paper": ("fill", "paper"), **names})
    paper, *lines = [luminance(colour) for colour in re.findall("#[0-9a-f]{6}", rules)]

    for line in lines:
        light, dark = max(line, paper), min(line, paper)
        assert (light + 0.05) / (dark + 0.05) >= 3
    assert len(set(lines)) == COMPARED_COLOURS


def luminance(colour: str) -> float:
    """Return the relative luminance, as WCAG 2 defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_no_line_crosses_a_gap() -> None:
    svg = draw([curve("a/b", list(range(100)), missing=range(40, 60))], size=(800, 400))

    path = next(
        path for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("class") == "line0"
    )
    assert (path.get("d") or "").count("M") == 2
    assert "20 missing" in read_description(svg)
    # Dots at its edges.
    assert len(list(ET.fromstring(svg).iter(f"{SVG}circle"))) == 2


def test_the_axis_begins_with_the_first_value() -> None:
    svg = draw([curve("a/b", [5] * 30)])

    assert any("Nov" in text or "2026-11" in text for text in texts(svg))
    assert not any("2020" in text for text in texts(svg))


def test_a_logarithmic_axis_leaves_zeros_out() -> None:
    svg = draw([curve("a/b", [0, 1, 10, 100]), curve("c/d", [0, 0, 0, 0])], Look(is_log=True))

    assert {"1", "10", "100"} <= set(texts(svg))
    assert "c/d: nothing known." in read_description(svg)


def test_changes_are_shown_around_zero() -> None:
    svg = draw([curve("a/b", [3, -2, 5])], Look(has_zero=True))

    assert "0" in texts(svg)
    assert any(text.startswith("\N{MINUS SIGN}") for text in texts(svg))


def test_ages_are_labelled_in_days_or_years() -> None:
    short = Curve("a/b", range(30), range(30), range(30), [True] * 30)
    long = Curve("a/b", range(3000), range(3000), range(3000), [True] * 3000)

    assert "10 d" in texts(draw([short], Look(is_aligned=True)))
    assert "2 y" in texts(draw([long], Look(is_aligned=True)))


@pytest.mark.parametrize("curves", [[], [Curve("a/b", (), (), (), ())]])
def test_a_chart_without_values_says_so(curves: list[Curve]) -> None:
    assert "nothing known" in texts(draw(curves))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a/b&c", "x" * 300, "\ud800/\0"])
def test_names_are_escaped_and_shortened(name: str) -> None:
    svg = draw([curve(name, [1, 2, 3])], place=Place.PAGE)

    assert ET.fromstring(svg) is not None
    assert rasterize(svg).size == (800, 400)


def test_values_can_be_read_of_each_day() -> None:
    svg = draw([curve("a/b", [5, 7, 6, 9], missing=range(2, 3))], place=Place.PAGE)

    numbers = numbers_of(svg)
    assert numbers["first"] == date.fromordinal(LAST - 3).isoformat()
    assert numbers["days"] == 4
    (panel,) = numbers["panels"]
    assert panel["rows"] == [{"label": "b", "colour": 11, "runs": [[0, 5, 2], [3, 9]], "notes": []}]


def test_of_many_values_those_of_some_days_are_read() -> None:
    svg = draw(many(20), place=Place.PAGE)

    numbers = numbers_of(svg)
    (panel,) = numbers["panels"]
    spans = numbers["spans"]
    assert 100 < len(spans) <= 750
    assert spans[-1] == [3659, 3659]
    last = sum(panel["rows"][19]["runs"][0][1:])
    assert last == 3659 * 20
    assert len(svg) < 130_000


def test_names_on_a_phone_lack_their_owners_unless_two_would_be_alike() -> None:
    distinct = [curve("a/one", [1, 2]), curve("b/two", [1, 3])]
    alike = [curve("a/one", [1, 2]), curve("b/one", [1, 3])]
    phone, desktop = (360, 300), (1136, 400)

    shown = {
        (size, place): set(texts(draw(curves, size=size, place=place)))
        for (size, curves, place) in [
            (phone, distinct, Place.PAGE),
            (desktop, distinct, Place.PAGE),
            (phone, distinct, Place.README),
        ]
    }

    assert "one" in shown[phone, Place.PAGE]
    assert "a/one" in shown[desktop, Place.PAGE]
    assert "a/one" in shown[phone, Place.README]
    assert "a/one" in texts(draw(alike, size=phone, place=Place.PAGE))


def test_values_that_were_not_observed_have_thin_lines() -> None:
    days = range(LAST - 9, LAST + 1)
    mixed = Curve("a/b", days, days, range(10), [day > LAST - 5 for day in days])

    svg = draw([mixed], place=Place.PAGE)

    widths = [
        path.get("stroke-width")
        for path in ET.fromstring(svg).iter(f"{SVG}path")
        if path.get("class") == "line0" and "h" not in (path.get("d") or "")
    ]
    assert sorted(map(str, widths)) == ["1", "2.2"]
    (panel,) = numbers_of(svg)["panels"]
    assert panel["rows"][0]["notes"] == [[0, 4, "reconstructed or imported"]]


def test_pairs_of_lines_differ_in_colour_or_dashes() -> None:
    assert all(line_number(one) != line_number(other) for one, other in combinations(range(35), 2))
