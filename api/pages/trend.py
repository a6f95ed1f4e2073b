"""How the counts of a user or a repository developed: newest value, changes, sparkline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from api.charts.sparkline import sparkline
from api.queries.metric import Metric
from api.queries.series import Point, change_over

LOOK_BACK = timedelta(days=45)
"""How far back to read: enough for a change over 30 days if the newest day is two weeks old."""

_SPARKLINE = timedelta(days=30)


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
        svg = sparkline(
            [(point.day, _count(point, metric)) for point in self.points],
            first=until - _SPARKLINE,
            last=until,
        )
        # Safe: made of dates and numbers only.
        return Markup(svg)  # noqa: S704


def _count(point: Point, metric: Metric) -> int:
    count: int = getattr(point, metric.value)
    return count
