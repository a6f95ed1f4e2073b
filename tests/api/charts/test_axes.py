"""``api.charts.axes``: marks for 3 and for 300,000, for a day and for ten years."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.axes import DayTick, day_ticks, value_ticks

COUNTS = st.integers(0, 10**9)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))


class Fits:
    """Allows labels as wide as they have letters on an axis with room for so many."""

    def __init__(self, room: int, first: date, last: date) -> None:
        self.room, self.first, self.days = room, first, (last - first).days or 1

    def __call__(self, marks: list[DayTick]) -> bool:
        return all(
            (after[0] - before[0]).days / self.days * self.room
            > (len(before[1]) + len(after[1])) / 2
            for before, after in pairwise(marks)
        )


@given(COUNTS, COUNTS, st.integers(3, 30))
def test_values_have_few_whole_marks_in_equal_steps_around_them(
    one: int, other: int, most: int
) -> None:
    lowest, highest = sorted((one, other))

    marks = value_ticks(lowest, highest, most=most)

    assert 2 <= len(marks) <= most
    assert 0 <= marks[0] <= lowest
    assert highest <= marks[-1]
    (step,) = {after - before for before, after in pairwise(marks)}
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert all(mark % step == 0 for mark in marks)


@given(COUNTS, COUNTS)
def test_values_fill_a_fifth_of_the_height_at_least(one: int, other: int) -> None:
    lowest, highest = sorted((one, other))

    marks = value_ticks(lowest, highest, most=3)

    assert lowest == highest or (highest - lowest) * 5 >= marks[-1] - marks[0]


@pytest.mark.parametrize(
    ("lowest", "highest", "marks"),
    [
        (0, 3, [0, 1, 2, 3]),
        (1, 3, [0, 1, 2, 3]),
        (0, 300_000, [0, 50_000, 100_000, 150_000, 200_000, 250_000, 300_000]),
        (299_990, 300_003, [299_990, 299_995, 300_000, 300_005]),
        (42, 42, [41, 42, 43]),
        (300_000, 300_000, [299_999, 300_000, 300_001]),
        (0, 0, [0, 1]),
        (1, 1, [0, 1, 2]),
    ],
)
def test_the_marks_of_values_are_what_one_would_write(
    lowest: int, highest: int, marks: list[int]
) -> None:
    assert value_ticks(lowest, highest, most=7) == marks


@given(DAYS, st.integers(0, 3660), st.integers(20, 200))
def test_days_have_marks_that_fit_and_say_where_they_are(first: date, days: int, room: int) -> None:
    last = min(first, date.max - timedelta(days=days)) + timedelta(days=days)
    first = last - timedelta(days=days)
    fits = Fits(room, first, last)

    marks = day_ticks(first, last, fits)

    assert marks
    assert fits(marks)
    for day, label in marks:
        assert first <= day <= last
        # What a label leaves out is the beginning of the month, or of the year.
        assert day.isoformat() == label + "0001-01-01"[len(label) :]
    assert [day for day, _ in marks] == sorted({day for day, _ in marks})


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2024-03-01", "2024-03-01", ["2024-03-01"]),
        ("2024-03-01", "2024-03-03", ["2024-03-01", "2024-03-02", "2024-03-03"]),
        ("2024-02-01", "2024-03-01", ["2024-02-02", "2024-02-16", "2024-03-01"]),
        ("2024-01-20", "2024-04-18", ["2024-02", "2024-03", "2024-04"]),
        ("2023-05-02", "2024-05-01", ["2023-07", "2023-10", "2024-01", "2024-04"]),
        ("2014-03-11", "2024-03-10", [str(year) for year in range(2016, 2025, 2)]),
    ],
)
def test_the_marks_of_days_are_what_one_would_write(
    first: str, last: str, labels: list[str]
) -> None:
    ends = date.fromisoformat(first), date.fromisoformat(last)

    assert [label for _, label in day_ticks(*ends, Fits(36, *ends))] == labels


def test_one_day_is_left_where_nothing_fits() -> None:
    first, last = date(2024, 1, 1), date(2024, 1, 9)

    assert day_ticks(first, last, lambda marks: len(marks) == 1) == [(last, "2024-01-09")]
