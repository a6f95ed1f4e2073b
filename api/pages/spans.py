"""What a page asks of a line of days: its last value, its changes, its picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from api.charts.sparkline import sparkline
from api.queries.metric import Metric
from api.queries.series import Point

WINDOW = timedelta(days=45)
"""How far back an overview looks: the changes of 30 days are known where the last day is young."""

_DRAWN = timedelta(days=30)


def value(point: Point, metric: Metric) -> int:
    """Return one count of a day."""
    count: int = getattr(point, metric.value)
    return count


@dataclass(frozen=True, slots=True)
class Line:
    """The ascending recorded days of something."""

    points: Sequence[Point]

    @property
    def last(self) -> Point | None:
        """The newest recorded day."""
        return self.points[-1] if self.points else None

    def change(self, metric: Metric, days: int) -> int | None:
        """Return the difference to so many days before the last; None where that day is missing."""
        last = self.last
        if last is None:
            return None
        wanted = last.day - timedelta(days)
        earlier = next((point for point in self.points if point.day == wanted), None)
        return None if earlier is None else value(last, metric) - value(earlier, metric)

    def drawn(self, metric: Metric, until: date) -> Markup:
        """Draw the last 31 days."""
        picture = sparkline(
            [(point.day, value(point, metric)) for point in self.points],
            first=until - _DRAWN,
            last=until,
        )
        # Ours from end to end: days and numbers went in, an SVG came out.
        return Markup(picture)  # noqa: S704
