"""What a repository's count of stars was on days without a row, as far as can be known.

GitHub's history has, by days of Los Angeles, the stars that were still held when it was read. From
it and the next observed count follow bounds. On the morning of a day, which is the end of the day
before in Los Angeles,

- at least those stars were held that a later reading shows as given before: who holds a star at the
  reading held it that morning;
- at most the observed count, without the stars that the history has between that morning and the
  observation, were held and still held at the observation.

Stars that were lost between the observation and the reading, and those of accounts that GitHub
hides, are in the count and not in the history: they lie between the bounds. Stars that were taken
back before the observation are in no source.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from itertools import accumulate

from common.star_gains import LOS_ANGELES


@dataclass(frozen=True, slots=True)
class Anchor:
    """An observed count: an estimate of earlier days is measured from it.

    :param day: the UTC day of its row
    :param earliest: it was not observed before this moment
    :param observed_at: when it was observed, as far as is known
    :param latest: it was not observed after this moment
    """

    day: date
    stargazers: int
    earliest: datetime
    observed_at: datetime
    latest: datetime

    @property
    def latest_second(self) -> int:
        """The second of ``latest``, since 1970.

        Readings are known to the second, by GitHub's clock. One in the same second follows the
        row: a history is read after the scan that listed its repository.
        """
        return int(self.latest.timestamp())


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated count of stars on a day without an observed row.

    :param at_least: None in a gap if older days were read before it: it is not known how many of
        their stars had been lost by then
    :param above_observed: it is higher than the observed counts before and after it
    """

    stargazers: int
    at_least: int | None
    at_most: int
    above_observed: bool = False


@dataclass(frozen=True)
class StarHistory:
    """What GitHub's history said of one repository, by days of Los Angeles.

    Days and moments are numbers, because a user's repositories may have a million.

    :param read_through: the last day up to which everything was read
    :param days: ordinals of days, ascending; other days up to ``read_through`` had no stars
    :param stars: how many that were given on each of them were held at its first reading
    :param read_at: seconds since 1970 of its first reading
    """

    read_through: date
    days: Sequence[int]
    stars: Sequence[int]
    read_at: Sequence[int]

    @cached_property
    def by_day(self) -> dict[int, int]:
        """Return the stars by day."""
        return dict(zip(self.days, self.stars, strict=True))

    @cached_property
    def read_by_day(self) -> dict[int, int]:
        """Return the moment of the first reading by day."""
        return dict(zip(self.days, self.read_at, strict=True))

    @cached_property
    def first_gain(self) -> int | None:
        """Return the first day with stars."""
        return next((day for day, stars in zip(self.days, self.stars, strict=True) if stars), None)

    @cached_property
    def first_reading(self) -> int | None:
        """Return the moment of the earliest reading of any day."""
        return self._reading_moments[0] if self.days else None

    def gained_before(self, day: int) -> int:
        """Return the stars of all days before a day."""
        return self._gained[bisect_left(self.days, day)]

    def certain(self, day: int) -> int:
        """Return how many stars were held for certain on the morning of a day.

        A reading on or after that morning shows what was held on it.
        """
        if not self.days:
            return 0
        gained = self.gained_before(day)
        if day <= self._first_read_on:
            return gained
        return gained - self._read[bisect_left(self._reading_moments, midnight(day).timestamp())]

    @cached_property
    def _gained(self) -> list[int]:
        return list(accumulate(self.stars, initial=0))

    @cached_property
    def _reading_moments(self) -> list[int]:
        return sorted(self.read_at)

    @cached_property
    def _read(self) -> list[int]:
        """Return the stars that the first readings showed, summed up in their order."""
        in_order = sorted(zip(self.read_at, self.stars, strict=True))
        return list(accumulate((stars for _, stars in in_order), initial=0))

    @cached_property
    def _first_read_on(self) -> int:
        return local_day(datetime.fromtimestamp(self._reading_moments[0], UTC))


def estimates(
    history: StarHistory, first: date, anchor: Anchor, earlier: Anchor | None = None
) -> Iterator[tuple[date, Estimate]]:
    """Return an estimate for each day from ``first`` to the day before an anchor, the latest first.

    There is none before the first stars of the history, and none at all if the history was not read
    up to the anchor. The estimate of a gap is no higher than the earlier row and the stars since.

    :param earlier: the observed row before the gap; None before the first row
    """
    split = local_day(anchor.observed_at)
    if history.read_through.toordinal() < split - 1:
        return
    lowest = first.toordinal()
    anchor_day = anchor.day.toordinal()
    sure_split = local_day(anchor.earliest)
    latest = anchor.latest_second
    ceiling = anchor.stargazers
    since = limit = None
    gains, read_at = history.by_day, history.read_by_day
    if earlier is None:
        if history.first_gain is None:
            return
        lowest = max(lowest, history.first_gain + 1)
    else:
        lowest = max(lowest, earlier.day.toordinal() + 1)
        ceiling = max(ceiling, earlier.stargazers)
        since = local_day(earlier.earliest)
        limit = earlier.stargazers + sum(gains.get(day, 0) for day in range(since, anchor_day - 1))
    likely = anchor.stargazers - stars_of_split_day(history, anchor)
    at_most = anchor.stargazers
    # From here on downwards: what was given on a day was not held on its morning.
    for day in range(max(split, anchor_day - 1), lowest - 1, -1):
        stars = gains.get(day, 0)
        if stars:
            if day < split:
                likely -= stars
            # Only what was read after the observation was certainly held at it.
            if day < sure_split and read_at[day] >= latest:
                at_most -= stars
        if day >= anchor_day:
            continue
        at_least = history.certain(day)
        high = max(at_most, at_least)
        count = likely if limit is None else min(likely, limit)
        count = min(max(count, at_least), high)
        is_whole = earlier is None or at_least == history.gained_before(day)
        yield (
            date.fromordinal(day),
            Estimate(count, at_least if is_whole else None, high, count > ceiling),
        )
        if since is not None and limit is not None and day > since:
            limit -= gains.get(day - 1, 0)


def stars_of_split_day(history: StarHistory, anchor: Anchor) -> int:
    """Return how many stars of the day of an observation were given before it, if evenly."""
    split = local_day(anchor.observed_at)
    stars = history.by_day.get(split, 0)
    if not stars:
        return 0
    # In UTC: within one zone, the clock's jumps would not count.
    began, ended = midnight(split), midnight(split + 1)
    return round(stars * ((anchor.observed_at - began) / (ended - began)))


def local_day(moment: datetime) -> int:
    """Return the ordinal of the day of Los Angeles in which a moment lies."""
    return moment.astimezone(LOS_ANGELES).toordinal()


def midnight(day: int) -> datetime:
    """Return the moment, in UTC, at which a day of Los Angeles begins."""
    return datetime.combine(date.fromordinal(day), time(), LOS_ANGELES).astimezone(UTC)
