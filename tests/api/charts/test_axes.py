"""``api.charts.axes``: ticks for 3 and for 300,000, for one day and for ten years."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.axes import DayTick, day_ticks, log_ticks, value_ticks
from tests.api.charts.reading import read_day

COUNTS = st.integers(0, 10**9)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))


class Fits:
    """Fits labels on an axis that has room for a number of letters."""

    def __init__(self, room: int, first: date, last: date) -> None:
        self.room, self.first, self.days = room, first, (last - first).days or 1

    def __call__(self, ticks: list[DayTick]) -> bool:
        return all(
            (after[0] - before[0]).days / self.days * self.room
            > (len(before[1]) + len(after[1])) / 2
            for before, after in pairwise(ticks)
        )


@given(COUNTS, COUNTS, st.integers(3, 30))
def test_value_ticks_are_few_round_numbers_in_equal_steps_around_the_values(
    one: int, other: int, most: int
) -> None:
    lowest, highest = sorted((one, other))

    ticks = value_ticks(lowest, highest, most=most)

    assert 2 <= len(ticks) <= most
    assert 0 <= ticks[0] <= lowest
    assert highest <= ticks[-1]
    (step,) = {after - before for before, after in pairwise(ticks)}
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert all(tick % step == 0 for tick in ticks)


@given(COUNTS, COUNTS)
def test_values_fill_at_least_a_fifth_of_the_axis(one: int, other: int) -> None:
    lowest, highest = sorted((one, other))

    ticks = value_ticks(lowest, highest, most=3)

    assert lowest == highest or (highest - lowest) * 5 >= ticks[-1] - ticks[0]


@pytest.mark.parametrize(
    ("lowest", "highest", "ticks"),
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
def test_value_ticks_of_typical_ranges(lowest: int, highest: int, ticks: list[int]) -> None:
    assert value_ticks(lowest, highest, most=7) == ticks


@given(DAYS, st.integers(0, 3660), st.integers(20, 200))
def test_day_ticks_fit_and_their_labels_match_their_days(first: date, days: int, room: int) -> None:
    last = min(first, date.max - timedelta(days=days)) + timedelta(days=days)
    first = last - timedelta(days=days)
    fits = Fits(room, first, last)

    ticks = day_ticks(first, last, fits)

    assert ticks
    assert fits(ticks)
    before = None
    for day, label in ticks:
        assert first <= day <= last
        # A label without a day is the first of the month; without a month, of the year.
        before = read_day(label, before)
        assert day == before
    assert [day for day, _ in ticks] == sorted({day for day, _ in ticks})


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2024-03-01", "2024-03-01", ["1 Mar 2024"]),
        ("2024-03-01", "2024-03-03", ["1 Mar 2024", "2 Mar", "3 Mar"]),
        ("2024-02-01", "2024-03-01", ["2 Feb 2024", "9 Feb", "16 Feb", "23 Feb", "1 Mar"]),
        ("2024-01-20", "2024-04-18", ["25 Jan 2024", "22 Feb", "21 Mar", "18 Apr"]),
        ("2023-12-20", "2024-03-18", ["25 Dec 2023", "22 Jan 2024", "19 Feb", "18 Mar"]),
        ("2023-05-02", "2024-05-01", ["Jul 2023", "Sep", "Nov", "Jan 2024", "Mar", "May"]),
        ("2014-03-11", "2024-03-10", [str(year) for year in range(2016, 2025, 2)]),
    ],
)
def test_day_ticks_of_typical_periods(first: str, last: str, labels: list[str]) -> None:
    ends = date.fromisoformat(first), date.fromisoformat(last)

    assert [label for _, label in day_ticks(*ends, Fits(36, *ends))] == labels


def test_last_day_is_the_only_tick_if_nothing_else_fits() -> None:
    first, last = date(2024, 1, 1), date(2024, 1, 9)

    assert day_ticks(first, last, lambda ticks: len(ticks) == 1) == [(last, "9 Jan 2024")]


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 40))
def test_ticks_of_a_logarithmic_axis_are_around_its_values(one: int, other: int, most: int) -> None:
    lowest, highest = sorted((one, other))

    ticks = log_ticks(lowest, highest, most=most)

    assert ticks == sorted(set(ticks))
    assert ticks[0] <= lowest <= highest <= ticks[-1]
    assert all(str(tick).strip("0") in {"1", "2", "5"} for tick in ticks)
    assert 2 <= len(ticks) <= max(most, 3)


def test_ticks_of_a_logarithmic_axis_begin_near_the_lowest_value() -> None:
    assert log_ticks(30, 40_000, most=20) == [
        20,
        50,
        100,
        200,
        500,
        1000,
        2000,
        5000,
        10**4,
        20000,
        50000,
    ]
    assert log_ticks(0.5, 3, most=20) == [1, 2, 5]
    assert log_ticks(1, 1_000_000, most=5) == [1, 100, 10_000, 1_000_000]
