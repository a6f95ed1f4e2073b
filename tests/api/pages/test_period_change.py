"""The change in a period and in the one before: its days, and what is not known."""

from datetime import date, timedelta

import pytest

from api.pages.period import DateRange
from api.pages.period_change import PeriodChange, compare, spans_of
from api.queries.metric import Metric
from api.queries.series import Point

TODAY = date(2026, 3, 20)
LONG_AGO = date(2020, 1, 1)
ONE_DAY = timedelta(days=1)


def march(day: int) -> date:
    return date(2026, 3, 1) + (day - 1) * ONE_DAY


@pytest.mark.parametrize(
    ("first", "last", "known_since", "has_today", "start", "end", "before"),
    [
        # As many days before; the first period ends where the second begins.
        (march(8), march(14), LONG_AGO, True, march(7), march(14), march(0)),
        (march(14), TODAY, LONG_AGO, True, march(13), TODAY, march(6)),
        # Today is not recorded yet: both periods are a day shorter.
        (march(14), TODAY, LONG_AGO, False, march(13), march(19), march(7)),
        # The day is over: it is missing, and no other day takes its place.
        (march(8), march(14), LONG_AGO, False, march(7), march(14), march(0)),
        # Nothing is known before the first day.
        (march(8), march(14), march(9), True, march(9), march(14), None),
        (march(8), march(14), march(7), True, march(7), march(14), None),
        (march(8), march(14), march(0), True, march(7), march(14), march(0)),
        (march(8), march(14), march(1), True, march(7), march(14), None),
        (march(8), march(8), LONG_AGO, True, march(7), march(8), march(6)),
    ],
)
def test_periods_have_the_same_length(  # noqa: PLR0917
    first: date,
    last: date,
    known_since: date,
    has_today: bool,
    start: date,
    end: date,
    before: date | None,
) -> None:
    found = spans_of(DateRange(first, last), TODAY, known_since, has_today=has_today)
    assert found is not None
    assert (found.start, found.end, found.before) == (start, end, before)
    if found.earlier is not None:
        assert found.earlier.length == found.shown.length


@pytest.mark.parametrize(
    ("first", "last", "known_since", "has_today"),
    [
        (march(8), march(14), None, True),
        (march(8), march(14), march(14), True),
        (march(8), march(14), march(15), True),
        (TODAY, TODAY, LONG_AGO, False),
        (date(1, 1, 1), date(1, 1, 3), LONG_AGO, True),
    ],
)
def test_there_is_nothing_to_compare(
    first: date, last: date, known_since: date | None, has_today: bool
) -> None:
    assert spans_of(DateRange(first, last), TODAY, known_since, has_today=has_today) is None


def changes(points: dict[date, Point]) -> PeriodChange:
    spans = spans_of(DateRange(march(8), march(14)), TODAY, LONG_AGO, has_today=True)
    assert spans is not None
    return compare(spans, points, LONG_AGO, lambda _day, _metric: "observed")


def test_changes_are_between_the_rows_at_the_ends() -> None:
    found = changes(
        {
            march(0): Point(march(0), 100, 10, 5),
            march(7): Point(march(7), 140, 10, 4),
            march(14): Point(march(14), 200, 7, 4),
        }
    )

    assert [
        (row.metric, row.change, row.earlier, row.difference, row.percent) for row in found.rows
    ] == [
        (Metric.STARGAZERS, 60, 40, 20, 50.0),
        (Metric.FORKS, -3, 0, -3, None),
        (Metric.WATCHERS, 0, -1, 1, None),
    ]
    assert {row.sources for row in found.rows} == {"observed"}
    assert found.missing == []


def test_a_missing_day_makes_its_changes_unknown() -> None:
    rows = {
        march(0): Point(march(0), 100, 10, 5),
        march(1): Point(march(1), 101, 10, 5),
        march(7): Point(march(7), 140, 10, 4),
        march(14): Point(march(14), 200, 7, 4),
    }

    def without(day: date) -> tuple[int | None, int | None, list[date]]:
        found = changes({other: row for other, row in rows.items() if other != day})
        return found.rows[0].change, found.rows[0].earlier, found.missing

    assert without(march(0)) == (60, None, [march(0)])
    assert without(march(7)) == (None, None, [march(7)])
    assert without(march(14)) == (None, 40, [march(14)])
