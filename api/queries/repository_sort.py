"""The columns by which a list of repositories can be sorted, in the API and on pages."""

from enum import StrEnum

from api.queries.metric import Metric

SPANS = (1, 7, 30, 365)
"""Numbers of days over which a change is shown."""


class Order(StrEnum):
    """The direction of a sort."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Sort(StrEnum):
    """The column by which repositories are ordered; ``stargazers_7d`` is the change in 7 days."""

    NAME = "name"
    LANGUAGE = "language"
    ID = "id"
    FIRST_DAY = "first_day"
    LAST_DAY = "last_day"
    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"
    STARGAZERS_1D = "stargazers_1d"
    FORKS_1D = "forks_1d"
    WATCHERS_1D = "watchers_1d"
    STARGAZERS_7D = "stargazers_7d"
    FORKS_7D = "forks_7d"
    WATCHERS_7D = "watchers_7d"
    STARGAZERS_30D = "stargazers_30d"
    FORKS_30D = "forks_30d"
    WATCHERS_30D = "watchers_30d"
    STARGAZERS_365D = "stargazers_365d"
    FORKS_365D = "forks_365d"
    WATCHERS_365D = "watchers_365d"

    @property
    def usual_order(self) -> Order:
        """Text ascends by default; numbers and dates descend."""
        return Order.ASCENDING if self in {Sort.NAME, Sort.LANGUAGE} else Order.DESCENDING

    @property
    def metric(self) -> Metric | None:
        """The metric whose count or change is in the column, if any."""
        name = self.value.partition("_")[0]
        return Metric(name) if name in set(Metric) else None

    @property
    def days(self) -> int | None:
        """The number of days of a change, if it is one."""
        _, _, days = self.value.partition("_")
        return int(days.removesuffix("d")) if self.metric is not None and days else None


def change_of(metric: Metric, days: int) -> Sort:
    """Return the column of a metric's change over some days."""
    return Sort(f"{metric}_{days}d")
