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

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
"""Where the days of GitHub's history end: measured by a client over 440 stars, and undocumented."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gain:
    """Stars that were given on one day of Los Angeles and held at the first reading."""

    stars: int
    read_at: datetime


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A count of stars that nobody observed.

    :param above_observed: it is higher than the observed counts before and after it
    """

    stargazers: int
    at_least: int
    at_most: int
    above_observed: bool = False


@dataclass(frozen=True)
class StarHistory:
    """What GitHub's history said of one repository.

    :param read_through: the last day of Los Angeles of which everything up to it was read
    :param gains: by day of Los Angeles; other days up to ``read_through`` had none
    """

    read_through: date
    gains: Mapping[date, Gain]

    @cached_property
    def first_gain(self) -> date | None:
        """Return the first day with stars."""
        return min((day for day, gain in self.gains.items() if gain.stars), default=None)

    def certain(self, day: date) -> int:
        """Return how many stars were held for certain on the morning of a day."""
        start, certain = self._certain
        number = (day - start).days
        return certain[number] if 0 <= number < len(certain) else 0

    @cached_property
    def _certain(self) -> tuple[date, list[int]]:
        # A reading on or after the morning shows what was held on it: the stars of a day count from
        # the next morning to the morning of the day on which they were read.
        changes: dict[date, int] = defaultdict(int)
        read_on: dict[datetime, date] = {}
        for day, gain in self.gains.items():
            if gain.read_at not in read_on:
                read_on[gain.read_at] = gain.read_at.astimezone(LOS_ANGELES).date()
            changes[day + _DAY] += gain.stars
            changes[read_on[gain.read_at] + _DAY] -= gain.stars
        if not changes:
            return date.min, []
        certain, held = [], 0
        day, last = min(changes), max(changes)
        while day < last:
            held += changes.get(day, 0)
            certain.append(held)
            day += _DAY
        return min(changes), certain


def estimates(
    history: StarHistory, first: date, anchor: Anchor, earlier: Anchor | None = None
) -> Iterator[tuple[date, Estimate]]:
    """Return an estimate for each day from ``first`` to the day before an anchor, the latest first.

    There is none before the first stars of the history, and none at all if the history was not read
    up to the anchor. The estimate of a gap is no higher than the earlier row and the stars since.

    :param earlier: the observed row before the gap; None before the first row
    """
    gains = history.gains
    split, in_split_day = _split_day(anchor, gains)
    if history.read_through < split - _DAY:
        return
    sure_split = _local_day(anchor.earliest)
    ceiling = anchor.stargazers
    limit = None
    if earlier is None:
        if history.first_gain is None:
            return
        first = max(first, history.first_gain + _DAY)
    else:
        first = max(first, earlier.day + _DAY)
        ceiling = max(ceiling, earlier.stargazers)
        since = _local_day(earlier.earliest)
        limit = earlier.stargazers + sum(
            gains[day].stars for day in _days(since, anchor.day - 2 * _DAY) if day in gains
        )
    likely = anchor.stargazers - in_split_day
    at_most = anchor.stargazers
    # From here on downwards: what was given on a day was not held on its morning.
    day = max(split, sure_split, anchor.day - _DAY)
    while day >= first:
        gain = gains.get(day)
        if gain is not None:
            if day < split:
                likely -= gain.stars
            # Only what was read after the observation was certainly held at it.
            if day < sure_split and gain.read_at >= anchor.latest:
                at_most -= gain.stars
        if day < anchor.day:
            at_least = history.certain(day)
            high = max(at_most, at_least)
            stars = likely if limit is None else min(likely, limit)
            stars = min(max(stars, at_least), high)
            yield day, Estimate(stars, at_least, high, above_observed=stars > ceiling)
            if limit is not None:
                before = gains.get(day - _DAY)
                limit -= before.stars if before is not None and day > since else 0
        day -= _DAY


def _split_day(anchor: Anchor, gains: Mapping[date, Gain]) -> tuple[date, int]:
    """Return the day of Los Angeles of the observation, and its stars up to the observation."""
    split = _local_day(anchor.observed_at)
    began = datetime.combine(split, time(), LOS_ANGELES).astimezone(UTC)
    ended = datetime.combine(split + _DAY, time(), LOS_ANGELES).astimezone(UTC)
    # In UTC: within one zone, the clock's jumps would not count.
    share = (anchor.observed_at - began) / (ended - began)
    gain = gains.get(split)
    return split, 0 if gain is None else round(gain.stars * share)


def _local_day(moment: datetime) -> date:
    return moment.astimezone(LOS_ANGELES).date()


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY
