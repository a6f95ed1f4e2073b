from datetime import date

import pytest

from api.charts.source import RECONSTRUCTED, Mark
from api.queries.metric import Metric
from api.queries.sources import RECONSTRUCTED as FROM_HISTORY
from api.queries.user_history import TotalPoint
from api.v1 import chart_series

DAY = date(2026, 6, 5)


@pytest.mark.parametrize("at_least", [None, 8])
@pytest.mark.parametrize("has_all", [True, False])
def test_a_reconstructed_total_is_drawn_if_all_histories_are_read(
    at_least: int | None, has_all: bool
) -> None:
    total = TotalPoint(
        DAY,
        2,
        0,
        {Metric.STARGAZERS: 10, Metric.FORKS: None, Metric.WATCHERS: None},
        {Metric.STARGAZERS: 2, Metric.FORKS: 0, Metric.WATCHERS: 0},
        FROM_HISTORY,
        at_least,
        at_most=12,
    )

    found = chart_series.of_totals([], [total], Metric.STARGAZERS, has_all_histories=has_all)

    assert list(found.points) == ([(DAY, 10)] if has_all else [])
    assert list(found.marks) == ([Mark(DAY, RECONSTRUCTED, at_least, 12)] if has_all else [])
