"""What a repository's count of stars was on days before its first row, as far as can be known.

GitHub's history has, by days of Los Angeles, the stars that are still held when it is read. From
it and one observed count follow bounds of the stars *given by the end of a day and still held when
the count was observed*:

- at least those that the history has up to that day: who held a star at the reading held it before;
- at most the observed count without those that the history has after that day.

Stars that were lost between the observation and the reading, and those of accounts that GitHub
hides, are in the count and not in the history: they lie between the bounds. Stars that were taken
back before the observation are in no source.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
"""Where the days of GitHub's history end: measured by a client over 440 stars, and undocumented."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count of stars that nobody observed."""

    stargazers: int
    at_least: int
    at_most: int


def estimates(
    gained: Mapping[date, int], first: date, observed_at: datetime, stargazers: int
) -> Iterator[tuple[date, Estimate]]:
    """Return a day's estimate for each day before the first observed row, the latest first.

    The estimate of a day is that of its morning: the end, in Los Angeles, of the day before.

    :param gained: stars by day of Los Angeles, all of them read after the observation
    :param first: the earliest day
    :param observed_at: when the count was observed
    :param stargazers: the observed count
    """
    local = observed_at.astimezone(LOS_ANGELES)
    split = local.date()
    began = datetime.combine(split, time(), LOS_ANGELES)
    ended = datetime.combine(split + _DAY, time(), LOS_ANGELES)
    # Subtracted in UTC: within one zone the clock's jumps would not count.
    share = (observed_at - began.astimezone(UTC)) / (ended.astimezone(UTC) - began.astimezone(UTC))
    in_split_day = round(gained.get(split, 0) * share)
    at_least = sum(count for day, count in gained.items() if day < split)
    at_most = stargazers
    day = split
    while day >= first:
        at_most = max(at_most, at_least)
        likely = min(max(at_most - in_split_day, at_least), at_most)
        yield day, Estimate(likely, at_least, at_most)
        day -= _DAY
        at_least -= gained.get(day, 0)
        at_most -= gained.get(day, 0)
