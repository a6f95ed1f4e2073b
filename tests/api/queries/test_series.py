"""Time series: recorded days only, and totals of complete days only."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from api.queries import series
from api.queries.metric import Metric
from api.queries.series import Point
from common.states import ScanState
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_repository, add_rows, add_scan, add_user

TODAY = date(2024, 3, 10)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return add_user(connection)


def test_a_repository_has_its_recorded_days_and_no_others(
    connection: Connection, user: TrackedUser
) -> None:
    repository = add_repository(connection, user)
    other = add_repository(connection, user)
    add_rows(connection, user, repository, {ago(0): (5, 2, 1), ago(3): (7, 2, 0)})
    add_rows(connection, user, other, {ago(1): (100, 100, 100)})

    assert series.of_repository(connection, repository.id, ago(30), TODAY) == [
        Point(ago(3), 7, 2, 0),
        Point(ago(0), 5, 2, 1),
    ]


def test_both_days_of_a_series_are_inclusive(connection: Connection, user: TrackedUser) -> None:
    repository = add_repository(connection, user)
    add_rows(connection, user, repository, {ago(days): (days, 0, 0) for days in range(6)})
    for days in reversed(range(6)):
        add_scan(connection, user, ago(days))
    span = (ago(4), ago(2))

    lines = [
        series.of_repository(connection, repository.id, *span),
        series.of_user(connection, user.id, *span),
    ]
    counts = series.of_repositories(
        connection, user.id, [repository.id], *span, by=Metric.STARGAZERS
    )

    for line in lines:
        assert [point.day for point in line] == [ago(4), ago(3), ago(2)]
    assert counts == {repository.id: [(ago(4), 4), (ago(3), 3), (ago(2), 2)]}


def test_a_series_continues_when_the_owner_changes(
    connection: Connection, user: TrackedUser
) -> None:
    taker = add_user(connection)
    repository = add_repository(connection, user, day=ago(1))
    add_rows(connection, user, repository, {ago(1): (5, 0, 0)})
    add_repository(connection, taker, repository.id)
    add_rows(connection, taker, repository, {TODAY: (6, 0, 0)})

    def stars(line: list[Point]) -> list[tuple[date, int]]:
        return [(point.day, point.stargazers) for point in line]

    assert stars(series.of_repository(connection, repository.id, ago(9), TODAY)) == [
        (ago(1), 5),
        (TODAY, 6),
    ]
    # The series of each owner end and begin there.
    owned = [
        series.of_repositories(
            connection, owner.id, [repository.id], ago(9), TODAY, by=Metric.STARGAZERS
        )
        for owner in (user, taker)
    ]
    assert [lines[repository.id] for lines in owned] == [[(ago(1), 5)], [(TODAY, 6)]]


def test_a_total_is_the_sum_of_all_repositories(connection: Connection, user: TrackedUser) -> None:
    for counts in ((5, 2, 1), (300_000, 20, 10)):
        repository = add_repository(connection, user)
        add_rows(connection, user, repository, {TODAY: counts})
    add_scan(connection, user, TODAY, expected=2, recorded=2)

    assert series.of_user(connection, user.id, TODAY, TODAY) == [Point(TODAY, 300_005, 22, 11)]


def test_a_total_may_exceed_a_32_bit_integer(connection: Connection, user: TrackedUser) -> None:
    largest = 2**31 - 1
    for _ in range(3):
        repository = add_repository(connection, user)
        add_rows(connection, user, repository, {TODAY: (largest, 0, 0)})
    add_scan(connection, user, TODAY)

    (point,) = series.of_user(connection, user.id, TODAY, TODAY)

    assert point.stargazers == 3 * largest


@pytest.mark.parametrize("state", [state for state in ScanState if state is not ScanState.DONE])
def test_an_incomplete_day_has_no_total(
    connection: Connection, user: TrackedUser, state: ScanState
) -> None:
    repository = add_repository(connection, user)
    add_rows(connection, user, repository, {ago(1): (5, 0, 0), TODAY: (5, 0, 0)})
    add_scan(connection, user, ago(1))
    add_scan(connection, user, TODAY, state)

    days = [point.day for point in series.of_user(connection, user.id, ago(9), TODAY)]

    assert days == [ago(1)]


def test_a_day_without_a_scan_has_no_total(connection: Connection, user: TrackedUser) -> None:
    repository = add_repository(connection, user)
    add_rows(connection, user, repository, {TODAY: (5, 0, 0)})

    assert series.of_user(connection, user.id, ago(9), TODAY) == []


def test_a_scanned_user_without_repositories_has_a_total_of_zero(
    connection: Connection, user: TrackedUser
) -> None:
    add_scan(connection, user, TODAY, expected=0)

    assert series.of_user(connection, user.id, ago(9), TODAY) == [Point(TODAY, 0, 0, 0)]


def test_totals_of_several_users_do_not_mix(connection: Connection, user: TrackedUser) -> None:
    other, silent, not_asked = (add_user(connection) for _ in range(3))
    for stars, owner in enumerate((user, other, not_asked), start=1):
        repository = add_repository(connection, owner)
        add_rows(connection, owner, repository, {TODAY: (stars, 0, 0)})
        add_scan(connection, owner, TODAY)

    found = series.of_users(connection, [other.id, user.id, silent.id], ago(9), TODAY)

    assert found == {user.id: [Point(TODAY, 1, 0, 0)], other.id: [Point(TODAY, 2, 0, 0)]}


def test_no_users_have_no_series(connection: Connection) -> None:
    assert series.of_users(connection, [], ago(9), TODAY) == {}


def test_a_moved_repository_counts_for_its_owner_on_each_day(
    connection: Connection, user: TrackedUser
) -> None:
    taker = add_user(connection)
    repository = add_repository(connection, user, day=ago(1))
    add_rows(connection, user, repository, {ago(1): (5, 0, 0)})
    add_repository(connection, taker, repository.id)
    add_rows(connection, taker, repository, {TODAY: (6, 0, 0)})
    for owner in (user, taker):
        add_scan(connection, owner, ago(1))
        add_scan(connection, owner, TODAY)

    found = series.of_users(connection, [user.id, taker.id], ago(1), TODAY)

    assert [point.stargazers for point in found[user.id]] == [5, 0]
    assert [point.stargazers for point in found[taker.id]] == [0, 6]


def test_each_repository_of_a_user_has_its_own_series(
    connection: Connection, user: TrackedUser
) -> None:
    first, second, silent = (add_repository(connection, user) for _ in range(3))
    add_rows(connection, user, second, {ago(1): (1, 2, 3), TODAY: (2, 2, 3)})
    add_rows(connection, user, first, {TODAY: (9, 8, 7)})

    asked = [first.id, second.id, silent.id]
    for place, metric in enumerate(Metric):
        found = series.of_repositories(connection, user.id, asked, ago(9), TODAY, by=metric)

        assert found == {
            first.id: [(TODAY, (9, 8, 7)[place])],
            second.id: [(ago(1), (1, 2, 3)[place]), (TODAY, (2, 2, 3)[place])],
        }
