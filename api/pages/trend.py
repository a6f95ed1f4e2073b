"""How the counts of a user or a repository developed: newest value, changes, sparkline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter

from markupsafe import Markup

from api.charts.sparkline import sparkline
from api.queries.metric import Metric
from api.queries.series import Point, change_over

LOOK_BACK = timedelta(days=45)
"""How far back to read: enough for a change over 30 days if the newest day is two weeks old."""

SPARKLINE = timedelta(days=30)
"""The period of a sparkline, without its last day."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The recorded days of a user or a repository, oldest first."""

    points: Sequence[Point]

    @property
    def newest(self) -> Point | None:
        """The newest recorded day."""
        return self.points[-1] if self.points else None

    def change(self, metric: Metric, days: int) -> int | None:
        """Return the change since some days before the newest; None if that day is missing."""
        return getattr(change_over(self.points, days), metric, None)

    def sparkline(self, metric: Metric, until: date) -> Markup:
        """Draw the last 31 days."""
        return draw_sparkline(map(attrgetter("day", metric.value), self.points), until)


def draw_sparkline(counts: Iterable[tuple[date, int]], until: date) -> Markup:
    """Draw the counts of the last 31 days, which are in ascending order."""
    svg = sparkline(counts, first=until - SPARKLINE, last=until)
    # Safe: made of dates and numbers only.
    return Markup(svg)  # noqa: S704
