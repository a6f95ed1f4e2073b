"""When a user is asked about again."""

from datetime import UTC, date, datetime, timedelta

import pytest

from worker import retry

TODAY = date(2026, 11, 23)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


def test_pauses_grow_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    pauses = [retry.pause_after(failures).total_seconds() for failures in (0, 1, 2, 3, 4, 5, 6, 99)]

    assert pauses == [30, 30, 60, 120, 240, 480, 900, 900]


def test_pauses_between_looks_grow_to_an_hour() -> None:
    looks = [retry.next_look(attempts, TODAY, at(9)) for attempts in (1, 5, 6, 7, 8, 99)]

    pauses = [(look - at(9)).total_seconds() / 60 for look in looks if look is not None]
    assert pauses == [0.5, 8, 16, 32, 60, 60]


def test_looks_end_with_the_day() -> None:
    assert retry.next_look(99, TODAY, at(22, 59)) == at(23, 59)
    assert retry.next_look(99, TODAY, at(23)) is None
    assert retry.next_look(99, TODAY, at(24)) is None


@pytest.mark.parametrize("user_id", [1, 239, 240, 2**63 - 1])
def test_evening_look_is_within_the_last_six_hours_and_leaves_time_for_another(
    user_id: int,
) -> None:
    look = retry.evening_look(user_id, TODAY, at(17, 59))

    assert look is not None
    assert at(18) <= look <= at(22)


def test_evening_look_is_spread_over_users() -> None:
    looks = {retry.evening_look(user_id, TODAY, at(0)) for user_id in range(1000, 1240)}

    assert len(looks) == 240


def test_evening_look_that_has_passed_does_not_come_again() -> None:
    look = retry.evening_look(7, TODAY, at(0))
    assert look is not None

    assert retry.evening_look(7, TODAY, look) is None
    assert retry.evening_look(7, TODAY, at(24)) is None


def test_missing_account_is_looked_for_after_5_and_30_minutes_2_and_6_hours() -> None:
    missing_at = now = at(9, 17)
    looks = []
    while (look := retry.absence_look(missing_at, TODAY, now)) is not None:
        looks.append((look - missing_at) / timedelta(minutes=1))
        now = look

    assert looks == [5, 30, 120, 360]
    assert now == missing_at + retry.ABSENCE


def test_look_that_came_late_is_followed_by_the_next_in_time() -> None:
    assert retry.absence_look(at(9), TODAY, at(9, 40)) == at(11)
    assert retry.absence_look(at(9), TODAY, at(15)) is None


@pytest.mark.parametrize(
    ("missing_at", "now", "look"),
    [
        (at(22), at(22), at(22, 5)),
        (at(22), at(22, 30), at(23, 50)),
        (at(22), at(23, 50), None),
        (at(23, 52), at(23, 52), at(23, 57)),
        (at(23, 52), at(23, 57), None),
        # A scan that began before midnight.
        (at(24), at(24), None),
    ],
)
def test_day_that_ends_before_the_next_look_has_a_last_one(
    missing_at: datetime, now: datetime, look: datetime | None
) -> None:
    assert retry.absence_look(missing_at, TODAY, now) == look


def test_looks_go_on_over_midnight() -> None:
    tomorrow = TODAY + timedelta(days=1)

    assert retry.absence_look(at(22), tomorrow, at(24, 5)) == at(28)
    assert retry.absence_look(at(22), tomorrow, at(28)) is None
