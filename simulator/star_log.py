"""Every star of a repository: when it was given, and when it was taken back.

The count of stars at any moment and GitHub's history both follow from it, so a star that was given
and taken back between two readings can be told from one that never was.
"""

from bisect import bisect_right, insort
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
"""Where the days of GitHub's history begin and end."""


@dataclass(frozen=True, slots=True)
class Star:
    """A star, with times that know their zone."""

    given_at: datetime
    taken_at: datetime | None = None
    is_hidden: bool = False
    """It counts, but is in no history: its account is hidden."""


class StarLog:
    """The stars of one repository."""

    def __init__(self) -> None:
        self.changes = 0
        """How often the log was changed."""
        self._stars: list[Star] = []
        self._given: list[datetime] = []
        self._taken: list[datetime] = []

    @classmethod
    def random(cls, seed: int, first: date, last: date, *, a_day: float) -> "StarLog":
        """Make up the stars of some years, the same for the same arguments.

        One star in eight is taken back: a third of these within a day, the others after months. On
        one day, eight of a hundred held stars disappear at once, as when GitHub removes accounts.
        """
        dice = Random(seed)
        log = cls()
        days = (last - first).days + 1
        purge = _at(first, dice.uniform(0.3, 0.9) * days)
        for number in range(days):
            expected = a_day * (12 if dice.random() < 0.01 else 1)
            for _ in range(int(expected) + (dice.random() < expected % 1)):
                given_at = _at(first, number + dice.random())
                taken_at = None
                if dice.random() < 0.125:
                    mean = 0.3 if dice.random() < 1 / 3 else 120
                    taken_at = given_at + timedelta(days=dice.expovariate(1 / mean))
                is_purged = dice.random() < 0.08 and given_at < purge
                if is_purged and (taken_at is None or taken_at > purge):
                    taken_at = purge
                log.add(Star(given_at, taken_at, is_hidden=dice.random() < 0.001))
        return log

    @property
    def stars(self) -> tuple[Star, ...]:
        """All stars, in the order in which they were added."""
        return tuple(self._stars)

    def add(self, star: Star) -> None:
        """Add a star, which may lie in the future."""
        self._stars.append(star)
        insort(self._given, star.given_at)
        if star.taken_at is not None:
            insort(self._taken, star.taken_at)
        self.changes += 1

    def held_at(self, moment: datetime) -> int:
        """Return the count of stars at a moment."""
        return bisect_right(self._given, moment) - bisect_right(self._taken, moment)

    def gained(self, moment: datetime) -> Counter[date]:
        """Return how many stars held at a moment were given on each day of Los Angeles."""
        return Counter(
            star.given_at.astimezone(LOS_ANGELES).date()
            for star in self._stars
            if star.given_at <= moment
            and (star.taken_at is None or star.taken_at > moment)
            and not star.is_hidden
        )


def _at(first: date, days: float) -> datetime:
    # Whole seconds, as GitHub keeps them.
    moment = datetime.combine(first, time(), UTC) + timedelta(days=days)
    return moment.replace(microsecond=0)
