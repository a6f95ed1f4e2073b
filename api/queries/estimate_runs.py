"""Estimates of all days between two, as lists of numbers: a user's repositories have a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, repeat

from api.queries.estimate import (
    Anchor,
    Estimate,
    StarHistory,
    estimates,
    local_day,
    stars_of_split_day,
)


@dataclass(frozen=True, slots=True)
class Run:
    """Estimates of successive days, as ``Estimate`` has them."""

    stargazers: Sequence[int]
    at_least: Sequence[int | None]
    at_most: Sequence[int]

    def part(self, start: int, stop: int) -> "Run":
        """Return the estimates from one place to another, the latter excluded."""
        span = slice(start, stop)
        return Run(self.stargazers[span], self.at_least[span], self.at_most[span])


def run(
    history: StarHistory, first: date, last: date, anchor: Anchor, earlier: Anchor | None
) -> Run | None:
    """Return what ``estimates`` returns of each day between two, both included, in their order.

    Before the first stars of the history, the estimate is zero.

    :param last: at most the day before the anchor
    :return: None if the history was not read up to the anchor
    """
    if history.read_through.toordinal() < local_day(anchor.observed_at) - 1:
        return None
    if earlier is None and _is_read_after(history, anchor):
        return _before_first_row(history, first, last, anchor)
    found = {
        day.toordinal(): each
        for day, each in estimates(history, first, anchor, earlier)
        if day <= last
    }
    days = range(first.toordinal(), last.toordinal() + 1)
    if earlier is None:
        none_yet = _before_first_gain(history, anchor)
        every = [found.get(day, none_yet) for day in days]
    else:
        every = [found[day] for day in days]
    return Run(
        [each.stargazers for each in every],
        [each.at_least for each in every],
        [each.at_most for each in every],
    )


def _is_read_after(history: StarHistory, anchor: Anchor) -> bool:
    first = history.first_reading
    return first is not None and first >= anchor.latest_second


def _before_first_gain(history: StarHistory, anchor: Anchor) -> Estimate:
    """Return the estimate of the days before the first stars of a history."""
    split, latest = local_day(anchor.earliest), anchor.latest_second
    later = sum(
        stars
        for day, stars, read_at in zip(history.days, history.stars, history.read_at, strict=True)
        if day < split and read_at >= latest
    )
    return Estimate(0, 0, max(anchor.stargazers - later, 0))


def _before_first_row(history: StarHistory, first: date, last: date, anchor: Anchor) -> Run:
    """Return the estimates if the whole history was read after the first row.

    Then they and their bounds differ by the same numbers on each day since the first stars.
    """
    most = max(anchor.stargazers - history.gained_before(local_day(anchor.earliest)), 0)
    likely = history.gained_before(local_day(anchor.observed_at))
    more = anchor.stargazers - stars_of_split_day(history, anchor) - likely
    more = min(max(more, 0), most)
    start, stop = first.toordinal(), last.toordinal()
    gained = map(history.by_day.get, range(start, stop), repeat(0))
    held = list(accumulate(gained, initial=history.gained_before(start)))
    none_yet = len(held)
    if history.first_gain is not None:
        none_yet = min(max(history.first_gain + 1 - start, 0), none_yet)
    return Run(
        [0] * none_yet + [count + more for count in held[none_yet:]],
        held,
        [count + most for count in held],
    )
