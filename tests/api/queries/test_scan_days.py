"""A user's days: scans, and the days without one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from api.queries import scan_days
from api.queries.scan_days import ScanRecord, UnscannedDay
from common.states import ScanState
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_scan, add_user

TODAY = date(2024, 3, 10)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user who was added five days ago."""
    clock.set(ago(5))
    user = add_user(connection)
    clock.set(TODAY)
    return user


def read(
    connection: Connection, user: TrackedUser, first: date = date.min, last: date = date.max
) -> list[tuple[date, str]]:
    """Return each day with its state, or the reason why there was no scan."""
    return [
        (day.day, day.state if isinstance(day, ScanRecord) else day.reason)
        for day in scan_days.every_day(connection, user.id, first, last)
    ]


NO_SCAN = "no scan: the workers or beat did not run, or did not reach this user"
NOT_YET = "no scan yet: the day is not over"


def test_days_without_a_scan_are_listed_with_a_reason(
    connection: Connection, user: TrackedUser
) -> None:
    for days in (5, 4, 2):
        add_scan(connection, user, ago(days))

    assert read(connection, user) == [
        (ago(0), NOT_YET),
        (ago(1), NO_SCAN),
        (ago(2), "done"),
        (ago(3), NO_SCAN),
        (ago(4), "done"),
        (ago(5), "done"),
    ]


def test_a_user_who_was_never_scanned_has_only_unscanned_days(
    connection: Connection, user: TrackedUser
) -> None:
    days = scan_days.every_day(connection, user.id, date.min, date.max)

    assert [day.day for day in days] == [ago(days) for days in range(6)]
    assert all(isinstance(day, UnscannedDay) for day in days)


def test_days_are_utc_days(connection: Connection, clock: Clock) -> None:
    clock.set(datetime(2024, 3, 9, 23, 59, tzinfo=UTC))
    user = add_user(connection)
    clock.set(datetime(2024, 3, 10, 0, 1, tzinfo=UTC))

    assert [day for day, _ in read(connection, user)] == [ago(0), ago(1)]


def test_scans_from_before_the_user_was_added_are_listed(
    connection: Connection, user: TrackedUser
) -> None:
    add_scan(connection, user, ago(8))
    add_scan(connection, user, ago(6))

    assert read(connection, user)[-3:] == [
        (ago(6), "done"),
        (ago(7), NO_SCAN),
        (ago(8), "done"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (ago(3), ago(2), [ago(2), ago(3)]),
        (ago(30), ago(4), [ago(4), ago(5)]),
        (ago(1), ago(-9), [ago(0), ago(1)]),
        (ago(30), ago(6), []),
        (ago(-1), ago(-9), []),
    ],
)
def test_only_requested_days_until_today_are_listed(
    connection: Connection, user: TrackedUser, first: date, last: date, found: list[date]
) -> None:
    assert [day for day, _ in read(connection, user, first, last)] == found


@pytest.mark.parametrize("first", [date.min, ago(3)])
def test_days_after_an_account_vanished_name_it_as_the_reason(
    connection: Connection, user: TrackedUser, first: date
) -> None:
    add_scan(connection, user, ago(4), ScanState.GONE)
    add_scan(connection, user, ago(1))

    days = dict(read(connection, user, first))

    for day in (ago(3), ago(2)):
        assert f"GitHub showed no such account on {ago(4)}" in days[day]
    # It came back.
    assert days[TODAY] == NOT_YET


def test_an_unknown_user_has_no_days(connection: Connection) -> None:
    assert scan_days.every_day(connection, 7, date.min, date.max) == []
