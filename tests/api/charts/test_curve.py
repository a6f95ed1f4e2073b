"""Curves of many points as short paths."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.charts.curve import Run, Scale, densest, path_of, runs, simplify

TOLERANCE = 0.4

heights = st.lists(st.floats(0, 500), min_size=1, max_size=200)


@given(heights, st.floats(0.05, 20))
def test_no_point_is_further_from_the_line_than_can_be_seen(y: list[float], step: float) -> None:
    x = [10 + place * step for place in range(len(y))]

    kept = simplify(x, y)

    assert (kept[0], kept[-1]) == (0, len(y) - 1)
    for start, stop in pairwise(kept):
        for place in range(start, stop + 1):
            share = (x[place] - x[start]) / (x[stop] - x[start])
            on_line = y[start] + share * (y[stop] - y[start])
            assert abs(on_line - y[place]) <= TOLERANCE + 1e-6


def test_a_straight_line_has_two_points() -> None:
    x = [place / 4 for place in range(3650)]

    assert path_of(x, [2 * place for place in x]) == "M0.0 0.0L912.2 1824.5"


@given(st.lists(st.floats(0, 500), min_size=100, max_size=400))
def test_dense_points_keep_the_extremes_of_each_column(y: list[float]) -> None:
    x = [place / 10 for place in range(len(y))]

    kept = densest(x, y, range(len(y)))

    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, len(y) - 1)
    for begin in range(0, len(y), 20):
        column = range(begin, min(begin + 20, len(y)))
        values = [y[place] for place in kept if place in column]
        assert {min(y[place] for place in column), max(y[place] for place in column)} <= {*values}


def test_a_line_that_goes_up_and_down_each_day_has_few_points_for_each_pixel() -> None:
    x = [place / 5 for place in range(3650)]

    path = path_of(x, [100.0 * (place % 2) for place in range(3650)])

    assert 700 < path.count("L") <= 3 * 730 / 2 + 1
    assert path_of([0.0, 1.0, 2.0], [5.0, 9.0, 5.0]) == "M0.0 5.0L1.0 9.0L2.0 5.0"


@pytest.mark.parametrize(
    ("steps", "observed", "expected"),
    [
        ([], [], []),
        ([7], [True], [Run(0, 1, True)]),
        ([1, 2, 3], [True] * 3, [Run(0, 3, True)]),
        ([1, 2, 5, 6], [True] * 4, [Run(0, 2, True), Run(2, 4, True)]),
        ([1, 3, 4], [False, True, True], [Run(0, 1, False), Run(1, 3, True)]),
        # The line from a day that was not observed to one that was is no observation.
        ([1, 2, 3, 4], [False, False, True, True], [Run(0, 3, False), Run(2, 4, True)]),
    ],
)
def test_runs_end_at_gaps_and_where_observation_begins(
    steps: list[int], observed: list[bool], expected: list[Run]
) -> None:
    assert runs(steps, observed) == expected


def test_equal_ratios_are_equally_high_on_a_logarithmic_scale() -> None:
    scale = Scale(1, 1000, 300, 0, is_log=True)

    assert scale.places([1, 10, 100, 1000]) == pytest.approx([300, 200, 100, 0])


def test_a_scale_of_a_single_value_is_its_middle() -> None:
    assert Scale(5, 5, 0, 10).places([5, 5]) == [5, 5]


def test_coordinates_have_one_decimal() -> None:
    assert re.fullmatch(r"M\d+\.\d \d+\.\dL\d+\.\d \d+\.\d", path_of([1.234, 2.345], [3.456, 9.9]))
