"""The periods that a page offers, and which of them is chosen."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_LONGEST = timedelta(days=3659)
"""Ten years, both ends included: the most that one call shows."""


class Period(StrEnum):
    """How many days a page shows, until today."""

    MONTH = "30"
    QUARTER = "90"
    YEAR = "365"
    ALL = "all"

    @property
    def label(self) -> str:
        """What it is called on a page."""
        return {"30": "30 days", "90": "90 days", "365": "A year", "all": "All"}[self.value]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The first and the last day of a period, both included."""

    first: date
    last: date

    @property
    def query(self) -> str:
        """The parameters of the calls for it."""
        return f"date_from={self.first}&date_to={self.last}"


def choose(period: Period, today: date, recorded_since: date | None) -> Chosen:
    """Return the days of a period that ends today."""
    if period is not Period.ALL:
        return Chosen(today - timedelta(int(period) - 1), today)
    # One day makes no chart.
    since = min(recorded_since or today, today - timedelta(6))
    return Chosen(max(since, today - _LONGEST), today)
