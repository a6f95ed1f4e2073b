"""Stars gained and lost: what the change of the observed count hides.

A star that was given counts as gained if it was still held when its day was first read. Lost is the
difference to the observed change. A star given and taken back between two readings is not seen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate

from sqlalchemy import Connection

from api.queries import anchors, star_history
from api.queries.estimate import Anchor, StarHistory, local_day
from common import clock
from common.star_gains import LOS_ANGELES

_DAY = timedelta(days=1)

_TIMELY = 2 * 24 * 60 * 60
"""Seconds. Readings follow the end of a day within hours, unless one had to wait."""


class Per(StrEnum):
    """The length of a span: from a day's row to the next, from Monday's, or from the first's."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Flow:
    """The stars gained and lost between the rows of two days; None where it is not known.

    :param net: the observed change
    :param gained: at least ``net``
    :param lost: ``gained - net``
    :param late: a day was first read more than two days after its end
    """

    since: date
    to: date
    gained: int | None
    lost: int | None
    net: int | None
    late: bool | None


def spans(per: Per, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the spans that lie wholly between two days, both included: each with both its days."""
    if first >= last:
        return
    since = first
    if per is Per.WEEK:
        since += (-first.weekday() % 7) * _DAY
    elif per is Per.MONTH and first.day > 1:
        since = _next_month(first)
    while True:
        if per is Per.MONTH:
            to = _next_month(since)
        else:
            to = since + (_DAY if per is Per.DAY else 7 * _DAY)
        if to > last:
            return
        yield since, to
        since = to


def of_repository(
    connection: Connection, repo_id: int, per: Per, first: date, last: date
) -> Sequence[Flow]:
    """Return the flow of each span that lies wholly between two days, both included."""
    last = min(last, clock.today(connection))
    found = list(spans(per, first, last))
    rows = anchors.of_repository(connection, repo_id, first, last)
    return flows(found, rows, star_history.of_repository(connection, repo_id))


def flows(
    wanted: Iterable[tuple[date, date]], rows: Mapping[date, Anchor], history: StarHistory | None
) -> list[Flow]:
    """Return the flow of each span.

    :param wanted: each span with both its days
    :param rows: the observed rows by day
    """
    read = _Readings(history)
    found = []
    for since, to in wanted:
        begin, end = rows.get(since), rows.get(to)
        if begin is None or end is None:
            found.append(Flow(since, to, None, None, None, None))
            continue
        net = end.stargazers - begin.stargazers
        gained, late = read.between(begin.observed_at, end.observed_at)
        if gained is None:
            found.append(Flow(since, to, None, None, net, None))
        else:
            # Accounts that GitHub hides count, and are in no history; and a day that ends between
            # two rows may have begun before the first of them.
            gained = max(gained, net)
            found.append(Flow(since, to, gained, gained - net, net, late))
    return found


class _Readings:
    """The gains of days, summed up."""

    def __init__(self, history: StarHistory | None) -> None:
        # Without a history, no day is read.
        stars = {} if history is None else history.by_day
        read_at = {} if history is None else history.read_by_day
        self._through = 0 if history is None else history.read_through.toordinal()
        self._first = min(stars, default=self._through)
        days = range(self._first, self._through + 1)
        self._stars = [0, *accumulate(stars.get(day, 0) for day in days)]
        self._late = [0, *accumulate(is_late(day, read_at.get(day)) for day in days)]

    def between(self, begin: datetime, end: datetime) -> tuple[int | None, bool | None]:
        """Return the stars of the days that end after a moment, up to another, and if one is late.

        None if one of them was not read.
        """
        first, after = local_day(begin), local_day(end)
        if after - 1 > self._through:
            return None, None
        start, stop = (max(0, day - self._first) for day in (first, after))
        late = self._late[stop] > self._late[start] or first < min(after, self._first)
        return self._stars[stop] - self._stars[start], late


def is_late(day: int, read_at: int | None) -> bool:
    """Return whether a day, as an ordinal, was first read more than two days after its end."""
    # A day that was read in time has a row, also where it had no stars.
    if read_at is None:
        return True
    ended = datetime.combine(date.fromordinal(day + 1), time(), LOS_ANGELES)
    return read_at > ended.timestamp() + _TIMELY


def _next_month(day: date) -> date:
    return (day.replace(day=1) + 31 * _DAY).replace(day=1)
