"""Which of a repository's three counts is meant."""

from enum import StrEnum


class Metric(StrEnum):
    """A count that is recorded each day; its value is the column's and the parameter's name."""

    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"

    @property
    def label(self) -> str:
        """What people call it, on pages and in pictures."""
        return "Stars" if self is Metric.STARGAZERS else self.value.capitalize()
