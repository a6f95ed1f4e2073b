"""The period that a page shows: some days until today."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_MAX_LENGTH = timedelta(days=3659)
"""Ten years with both ends included, as in the calls under ``/v1``."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def query(self) -> str:
        """The query parameters for these days in the calls under ``/v1``."""
        return f"date_from={self.first}&date_to={self.last}"


class Period(StrEnum):
    """How many days a page shows."""

    MONTH = "30"
    QUARTER = "90"
    YEAR = "365"
    ALL = "all"

    @property
    def label(self) -> str:
        """The name of the period on a page."""
        return {"30": "30 days", "90": "90 days", "365": "1 year", "all": "All"}[self.value]

    def until(self, today: date, *, known_since: date | None) -> DateRange:
        """Return the days of the period; all days begin with the first one that is known."""
        if self is not Period.ALL:
            return DateRange(today - timedelta(int(self) - 1), today)
        # At least a week: a single day makes no chart.
        first = min(known_since or today, today - timedelta(6))
        return DateRange(max(first, today - _MAX_LENGTH), today)
