"""The periods that pages show: presets, and days that a visitor chose."""

from datetime import date

import pytest
from fastapi.exceptions import RequestValidationError

from api.pages.period import Choice, DateRange, Period

TODAY = date(2026, 3, 20)
KNOWN_SINCE = date(2025, 11, 5)


def days_of(choice: Choice, today: date = TODAY) -> tuple[str, str]:
    found = choice.until(today, known_since=KNOWN_SINCE)
    return found.first.isoformat(), found.last.isoformat()


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("7", "2026-03-14", "2026-03-20"),
        ("30", "2026-02-19", "2026-03-20"),
        ("90", "2025-12-21", "2026-03-20"),
        ("365", "2025-03-21", "2026-03-20"),
        ("all", "2025-11-05", "2026-03-20"),
        ("this-month", "2026-03-01", "2026-03-20"),
        ("last-month", "2026-02-01", "2026-02-28"),
        ("this-year", "2026-01-01", "2026-03-20"),
        ("last-year", "2025-01-01", "2025-12-31"),
    ],
)
def test_days_of_presets(period: str, first: str, last: str) -> None:
    assert days_of(Choice(Period(period))) == (first, last)


def test_calendar_presets_on_the_first_day_of_a_year() -> None:
    today = date(2026, 1, 1)
    assert days_of(Choice(Period.THIS_MONTH), today) == ("2026-01-01", "2026-01-01")
    assert days_of(Choice(Period.LAST_MONTH), today) == ("2025-12-01", "2025-12-31")
    assert days_of(Choice(Period.THIS_YEAR), today) == ("2026-01-01", "2026-01-01")
    assert days_of(Choice(Period.LAST_YEAR), today) == ("2025-01-01", "2025-12-31")


def test_chosen_days_win_over_the_preset() -> None:
    choice = Choice(Period.YEAR, date(2026, 1, 3), date(2026, 1, 4))
    assert days_of(choice) == ("2026-01-03", "2026-01-04")
    assert not choice.is_preset(Period.YEAR)


def test_one_chosen_day_is_completed() -> None:
    assert days_of(Choice(first=date(2026, 3, 1))) == ("2026-03-01", "2026-03-20")
    last = Choice(Period.MONTH, last=date(2026, 1, 30))
    assert days_of(last) == ("2026-01-01", "2026-01-30")
    assert last.options == {"period": "30", "to": date(2026, 1, 30)}
    assert days_of(Choice(Period.YEAR, last=date(1, 1, 5))) == ("0001-01-01", "0001-01-05")


def test_days_after_today_are_left_out() -> None:
    choice = Choice(first=date(2026, 3, 1), last=date(2027, 1, 1))
    assert days_of(choice) == ("2026-03-01", "2026-03-20")


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (
            Choice(first=date(2026, 3, 2), last=date(2026, 3, 1)),
            "the first day, 2026-03-02, is after the last day, 2026-03-01",
        ),
        (Choice(first=date(2026, 3, 21)), "2026-03-21, is after today, 2026-03-20"),
        (
            Choice(first=date(2026, 3, 21), last=date(2026, 3, 25)),
            "2026-03-21, is after today, 2026-03-20",
        ),
        (Choice(first=date(2016, 1, 1)), "2016-01-01 to 2026-03-20 is more than ten years"),
    ],
)
def test_days_that_cannot_be_shown_are_an_error(choice: Choice, reason: str) -> None:
    with pytest.raises(RequestValidationError) as error:
        choice.until(TODAY, known_since=None)
    assert reason in error.value.errors()[0]["msg"]


def test_length_counts_both_ends() -> None:
    assert DateRange(TODAY, TODAY).length == 1
