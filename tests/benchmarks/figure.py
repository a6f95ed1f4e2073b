"""A measured figure, and what it is compared with."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    measured: str
    """The value with its unit."""
    compared_with: str
    """The limit or the alternative, and its value; empty if there is none."""
    ratio: str = ""
    """Our value divided by the compared one; empty if there is none."""
    aim: str = ""
    met: bool | None = None
    """None if there is no aim."""

    @classmethod
    def within(
        cls, what: str, measured: str, compared_with: str, *, ratio: float, times: float
    ) -> "Figure":
        """Make a figure whose ratio should be at most ``times``."""
        return cls(
            what, measured, compared_with, f"{ratio:.2f}", f"within {times:g}", ratio <= times
        )

    @classmethod
    def ahead(
        cls, what: str, measured: str, compared_with: str, *, ratio: float, times: float
    ) -> "Figure":
        """Make a figure whose ratio should be at least ``times``."""
        return cls(
            what, measured, compared_with, f"{ratio:.1f}", f"{times:g} or more", ratio >= times
        )

    @classmethod
    def under(cls, what: str, value: float, unit: str, *, most: float) -> "Figure":
        """Make a figure whose value should be below ``most``, in the same unit."""
        return cls(what, f"{value:.3g} {unit}", "", "", f"under {most:g} {unit}", value < most)


def percentile(taken: Sequence[float], part: float) -> float:
    """Return a percentile of the values: a part of 0.99 is the 99th, 0.5 the median."""
    ordered = sorted(taken)
    if part == 0.5:
        return statistics.median(ordered)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
