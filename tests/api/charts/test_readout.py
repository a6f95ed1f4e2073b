"""``api.charts.readout``: the numbers in a chart for a page are those that it shows."""

import json
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.bars import Bar, bar_chart
from api.charts.line import line_chart
from api.charts.panel import Series
from api.charts.place import Place
from api.charts.readout import runs
from api.charts.source import RECONSTRUCTED, Kind, Mark, Source
from api.charts.theme import Theme
from tests.api.charts.pixels import ORANGE, rasterize
from tests.api.charts.reading import SVG, read_axes, texts
from tests.api.charts.test_line import HOSTILE

FIRST = date(2024, 1, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def chart(*shown: Series, days: int, place: Place = Place.PAGE, width: int = 740) -> str:
    return line_chart(
        "allien/repopulse",
        shown,
        first=FIRST,
        last=day(days - 1),
        width=width,
        height=340,
        place=place,
        theme=Theme.LIGHT,
    )


def read(svg: str) -> dict[str, Any]:
    """Return the numbers of a chart, as the script does."""
    found: dict[str, Any] = json.loads(ET.fromstring(svg).findtext(f"{SVG}metadata") or "")
    return found


def decoded(found: list[list[int]]) -> dict[int, int]:
    """Return the values of runs by number of slot."""
    values = {}
    for start, *steps in found:
        for number in range(len(steps)):
            values[start + number] = sum(steps[: number + 1])
    return values


@given(st.lists(st.none() | st.integers(-(10**9), 10**9), max_size=40))
def test_runs_have_each_value_and_none_of_the_missing_ones(values: list[int | None]) -> None:
    wanted = {number: value for number, value in enumerate(values) if value is not None}

    assert decoded([list(map(int, run)) for run in runs(values)]) == wanted


def test_values_are_those_of_the_days_and_their_points_are_on_the_line() -> None:
    values = {0: 300, 1: 340, 2: 310, 5: 360, 7: 365, 8: 300}
    svg = chart(Series("Stars", [(day(number), value) for number, value in values.items()]), days=9)

    found = read(svg)
    (panel,) = found["panels"]
    (row,) = panel["rows"]

    assert (found["first"], found["days"]) == ("2024-01-01", 9)
    assert (row["label"], row["colour"]) == ("Stars", 1)
    assert decoded(row["runs"]) == values
    pixels = rasterize(svg)
    for number, value in values.items():
        x = found["left"] + (number + 0.5) * found["width"] / found["days"]
        share = (value - panel["lowest"]) / (panel["highest"] - panel["lowest"])
        y = panel["top"] + (1 - share) * panel["height"]
        assert pixels.has(ORANGE, x=x, y=y), number


def test_sources_are_words_about_the_days_that_have_them() -> None:
    sheet = Source(Kind.IMPORTED, "<sheet> & more")
    points = [(day(number), 10 + number) for number in range(8) if number != 2]
    marks = [Mark(day(number), RECONSTRUCTED) for number in (0, 1, 3)]
    svg = chart(Series("Stars", points, [*marks, Mark(day(4), sheet)]), days=8)

    (row,) = read(svg)["panels"][0]["rows"]

    assert row["notes"] == [
        [0, 1, "reconstructed"],
        [3, 3, "reconstructed"],
        [4, 4, "imported from <sheet> & more"],
    ]


def test_bars_have_the_days_of_their_spans() -> None:
    bars = [
        Bar(day(-3), day(4), 5, None, is_late=True),
        Bar(day(4), day(11), None, None),
        Bar(day(11), day(18), 7, 2),
        Bar(day(18), day(25), None, None, net=-4),
    ]
    svg = bar_chart("x", "x", bars, first=FIRST, last=day(30), place=Place.PAGE)

    found = read(svg)
    gained, lost, change = found["panels"][0]["rows"]

    assert found["spans"] == [[0, 3], [4, 10], [11, 17], [18, 24]]
    assert (decoded(gained["runs"]), gained["notes"]) == (
        {0: 5, 2: 7},
        [[0, 0, "still held today"]],
    )
    assert decoded(lost["runs"]) == {2: 2}
    assert decoded(change["runs"]) == {3: -4}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_escaped(name: str) -> None:
    svg = chart(Series(name, [(day(0), 1), (day(1), 2)]), days=2)

    label = read(svg)["panels"][0]["rows"][0]["label"]
    assert label.replace("\ufffd", "?") == "".join(
        "?" if each in "\x00\x1b\ud800" else each for each in name
    )


def test_numbers_and_no_title_are_in_charts_of_pages_alone() -> None:
    series = Series("Stars", [(day(0), 1), (day(1), 2)])
    page, readme = (chart(series, days=2, place=place) for place in (Place.PAGE, Place.README))

    assert "allien/repopulse" not in texts(page)
    assert "allien/repopulse" in texts(readme)
    assert ET.fromstring(readme).find(f"{SVG}metadata") is None


def test_axes_of_days_of_charts_on_a_page_are_aligned() -> None:
    small = chart(Series("Stars", [(day(0), 1), (day(89), 3)]), days=90)
    large = chart(Series("Stars", [(day(0), 299_000), (day(89), 312_345)]), days=90)
    bars = bar_chart(
        "x", "x", [], first=FIRST, last=day(89), width=740, place=Place.PAGE, theme=Theme.LIGHT
    )

    places = [(read(svg)["left"], read(svg)["width"]) for svg in (small, large, bars)]
    assert len(set(places)) == 1
    assert len({read_axes(svg)[0].x(day(30)) for svg in (small, large)}) == 1


@pytest.mark.parametrize("width", [360, 520, 740, 1136])
def test_font_is_that_of_small_text_of_a_page_at_every_width(width: int) -> None:
    svg = chart(Series("Stars", []), days=2, width=width)

    assert 12 <= float(ET.fromstring(svg).get("font-size", "0")) <= 13


def test_ninety_days_have_at_least_four_labels_in_each_place() -> None:
    series = Series("Stars", [(day(number), 300_000 + number) for number in range(90)])
    for place, width, least in (
        (Place.PAGE, 1136, 10),
        (Place.PAGE, 360, 4),
        (Place.README, 600, 4),
        (Place.README, 400, 4),
    ):
        assert len(read_axes(chart(series, days=90, place=place, width=width))[0].days) >= least


def test_a_gap_is_as_wide_as_its_days_and_has_a_legend() -> None:
    missing = {3, 4, 6}
    points = [(day(number), 5 + number) for number in range(10) if number not in missing]
    svg = chart(Series("Stars", points), days=10)

    found = read(svg)
    slot = found["width"] / 10
    legend, *gaps = sorted(
        (float(rect.get("x", "")), float(rect.get("width", "")))
        for rect in ET.fromstring(svg).iter(f"{SVG}rect")
        if rect.get("class") == "gap"
    )
    wanted = [(found["left"] + first * slot, days * slot) for first, days in ((3, 2), (6, 1))]
    assert [edge for gap in gaps for edge in gap] == pytest.approx(
        [edge for gap in wanted for edge in gap], abs=0.1
    )
    assert "not recorded" in texts(svg)
    assert legend[0] < found["left"]
    assert "not recorded" not in texts(chart(Series("Stars", points[:3]), days=10))


def test_events_are_marked_in_each_panel_and_are_read_with_their_days() -> None:
    values = [Series(label, [(day(0), 4), (day(9), 5)]) for label in ("Stars", "Forks")]
    events = [(day(-1), "before"), (day(3), "release: v1 <b>"), (day(3), "note: x"), (day(10), "y")]
    svg = line_chart(
        "x", values, first=FIRST, last=day(9), events=events, place=Place.PAGE, theme=Theme.LIGHT
    )

    found = read(svg)

    assert found["events"] == [[3, "release: v1 <b>"], [3, "note: x"]]
    (line,) = (
        path.get("d") or ""
        for path in ET.fromstring(svg).iter(f"{SVG}path")
        if path.get("class") == "event"
    )
    x = found["left"] + 3.5 * found["width"] / 10
    starts = [segment.split("v")[0].split(" ") for segment in line[1:].split("M")]
    assert [float(start[1]) for start in starts] == [panel["top"] for panel in found["panels"]]
    assert all(abs(float(start[0]) - x) < 0.1 for start in starts)
    assert "note or release" in texts(svg)
    without = line_chart("x", values, first=FIRST, last=day(9), events=events[:1])
    assert "note or release" not in texts(without)
