"""The period that a page shows: a preset, or any days."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator

from api.http.errors import bad_query
from api.v1.fields import Day

_LEAST = timedelta(days=6)
"""A week with both ends included: a single day makes no chart."""

_MAX_LENGTH = timedelta(days=3659)
"""Ten years with both ends included, as in the calls under ``/v1``."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DateRange:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def query(self) -> str:
        """The query parameters for these days in the calls under ``/v1``."""
        return f"date_from={self.first}&date_to={self.last}"

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    def trimmed(self, known_since: date | None) -> "DateRange":
        """Return the days from the first known one on; at least a week, as a chart needs it."""
        latest = self.first if self.length <= _LEAST.days else self.last - _LEAST
        return DateRange(min(max(self.first, known_since or self.first), latest), self.last)


class Period(StrEnum):
    """The presets of a page."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    YEAR = "365"
    ALL = "all"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    THIS_YEAR = "this-year"
    LAST_YEAR = "last-year"

    @property
    def label(self) -> str:
        """The name of the period on a page."""
        return _LABELS[self]

    def until(self, today: date, *, known_since: date | None) -> DateRange:
        """Return the days of the period; all days begin with the first one that is known."""
        if self in _ROLLING:
            return DateRange(today - timedelta(int(self) - 1), today)
        month, year = today.replace(day=1), today.replace(month=1, day=1)
        match self:
            case Period.THIS_MONTH:
                return DateRange(month, today)
            case Period.LAST_MONTH:
                return DateRange((month - _DAY).replace(day=1), month - _DAY)
            case Period.THIS_YEAR:
                return DateRange(year, today)
            case Period.LAST_YEAR:
                return DateRange((year - _DAY).replace(month=1, day=1), year - _DAY)
        first = min(known_since or today, today - _LEAST)
        return DateRange(max(first, today - _MAX_LENGTH), today)


_LABELS = {
    Period.WEEK: "7 days",
    Period.MONTH: "30 days",
    Period.QUARTER: "90 days",
    Period.YEAR: "1 year",
    Period.ALL: "All",
    Period.THIS_MONTH: "This month",
    Period.LAST_MONTH: "Last month",
    Period.THIS_YEAR: "This year",
    Period.LAST_YEAR: "Last year",
}
_ROLLING = (Period.WEEK, Period.MONTH, Period.QUARTER, Period.YEAR)

CALENDAR = (Period.THIS_MONTH, Period.LAST_MONTH, Period.THIS_YEAR, Period.LAST_YEAR)
"""The presets that a page offers beside a choice of days."""

SHORT: Sequence[Period] = (*_ROLLING, Period.ALL)
"""The presets that a page offers first."""


def _blank_is_none(value: object) -> object:
    # A form sends fields that are empty.
    return None if isinstance(value, str) and re.fullmatch(r"\s*", value) else value


FirstDay = Annotated[Day | None, BeforeValidator(_blank_is_none), Query(alias="from")]
LastDay = Annotated[Day | None, BeforeValidator(_blank_is_none), Query(alias="to")]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor chose: a preset, or the days from ``first`` to ``last``.

    Days win over the preset. A single one of them is completed: ``first`` alone lasts until today,
    ``last`` alone is the end of as many days as the preset has.
    """

    period: Period = Period.QUARTER
    first: date | None = None
    last: date | None = None

    @property
    def has_days(self) -> bool:
        """Whether the visitor chose days."""
        return self.first is not None or self.last is not None

    def is_preset(self, period: Period) -> bool:
        """Return whether the page shows a preset."""
        return not self.has_days and self.period is period

    @property
    def options(self) -> dict[str, object]:
        """The query parameters of the page."""
        if not self.has_days:
            return {"period": self.period}
        days = {"from": self.first, "to": self.last}
        chosen: dict[str, object] = {name: day for name, day in days.items() if day is not None}
        # The preset gives the length of a period that has an end only.
        return chosen if self.first else {"period": self.period, **chosen}

    def until(self, today: date, *, known_since: date | None) -> DateRange:
        """Return the days to show; none is after today.

        :param known_since: the first day that is known, for all days
        :raise RequestValidationError: there are none, or they are more than ten years
        """
        if not self.has_days:
            return self.period.until(today, known_since=known_since)
        last = min(self.last or today, today)
        if self.first is None:
            preset = self.period.until(today, known_since=known_since)
            # date.min: days before the year 1 do not exist.
            before = min(timedelta(preset.length - 1), last - date.min)
            return DateRange(last - before, last)
        if self.first > last:
            which = (
                f"the last day, {last}" if self.last and self.last <= today else f"today, {last}"
            )
            raise bad_query(
                "from", f"the first day, {self.first}, is after {which}", self.first.isoformat()
            )
        if last - self.first > _MAX_LENGTH:
            raise bad_query(
                "from",
                f"{self.first} to {last} is more than ten years: choose fewer days",
                self.first.isoformat(),
            )
        return DateRange(self.first, last)


def choice(period: Period = Period.QUARTER, first: FirstDay = None, last: LastDay = None) -> Choice:
    """Return what the query string asks to see."""
    return Choice(period, first, last)
