from datetime import timedelta

from sqlalchemy import Connection

from common import completed_days, users
from common.states import ScanState
from tests import factories
from tests.clock import Clock


def test_a_day_is_noted_once_when_everybody_was_scanned(
    connection: Connection, clock: Clock
) -> None:
    today = clock.today()
    both = [factories.add_user(connection) for _ in range(2)]
    factories.add_scan(connection, both[0], today)
    before = completed_days.note(connection)
    factories.add_scan(connection, both[1], today)
    moment = clock.now()

    first = completed_days.note(connection)
    clock.advance(timedelta(hours=1))
    again = completed_days.note(connection)

    assert before is None
    assert first is not None
    assert (first.day, first.users) == (today, 2)
    assert timedelta(0) <= first.completed_at - moment < timedelta(minutes=1)
    assert again is None
    assert completed_days.newest(connection) == first


def test_who_is_followed_later_changes_nothing_about_the_day(
    connection: Connection, clock: Clock
) -> None:
    factories.add_scan(connection, factories.add_user(connection), clock.today())
    noted = completed_days.note(connection)
    factories.add_user(connection)

    assert completed_days.note(connection) is None
    assert completed_days.newest(connection) == noted


def test_a_vanished_account_keeps_nobody_waiting(connection: Connection, clock: Clock) -> None:
    today = clock.today()
    vanished = factories.add_user(connection)
    users.mark_missing(connection, vanished.id, today - timedelta(1))
    users.mark_missing(connection, vanished.id, today)
    factories.add_scan(connection, factories.add_user(connection), today)

    noted = completed_days.note(connection)

    assert noted is not None
    assert noted.users == 1


def test_a_user_who_waits_for_another_attempt_is_not_reached(
    connection: Connection, clock: Clock
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today() - timedelta(1))
    later = clock.now() + timedelta(hours=1)
    factories.add_scan(connection, user, clock.today(), ScanState.WAITING, not_before=later)

    assert completed_days.note(connection) is None


def test_a_day_that_reached_only_some_leaves_the_one_before(
    connection: Connection, clock: Clock
) -> None:
    both = [factories.add_user(connection) for _ in range(2)]
    for user in both:
        factories.add_scan(connection, user, clock.today())
    first = completed_days.note(connection)
    clock.advance(timedelta(days=1))
    factories.add_scan(connection, both[0], clock.today())

    assert completed_days.note(connection) is None
    assert completed_days.newest(connection) == first
    age = completed_days.age(connection)
    assert age is not None
    assert 86400 <= age < 86460


def test_with_nobody_followed_nothing_was_reached(connection: Connection) -> None:
    assert completed_days.note(connection) is None
    assert completed_days.newest(connection) is None
    assert completed_days.age(connection) is None
