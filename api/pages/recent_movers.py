"""The repositories of all users that moved most, kept for a minute.

To find them, Postgres compares two days of every repository, which takes long. A view of the
overview should not.
"""

from datetime import timedelta
from threading import Lock

from cachetools import TTLCache
from sqlalchemy import Connection

from api.queries import growth
from api.queries.growth import Mover
from api.queries.metric import Metric
from api.queries.portfolio import Portfolio
from api.queries.progress import Progress

DAYS = 7
"""The length of the period, in days."""

MAX_REPOSITORIES = 50_000
"""More are not compared: the statement might take longer than a page may."""

_MOST = 5
_SECONDS = 60


class RecentMovers:
    """The largest changes in the last days, by metric.

    They are read anew once other users are followed, or a scan has changed their totals.
    """

    def __init__(self) -> None:
        self._kept: TTLCache[tuple[object, ...], list[Mover]] = TTLCache(maxsize=16, ttl=_SECONDS)
        self._lock = Lock()

    def read(
        self, connection: Connection, metric: Metric, progress: Progress, followed: Portfolio
    ) -> list[Mover]:
        """Return the repositories whose count changed most, without those that did not change."""
        key = (
            metric,
            progress.today,
            progress.recorded,
            followed.users,
            followed.id_sum,
            *(total.value for total in followed.sums.values()),
        )
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        first = progress.today - timedelta(DAYS)
        found = growth.movers(connection, None, first, progress.today, by=metric, limit=_MOST)
        movers = [mover for mover in found if mover.difference]
        with self._lock:
            self._kept[key] = movers
        return movers
