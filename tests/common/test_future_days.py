from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, text

from common import collection, future_days
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_history, add_repository, add_scan, add_user
from tests.rows import rows_of

TODAY = date(2026, 11, 23)
AHEAD = TODAY + timedelta(days=40)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    """A user who was scanned today, and once while the clock was ahead."""
    clock.set(TODAY)
    user = add_user(connection)
    repository = add_repository(connection, user, day=TODAY)
    add_history(connection, user, repository, until=TODAY, stargazers=[1, 2])
    add_scan(connection, user, TODAY, recorded=1)
    clock.set(AHEAD)
    add_history(connection, user, repository, until=AHEAD, stargazers=[3])
    add_scan(connection, user, AHEAD, recorded=1)
    collection.record_completed_day(connection)
    connection.execute(text("UPDATE repositories SET listed_on = :day"), {"day": AHEAD})
    connection.execute(
        text("UPDATE users SET missing_since = :day, state = 'vanished'"), {"day": AHEAD}
    )
    clock.set(TODAY)
    return user


def test_days_to_come_are_found(connection: Connection, user: TrackedUser) -> None:
    add_user(connection)

    assert future_days.find(connection) == future_days.FutureDays(1, 1, AHEAD)
    assert future_days.count_users(connection) == 1
    assert future_days.list_users(connection) == [user.id]


def test_removal_leaves_what_was_true(connection: Connection, user: TrackedUser) -> None:
    assert future_days.remove_of_user(connection, user.id) == 1
    future_days.remove_completed(connection)

    assert future_days.find(connection) == future_days.FutureDays(0, 0, None)
    assert [row["date"] for row in rows_of(connection, user.id)] == [
        TODAY - timedelta(days=1),
        TODAY,
    ]
    stored = connection.execute(
        text(
            "SELECT u.scanned_on, u.state, u.missing_since, r.listed_on < u.scanned_on"
            " FROM users u JOIN repositories r ON r.user_id = u.id"
        )
    ).one()
    assert tuple(stored) == (TODAY, "active", None, True)
    assert connection.execute(text("SELECT count(*) FROM fan_outs")).scalar_one() == 0


def test_removal_changes_nothing_of_other_users(connection: Connection, user: TrackedUser) -> None:
    other = add_user(connection)
    repository = add_repository(connection, other)
    add_history(connection, other, repository, until=TODAY, stargazers=[1])
    add_scan(connection, other, TODAY, recorded=1)

    for user_id in future_days.list_users(connection):
        future_days.remove_of_user(connection, user_id)

    assert len(rows_of(connection, other.id)) == 1
