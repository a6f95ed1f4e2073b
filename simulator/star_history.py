"""The stars of a repository that are still held, by the week in which they were given."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from simulator.entities import Repository


@lru_cache(maxsize=64)
def weeks(repository: Repository, today: date, _changes: int) -> list[dict[str, Any]]:
    """Return weeks that begin on Sunday, the newest first; days to come have no stars yet.

    A star that was taken back is in no week: a day counts what is left of its total on the later
    day that had the fewest stars.

    :param _changes: how often the counts were changed by hand, so that a change is no cache hit
    """
    first = repository.created_at.date()
    first -= timedelta(days=first.isoweekday() % 7)
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    kept: list[int] = []
    least = None
    for day in reversed(days):
        counts = repository.counts_on(day)
        stargazers = counts.stargazers if counts else 0
        least = stargazers if least is None else min(least, stargazers)
        kept.append(least)
    if not kept or kept[0] == 0:
        return []
    kept.reverse()
    gained = [after - before for before, after in pairwise([0, *kept])]
    gained += [0] * (-len(gained) % 7)
    return [
        {
            "week": int(datetime.combine(days[at], time(), UTC).timestamp()),
            "total": sum(gained[at : at + 7]),
            "days": gained[at : at + 7],
        }
        for at in reversed(range(0, len(gained), 7))
    ]
