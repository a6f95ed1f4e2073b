"""The stars of a repository that are still held, by the week in which they were given.

GitHub's days are those of Los Angeles, although the label of a week is midnight in UTC.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from simulator.entities import Repository
from simulator.star_log import LOS_ANGELES

_DAY = timedelta(days=1)


def weeks(repository: Repository, now: datetime) -> list[dict[str, Any]]:
    """Return weeks that begin on Sunday, the newest first; days to come have no stars yet."""
    changes = len(repository.overrides)
    if repository.stars is not None:
        changes += repository.stars.changes
    return _weeks(repository, now, changes)


@lru_cache(maxsize=64)
def _weeks(repository: Repository, now: datetime, _changes: int) -> list[dict[str, Any]]:
    """Compute the weeks.

    :param _changes: how often the counts were changed by hand, so that a change is no cache hit
    """
    today = now.astimezone(LOS_ANGELES).date()
    gained = (
        _by_counts(repository, now) if repository.stars is None else repository.stars.gained(now)
    )
    if not gained:
        return []
    first = min(repository.created_at.astimezone(LOS_ANGELES).date(), *gained)
    sunday = today - timedelta(days=today.isoweekday() % 7)
    found = []
    while sunday + 6 * _DAY >= first:
        days = [gained[sunday + number * _DAY] for number in range(7)]
        start = datetime.combine(sunday, time(), UTC)
        found.append({"week": int(start.timestamp()), "total": sum(days), "days": days})
        sunday -= 7 * _DAY
    return found


def _by_counts(repository: Repository, now: datetime) -> Counter[date]:
    """Return the gains of a repository of which only the counts are known.

    A star that was taken back is on no day: a day counts what is left of its total on the later
    day that had the fewest stars. Counts change at midnight UTC, when the day before has hours to
    go in Los Angeles.
    """
    gained: Counter[date] = Counter()
    day = now.date()
    counts = repository.counts_on(day)
    kept = counts.stargazers if counts else 0
    while kept > 0:
        before = repository.counts_on(day - _DAY) if day > repository.created_at.date() else None
        earlier = min(kept, before.stargazers if before else 0)
        if kept > earlier:
            gained[day - _DAY] = kept - earlier
        kept = earlier
        day -= _DAY
    return gained
