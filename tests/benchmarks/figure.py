"""A measured figure beside the limit it is held against."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    measured: str
    """With its unit."""
    beside: str
    """The limit, or what people would use instead, and what that measured; empty where neither."""
    ratio: str = ""
    """Ours over the limit's; empty where there is none."""
    aim: str = ""
    met: bool | None = None
    """None where nothing was aimed at."""

    @classmethod
    def within(
        cls, what: str, measured: str, beside: str, *, ratio: float, times: float
    ) -> "Figure":
        """Compare a ratio that should be small with the largest that was aimed at."""
        return cls(what, measured, beside, f"{ratio:.2f}", f"within {times:g}", ratio <= times)

    @classmethod
    def ahead(
        cls, what: str, measured: str, beside: str, *, ratio: float, times: float
    ) -> "Figure":
        """Compare a ratio that should be large with the smallest that was aimed at."""
        return cls(what, measured, beside, f"{ratio:.1f}", f"{times:g} or more", ratio >= times)

    @classmethod
    def under(cls, what: str, value: float, unit: str, *, most: float) -> "Figure":
        """Compare a value with the largest that was aimed at, in the same unit."""
        return cls(what, f"{value:.3g} {unit}", "", "", f"under {most:g} {unit}", value < most)


def percentile(taken: Sequence[float], part: float) -> float:
    """Return the value that so great a part of the values does not exceed; 0.5 is the median."""
    ordered = sorted(taken)
    if part == 0.5:
        return statistics.median(ordered)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
