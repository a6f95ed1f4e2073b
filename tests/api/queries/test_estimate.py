from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.queries.estimate import LOS_ANGELES, Estimate, estimates
from simulator.star_log import Star, StarLog

ONE_DAY = timedelta(days=1)


def held_before(log: StarLog, day: date, observed_at: datetime) -> int:
    """Count the stars given before a day's end that were held at the observation."""
    end = datetime.combine(day, time(), LOS_ANGELES)
    return sum(
        star.given_at < end and (star.taken_at is None or star.taken_at > observed_at)
        for star in log.stars
    )


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
    observed_at = datetime.combine(row, at, UTC)
    gained = log.gained(observed_at + wait)
    first = date(2024, 12, 25)

    found = dict(estimates(gained, first, observed_at, log.held_at(observed_at)))

    assert max(found) == observed_at.astimezone(LOS_ANGELES).date()
    assert min(found) == first
    for day, estimate in found.items():
        truth = held_before(log, day, observed_at)
        assert estimate.at_least <= truth <= estimate.at_most, day
        assert estimate.at_least <= estimate.stargazers <= estimate.at_most, day


def test_without_losses_only_the_day_of_the_observation_is_uncertain() -> None:
    log = StarLog()
    for day in (1, 2, 2, 4, 4, 4):
        log.add(Star(datetime(2026, 6, day, 20, tzinfo=UTC)))
    # In Los Angeles it is 17:05 of the fourth.
    observed_at = datetime(2026, 6, 5, 0, 5, tzinfo=UTC)

    found = dict(estimates(log.gained(observed_at), date(2026, 6, 1), observed_at, 6))

    assert found == {
        date(2026, 6, 4): Estimate(4, at_least=3, at_most=6),
        date(2026, 6, 3): Estimate(4, at_least=3, at_most=6),
        date(2026, 6, 2): Estimate(2, at_least=1, at_most=4),
        date(2026, 6, 1): Estimate(1, at_least=0, at_most=3),
    }


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_the_day_of_a_clock_change_has_its_own_length(day: date) -> None:
    gained = {day: 100}
    noon = datetime.combine(day, time(12), LOS_ANGELES).astimezone(UTC)

    _, estimate = next(estimates(gained, day, noon, 100))

    # Eleven of 23 hours, or thirteen of 25.
    assert estimate.stargazers == (52 if day.month == 3 else 48)
