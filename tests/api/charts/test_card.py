"""Cards: the newest counts, their changes and a line, all of them legible at half the size."""

from datetime import date, timedelta

import pytest

from api.charts.card import HEIGHT, WIDTH, Card, Figure, draw_card
from api.charts.notice import notice
from api.charts.path import Point
from api.charts.theme import Theme
from tests.api.charts.pixels import ORANGE, rasterize
from tests.api.charts.reading import texts

LAST = date(2026, 11, 29)
FIRST = LAST - timedelta(days=89)


def card(
    points: list[Point], title: str = "octo/hello", **values: tuple[int | None, int | None]
) -> str:
    figures = [Figure(label, *each) for label, each in values.items()]
    made = Card(title, "Repository", LAST, figures, 30, "Stars", points, FIRST, LAST)
    return draw_card(made, theme=Theme.LIGHT)


def level(*days: range) -> list[Point]:
    return [(FIRST + timedelta(day), 1000 + day) for part in days for day in part]


def test_counts_and_changes_are_written_out() -> None:
    shown = texts(card(level(range(90)), Stars=(300_123, 1234), Forks=(9, -3), Watchers=(None, 0)))

    assert {"octo/hello", "300,123", "+1,234 in 30 d", "±0 in 30 d"} <= set(shown)
    assert {"\N{MINUS SIGN}3 in 30 d", "\N{EN DASH}"} <= set(shown)
    assert "recorded on 2026-11-29 · Repopulse" in shown


def test_no_line_crosses_a_gap_and_an_isolated_day_is_a_dot() -> None:
    drawn = card(level(range(30), range(45, 46), range(60, 90)), Stars=(1, None))
    pixels = rasterize(drawn)

    assert any("shaded days were not recorded" in text for text in texts(drawn))
    columns = pixels.columns(ORANGE)
    span = max(columns) - min(columns)
    shares = {round((x - min(columns)) / span * 89) for x in columns}
    assert not shares & set(range(33, 43)) and not shares & set(range(48, 58))  # noqa: PT018
    assert 45 in shares


@pytest.mark.parametrize("points", [[], [(LAST, 3)]])
def test_a_card_with_no_day_or_one_has_the_same_size(points: list[Point]) -> None:
    pixels = rasterize(card(points, Stars=(3, None)))

    assert pixels.size == (WIDTH, HEIGHT)
    assert bool(pixels.columns(ORANGE)) == bool(points)


def test_a_long_name_is_smaller_before_it_is_cut() -> None:
    names = ["o/" + "n" * length for length in (10, 40, 130)]

    drawn = [card([], name) for name in names]

    assert [name in drawn_card for name, drawn_card in zip(names, drawn, strict=True)] == [
        True,
        True,
        True,
    ]
    shown = [[text for text in texts(each) if text.startswith("o/")] for each in drawn]
    assert shown[:2] == [[names[0]], [names[1]]]
    assert shown[2][0].endswith("…")


@pytest.mark.parametrize(("width", "height"), [(300, 200), (600, 300), (2000, 1000)])
@pytest.mark.parametrize("reason", ["no", "many words " * 200, "x" * 3000, "<&\x00>"])
def test_a_notice_stays_within_its_picture(width: int, height: int, reason: str) -> None:
    drawn = rasterize(notice("A title", reason, width=width, height=height, theme=Theme.LIGHT))

    margin = {drawn.colour(width - x, y) for x in (2, 3, 4) for y in range(10, height - 10)}
    assert drawn.size == (width, height)
    assert margin == {(255, 255, 255)}
    assert {drawn.colour(x, height - 3) for x in range(10, width - 10)} == {(255, 255, 255)}
