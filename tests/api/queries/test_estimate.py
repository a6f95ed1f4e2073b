import math
from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.queries.estimate import Anchor, Estimate, StarHistory, estimates
from common.star_gains import LOS_ANGELES
from simulator.star_log import Star, StarLog

ONE_DAY = timedelta(days=1)


def observed(log: StarLog, day: date, at: time, late: timedelta = timedelta()) -> Anchor:
    """Return a row of a day; how long its scan took is not known to the second."""
    moment = datetime.combine(day, at, UTC)
    return Anchor(day, log.held_at(moment), moment - late, moment, moment)


def read(log: StarLog, moment: datetime) -> StarHistory:
    """Return the history as it is at a moment, without the day that has not ended."""
    through = moment.astimezone(LOS_ANGELES).date() - ONE_DAY
    gained = log.gained(moment)
    return make_history(through, {day: (gained[day], moment) for day in gained if day <= through})


def make_history(through: date, gains: Mapping[date, tuple[int, datetime]]) -> StarHistory:
    """Return a history of stars and moments by day."""
    days = sorted(gains)
    return StarHistory(
        through,
        [day.toordinal() for day in days],
        [gains[day][0] for day in days],
        [math.floor(gains[day][1].timestamp()) for day in days],
    )


def held_on(log: StarLog, day: date) -> int:
    """Count the stars held on the morning of a day."""
    return log.held_at(datetime.combine(day, time(), LOS_ANGELES) - timedelta(seconds=1))


def given_and_kept(log: StarLog, observed_at: datetime) -> list[datetime]:
    """Return when the stars that were held at the observation were given, in order."""
    return sorted(
        star.given_at
        for star in log.stars
        if star.given_at <= observed_at and (star.taken_at is None or star.taken_at > observed_at)
    )


def before_morning(moments: list[datetime], day: date) -> int:
    """Count the moments before the morning of a day in Los Angeles."""
    return bisect_left(moments, datetime.combine(day, time(), LOS_ANGELES).astimezone(UTC))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    a_day=st.sampled_from([0.02, 0.5, 4]),
    row=st.dates(date(2025, 2, 1), date(2026, 4, 30)),
    at=st.times(),
    wait=st.timedeltas(timedelta(), timedelta(days=200)),
)
def test_what_was_held_lies_within_the_bounds(
    seed: int, a_day: float, row: date, at: time, wait: timedelta
) -> None:
    log = StarLog.random(seed, date(2025, 1, 1), date(2026, 11, 30), a_day=a_day)
    anchor = observed(log, row, at)
    first = date(2025, 1, 10)

    found = dict(estimates(read(log, anchor.latest + wait), first, anchor))

    if not found:
        return
    assert max(found) == row - ONE_DAY
    assert min(found) >= first
    kept = given_and_kept(log, anchor.observed_at)
    for day, estimate in found.items():
        truth = before_morning(kept, day)
        assert estimate.at_least is not None
        assert estimate.at_least <= truth <= estimate.at_most, day
        assert estimate.at_least <= held_on(log, day), day
        assert estimate.at_least <= estimate.stargazers <= estimate.at_most, day
        assert not estimate.above_observed


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    a_day=st.sampled_from([0.02, 0.5, 4]),
    before=st.dates(date(2025, 2, 1), date(2026, 2, 28)),
    days=st.integers(2, 60),
    times=st.tuples(st.times(), st.times()),
    waits=st.tuples(
        st.timedeltas(timedelta(-60), timedelta(2)), st.timedeltas(timedelta(), timedelta(60))
    ),
)
def test_a_gap_has_bounds_whenever_its_days_were_read(
    *,
    seed: int,
    a_day: float,
    before: date,
    days: int,
    times: tuple[time, time],
    waits: tuple[timedelta, timedelta],
) -> None:
    log = StarLog.random(seed, date(2025, 1, 1), date(2026, 11, 30), a_day=a_day)
    earlier, anchor = (
        observed(log, before, times[0]),
        observed(log, before + days * ONE_DAY, times[1]),
    )
    # The first reading may be in the gap, before it, or after it.
    early, late = (
        read(log, anchor.latest + waits[0]),
        read(log, anchor.latest + waits[1] + 2 * ONE_DAY),
    )
    new = [number for number, day in enumerate(late.days) if day > early.read_through.toordinal()]
    history = StarHistory(
        late.read_through,
        [*early.days, *(late.days[number] for number in new)],
        [*early.stars, *(late.stars[number] for number in new)],
        [*early.read_at, *(late.read_at[number] for number in new)],
    )

    found = dict(estimates(history, date(2025, 1, 1), anchor, earlier))

    assert sorted(found) == [before + number * ONE_DAY for number in range(1, days)]
    kept = given_and_kept(log, anchor.observed_at)
    for day, estimate in found.items():
        assert before_morning(kept, day) <= estimate.at_most, day
        assert estimate.stargazers <= estimate.at_most, day
        if estimate.at_least is not None:
            assert estimate.at_least <= held_on(log, day), day
            assert estimate.at_least <= estimate.stargazers, day
        highest = max(anchor.stargazers, earlier.stargazers)
        assert estimate.above_observed is (estimate.stargazers > highest)


