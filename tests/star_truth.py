"""What a log of stars says of a repository's history: every estimate is held against it."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import accumulate

from api.queries.estimate import midnight
from api.queries.history import HistoryPoint
from api.queries.sources import GITHUB_HISTORY
from simulator.star_log import StarLog


def check_estimates(
    points: Iterable[HistoryPoint], log: StarLog, observed: Mapping[date, datetime]
) -> int:
    """Check each point of a repository, and the bounds of all estimates; return how many there are.

    :param observed: when each row was observed
    """
    rows = sorted(observed)
    kept = {day: kept_at(log, observed[day]) for day in rows}
    checked = 0
    for point in points:
        assert (point.sources.stargazers == GITHUB_HISTORY) is (point.day not in observed)
        assert point.stargazers is not None
        if point.bounds is None:
            assert point.stargazers == log.held_at(observed[point.day])
            continue
        morning = midnight(point.day.toordinal())
        following = next(row for row in rows if row > point.day)
        truth = bisect_left(kept[following], morning)
        assert truth <= point.bounds.at_most, point
        assert point.stargazers <= point.bounds.at_most, point
        at_least = point.bounds.at_least
        if following == rows[0]:
            # The whole history was read after the first row.
            assert at_least is not None
            assert at_least <= truth, point
        if at_least is not None:
            assert at_least <= log.held_at(morning - timedelta(seconds=1)), point
            assert at_least <= point.stargazers, point
        checked += 1
    return checked


def kept_at(log: StarLog, moment: datetime) -> list[datetime]:
    """Return when the stars that are held at a moment were given, in order."""
    return sorted(
        star.given_at
        for star in log.stars
        if star.given_at <= moment and (star.taken_at is None or star.taken_at > moment)
    )


def cumulated(gained: Mapping[date, int], first: date, last: date) -> list[int]:
    """Return the stars up to each day between two, both included."""
    days = ((last - first).days + 1) * [0]
    for day, stars in gained.items():
        if day <= last:
            days[(day - first).days] += stars
    return list(accumulate(days))
