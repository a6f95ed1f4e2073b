"""The three counts of a repository."""

from enum import StrEnum


class Metric(StrEnum):
    """A count that is recorded each day; the value names both the column and the parameter."""

    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"

    @property
    def label(self) -> str:
        """Return its name on pages and in charts."""
        return "Stars" if self is Metric.STARGAZERS else self.value.capitalize()
