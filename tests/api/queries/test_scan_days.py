"""Each day of a user: those on which nothing was tried are gaps, and none is left out."""

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
    """Return each day with its state, or its reason where it is a gap."""
    return [
        (day.day, day.state if isinstance(day, ScanRecord) else day.reason)
        for day in scan_days.every_day(connection, user.id, first, last)
    ]


NOT_TRIED = "nothing was tried: the workers or beat did not run, or did not come to this user"
NOT_YET = "nothing was tried yet: the day is not over"


def test_days_on_which_nothing_was_tried_are_gaps(
    connection: Connection, user: TrackedUser
) -> None:
    for days in (5, 4, 2):
        add_scan(connection, user, ago(days))

    assert read(connection, user) == [
        (ago(0), NOT_YET),
        (ago(1), NOT_TRIED),
        (ago(2), "done"),
        (ago(3), NOT_TRIED),
        (ago(4), "done"),
        (ago(5), "done"),
    ]


def test_a_user_who_was_never_scanned_has_gaps_since_the_first_day(
    connection: Connection, user: TrackedUser
) -> None:
    days = scan_days.every_day(connection, user.id, date.min, date.max)

    assert [day.day for day in days] == [ago(days) for days in range(6)]
    assert all(isinstance(day, UnscannedDay) for day in days)


def test_the_day_of_a_user_is_the_utc_day(connection: Connection, clock: Clock) -> None:
    clock.set(datetime(2024, 3, 9, 23, 59, tzinfo=UTC))
    user = add_user(connection)
    clock.set(datetime(2024, 3, 10, 0, 1, tzinfo=UTC))

    assert [day for day, _ in read(connection, user)] == [ago(0), ago(1)]


def test_a_past_from_before_the_user_was_added_counts_from_its_first_scan(
    connection: Connection, user: TrackedUser
) -> None:
    add_scan(connection, user, ago(8))
    add_scan(connection, user, ago(6))

    assert read(connection, user)[-3:] == [
        (ago(6), "done"),
        (ago(7), NOT_TRIED),
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
def test_only_days_that_were_asked_for_and_none_of_the_future(
    connection: Connection, user: TrackedUser, first: date, last: date, found: list[date]
) -> None:
    assert [day for day, _ in read(connection, user, first, last)] == found


@pytest.mark.parametrize("first", [date.min, ago(3)])
def test_days_after_an_account_vanished_say_so(
    connection: Connection, user: TrackedUser, first: date
) -> None:
    add_scan(connection, user, ago(4), ScanState.GONE)
    add_scan(connection, user, ago(1))

    days = dict(read(connection, user, first))

    for day in (ago(3), ago(2)):
        assert f"GitHub showed no such account on {ago(4)}" in days[day]
    # It came back.
    assert days[TODAY] == NOT_YET


def test_a_user_whom_nobody_follows_has_no_days(connection: Connection) -> None:
    assert scan_days.every_day(connection, 7, date.min, date.max) == []
