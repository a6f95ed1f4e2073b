"""The order of a list of repositories, in the API and on pages."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from api.queries.metric import Metric
from api.queries.repository_list import SPANS, Entry


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
    def is_text(self) -> bool:
        """Return whether its values are text, which ascends by default."""
        return self in {Sort.NAME, Sort.LANGUAGE}


class Order(StrEnum):
    """The direction of a sort."""

    ASCENDING = "asc"
    DESCENDING = "desc"


def change_of(metric: Metric, days: int) -> Sort:
    """Return the column of a metric's change over some days."""
    return Sort(f"{metric}_{days}d")


def sort_repositories(entries: Iterable[Entry], sort: Sort, order: Order | None) -> list[Entry]:
    """Return repositories in order; those without a value come last in either direction.

    :param order: None sorts text from A to Z, and numbers and dates from the greatest
    """
    value = _VALUES[sort]
    order = order or (Order.ASCENDING if sort.is_text else Order.DESCENDING)
    # Equal values stay in the order of their names in both directions.
    by_name = sorted(entries, key=lambda entry: (entry.name.casefold(), entry.id))
    known = [entry for entry in by_name if value(entry) is not None]
    unknown = [entry for entry in by_name if value(entry) is None]
    return sorted(known, key=value, reverse=order is Order.DESCENDING) + unknown


def _count(metric: Metric) -> Callable[[Entry], Any]:
    return lambda entry: getattr(entry.latest, metric, None)


def _change(metric: Metric, days: int) -> Callable[[Entry], Any]:
    return lambda entry: getattr(entry.changes[days], metric, None)


_VALUES: dict[Sort, Callable[[Entry], Any]] = {
    Sort.NAME: lambda entry: entry.name.casefold(),
    Sort.LANGUAGE: lambda entry: entry.language and entry.language.casefold(),
    Sort.ID: lambda entry: entry.id,
    Sort.FIRST_DAY: lambda entry: entry.first_day,
    Sort.LAST_DAY: lambda entry: entry.last_day,
    **{Sort(metric): _count(metric) for metric in Metric},
    **{change_of(metric, days): _change(metric, days) for days in SPANS for metric in Metric},
}