def test_without_losses_only_the_day_of_the_observation_is_uncertain() -> None:
    log = StarLog()
    for day in (1, 2, 2, 4, 4, 4):
        log.add(Star(datetime(2026, 6, day, 20, tzinfo=UTC)))
    # In Los Angeles it is 17:05 of the fourth.
    anchor = observed(log, date(2026, 6, 5), time(0, 5))
    history = read(log, anchor.latest + ONE_DAY)

    assert dict(estimates(history, date(2026, 5, 1), anchor)) == {
        date(2026, 6, 4): Estimate(4, at_least=3, at_most=6),
        date(2026, 6, 3): Estimate(4, at_least=3, at_most=6),
        date(2026, 6, 2): Estimate(2, at_least=1, at_most=4),
    }


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_the_day_of_a_clock_change_has_its_own_length(day: date) -> None:
    noon = datetime.combine(day, time(12), LOS_ANGELES).astimezone(UTC)
    history = make_history(
        day, {day: (100, noon + ONE_DAY), day - 9 * ONE_DAY: (1, noon + ONE_DAY)}
    )

    _, estimate = next(estimates(history, date(2026, 1, 1), Anchor(day, 101, noon, noon, noon)))

    # Eleven of 23 hours, or thirteen of 25.
    assert estimate.stargazers == 101 - (48 if day.month == 3 else 52)


def test_no_estimate_before_the_first_star_nor_where_the_history_was_not_read() -> None:
    day = date(2026, 6, 5)
    moment = datetime.combine(day, time(0, 5), UTC)
    anchor = Anchor(day, 3, moment, moment, moment)
    earlier = Anchor(day - 4 * ONE_DAY, 3, *[moment - 4 * ONE_DAY] * 3)
    empty = make_history(day, {})

    assert not list(estimates(empty, date(2026, 1, 1), anchor))
    assert len(list(estimates(empty, date(2026, 1, 1), anchor, earlier))) == 3
    assert not list(
        estimates(make_history(day - 4 * ONE_DAY, {}), date(2026, 6, 1), anchor, earlier)
    )


def test_an_estimate_above_both_observed_counts_says_so() -> None:
    day = date(2026, 6, 5)
    moment = datetime.combine(day, time(0, 5), UTC)
    anchor = Anchor(day, 20, moment, moment, moment)
    earlier = Anchor(day - 4 * ONE_DAY, 10, *[moment - 4 * ONE_DAY] * 3)
    # Fifty stars were read a day later, and most were lost before the next row.
    gained = {day - 4 * ONE_DAY: (50, moment - ONE_DAY)}

    found = dict(estimates(make_history(day, gained), date(2026, 6, 1), anchor, earlier))

    assert found[day - 3 * ONE_DAY] == Estimate(50, 50, 50, above_observed=True)
    assert found[day - 2 * ONE_DAY] == Estimate(50, 50, 50, above_observed=True)
    assert found[day - ONE_DAY] == Estimate(20, None, 20)


def test_stars_that_were_read_before_the_observation_may_have_been_lost_before_it() -> None:
    day = date(2026, 6, 5)
    moment = datetime.combine(day, time(0, 5), UTC)
    anchor = Anchor(day, 10, moment, moment, moment)
    earlier = Anchor(day - 4 * ONE_DAY, 10, *[moment - 4 * ONE_DAY] * 3)
    gained = {day - 3 * ONE_DAY: (5, moment - ONE_DAY)}

    found = dict(estimates(make_history(day, gained), date(2026, 6, 1), anchor, earlier))

    # Perhaps the ten are those of before, and the five were taken back.
    assert found[day - 3 * ONE_DAY] == Estimate(5, at_least=0, at_most=10)
    assert found[day - 2 * ONE_DAY] == Estimate(10, at_least=5, at_most=10)


def test_a_reading_in_the_second_of_the_observation_follows_it() -> None:
    day = date(2026, 6, 5)
    moment = datetime(2026, 6, 5, 0, 5, 0, 700_000, UTC)
    anchor = Anchor(day, 5, moment, moment, moment)
    gained = {date(2026, 6, 1): (2, moment), date(2026, 6, 2): (3, moment)}

    found = dict(estimates(make_history(day, gained), date(2026, 6, 2), anchor))

    assert found[date(2026, 6, 2)] == Estimate(2, at_least=2, at_most=2)
