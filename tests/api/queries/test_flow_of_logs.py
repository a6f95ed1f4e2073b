"""Gained and lost stars of 200 repositories over three years, held against every star of theirs."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from random import Random

from api.queries.estimate import Anchor, StarHistory, midnight
from api.queries.flow import Flow, Per, flows, spans
from common.star_gains import LOS_ANGELES
from simulator.star_log import Star, StarLog

FIRST = date(2023, 6, 1)
LAST = date(2026, 6, 1)
"""Both nights of the clock change are in between three times."""

ONE_DAY = timedelta(days=1)
SPANS = [list(spans(per, FIRST, LAST)) for per in Per]
DAYS = [FIRST + number * ONE_DAY for number in range((LAST - FIRST).days + 1)]


def logs() -> Iterator[StarLog]:
    """The stars of 200 repositories: from hardly any to three a day, with a purge each."""
    for seed in range(200):
        yield StarLog.random(seed, FIRST - 30 * ONE_DAY, LAST, a_day=(0.02, 0.2, 0.5, 3)[seed % 4])


def day_of(star: Star) -> int:
    return star.given_at.astimezone(LOS_ANGELES).toordinal()


class Seen:
    """What daily readings see of a log, each up to a day and a half after its day ended."""

    def __init__(self, log: StarLog, seed: int) -> None:
        dice = Random(seed)
        first = (FIRST - 30 * ONE_DAY).toordinal()
        self.read_at = {
            day: midnight(day + 1) + timedelta(hours=dice.random() * 36)
            for day in range(first, LAST.toordinal() + 1)
        }
        self.stars = sorted(
            star.given_at
            for star in log.stars
            if not star.is_hidden
            and day_of(star) in self.read_at
            and (star.taken_at is None or star.taken_at > self.read_at[day_of(star)])
        )
        by_day = Counter(moment.astimezone(LOS_ANGELES).toordinal() for moment in self.stars)
        self.history = StarHistory(
            LAST,
            list(self.read_at),
            [by_day[day] for day in self.read_at],
            [int(moment.timestamp()) for moment in self.read_at.values()],
        )

    def between(self, begin: datetime, end: datetime) -> int:
        """Count the stars given after a moment, up to another."""
        return bisect_right(self.stars, end) - bisect_right(self.stars, begin)


def rows_at(log: StarLog, moments: dict[date, datetime]) -> dict[date, Anchor]:
    return {
        day: Anchor(day, log.held_at(moment), moment, moment, moment)
        for day, moment in moments.items()
    }


def check(flow: Flow, log: StarLog, begin: datetime, end: datetime) -> tuple[int, int]:
    """Check that a flow adds up and claims no loss that was none; return gained and net."""
    assert flow.gained is not None
    assert flow.lost is not None
    assert flow.net == log.held_at(end) - log.held_at(begin)
    assert flow.lost == flow.gained - flow.net >= 0
    assert flow.late is False
    return flow.gained, flow.net


def test_flow_is_exact_where_scans_run_at_midnight_in_los_angeles() -> None:
    # The last moment of the day before: a star of the very midnight is the next day's.
    moments = {day: midnight(day.toordinal()) - timedelta(microseconds=1) for day in DAYS}
    # The row of that moment sees the whole day that ends with it.
    ends = {day: moment + timedelta(microseconds=1) for day, moment in moments.items()}
    compared = 0
    for seed, log in enumerate(logs()):
        seen = Seen(log, seed)
        taken = sorted(star.taken_at for star in log.stars if star.taken_at is not None)
        rows = {day: Anchor(day, log.held_at(moments[day]), *[ends[day]] * 3) for day in DAYS}
        for flow in chain.from_iterable(flows(each, rows, seen.history) for each in SPANS):
            begin, end = moments[flow.since], moments[flow.to]
            gained, net = check(flow, log, begin, end)
            assert gained == max(seen.between(begin, end), net), (seed, flow)
            losses = bisect_right(taken, end) - bisect_right(taken, begin)
            assert flow.lost is not None
            assert flow.lost <= losses, (seed, flow)
            compared += 1
    assert compared == 200 * sum(map(len, SPANS))


def test_flow_differs_by_the_stars_of_the_days_at_its_edges_at_the_usual_time() -> None:
    moments = {day: datetime.combine(day, time(0, 5), UTC) for day in DAYS}
    differences = 0
    for seed, log in enumerate(logs()):
        seen = Seen(log, seed)
        by_day = seen.history.by_day
        split = {
            day: by_day[moment.astimezone(LOS_ANGELES).toordinal()]
            for day, moment in moments.items()
        }
        rows = rows_at(log, moments)
        for flow in chain.from_iterable(flows(each, rows, seen.history) for each in SPANS):
            begin, end = moments[flow.since], moments[flow.to]
            gained, net = check(flow, log, begin, end)
            difference = abs(gained - max(seen.between(begin, end), net))
            assert difference <= split[flow.since] + split[flow.to], (seed, flow)
            differences += difference > 0
    assert differences
