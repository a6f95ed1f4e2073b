"""The repositories that changed most in a period: their days and their order."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from api.queries import growth
from api.queries.growth import Mover
from api.queries.metric import Metric
from common import repositories
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_repository, add_rows, add_user

TODAY = date(2024, 3, 10)
MONTH = TODAY - timedelta(days=29)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return add_user(connection)


def add(connection: Connection, user: TrackedUser, name: str, **stars: int) -> int:
    """Add a repository with its stars by day: ``d7=5`` is five stars seven days ago."""
    repository = add_repository(connection, user, name=name)
    rows = {ago(int(day[1:])): (count, 0, 0) for day, count in stars.items()}
    add_rows(connection, user, repository, rows)
    return repository.id


def movers(
    connection: Connection,
    user: TrackedUser,
    *,
    first: date = MONTH,
    last: date = TODAY,
    by: Metric = Metric.STARGAZERS,
    limit: int = 100,
) -> list[Mover]:
    return growth.movers(connection, user.id, first, last, by=by, limit=limit)


def names(found: list[Mover]) -> list[str]:
    return [mover.name for mover in found]


def test_a_mover_has_both_values_and_their_days(connection: Connection, user: TrackedUser) -> None:
    repository_id = add(connection, user, "hello", d40=1, d20=40, d9=70, d2=50)

    assert movers(connection, user) == [
        Mover(repository_id, user.login, "hello", ago(20), ago(2), 40, 50, 10, 25.0)
    ]


def test_both_days_of_the_period_are_inclusive(connection: Connection, user: TrackedUser) -> None:
    add(connection, user, "hello", d3=1, d2=2, d1=4, d0=8)

    (mover,) = movers(connection, user, first=ago(2), last=ago(1))

    assert (mover.first_day, mover.first, mover.last_day, mover.last) == (ago(2), 2, ago(1), 4)


def test_the_largest_change_comes_first_up_or_down(
    connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "still", d1=9, d0=9)
    add(connection, user, "up", d1=100, d0=103)
    add(connection, user, "down", d1=9, d0=2)

    assert names(movers(connection, user)) == ["down", "up", "still"]
    assert names(movers(connection, user, limit=1)) == ["down"]


def test_equal_changes_are_sorted_by_id(connection: Connection, user: TrackedUser) -> None:
    for name in ("c", "a", "b"):
        add(connection, user, name, d1=5, d0=8 if name == "a" else 2)

    assert names(movers(connection, user)) == ["c", "a", "b"]


def test_a_repository_with_one_recorded_day_is_left_out(
    connection: Connection, user: TrackedUser
) -> None:
    add(connection, user, "once", d40=1, d3=100)
    add(connection, user, "never")

    assert movers(connection, user) == []


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [(3, 4, 33.33), (4, 3, -25.0), (0, 4, None), (0, 0, None), (5, 0, -100.0), (7, 7, 0.0)],
)
def test_the_percentage_refers_to_the_first_value(
    connection: Connection, user: TrackedUser, before: int, after: int, percent: float | None
) -> None:
    add(connection, user, "hello", d1=before, d0=after)

    (mover,) = movers(connection, user)

    assert (mover.difference, mover.percent) == (after - before, percent)


@pytest.mark.parametrize(("by", "difference"), [("stargazers", 1), ("forks", 20), ("watchers", -3)])
def test_growth_can_compare_each_count(
    connection: Connection, user: TrackedUser, by: str, difference: int
) -> None:
    repository = add_repository(connection, user)
    add_rows(connection, user, repository, {ago(1): (10, 10, 10), TODAY: (11, 30, 7)})

    (mover,) = movers(connection, user, by=Metric(by))

    assert mover.difference == difference


def test_days_of_another_owner_do_not_count(connection: Connection, user: TrackedUser) -> None:
    taker = add_user(connection)
    repository = add_repository(connection, user, day=ago(3))
    add_rows(connection, user, repository, {ago(3): (1, 0, 0), ago(2): (2, 0, 0)})
    add_repository(connection, taker, repository.id)
    add_rows(connection, taker, repository, {ago(1): (50, 0, 0), TODAY: (60, 0, 0)})

    assert [mover.difference for mover in movers(connection, user)] == [1]
    assert [mover.difference for mover in movers(connection, taker)] == [10]


def test_repositories_of_other_users_are_left_out(
    connection: Connection, user: TrackedUser
) -> None:
    add(connection, add_user(connection), "theirs", d1=1, d0=2)

    assert movers(connection, user) == []


def test_repositories_of_all_users_are_compared_each_as_its_newest_owner_has_it(
    connection: Connection, user: TrackedUser
) -> None:
    other = add_user(connection, login="other")
    add(connection, user, "mine", d3=10, d0=11)
    add(connection, other, "theirs", d3=10, d0=70)
    moved = add_repository(connection, user, name="moved")
    add_rows(connection, user, moved, {ago(3): (1, 0, 0)})
    repositories.save(connection, other.id, ago(0), [moved])
    add_rows(connection, other, moved, {ago(2): (5, 0, 0), ago(0): (8, 0, 0)})

    found = growth.movers(connection, None, ago(7), ago(0), by=Metric.STARGAZERS, limit=9)

    assert [(mover.full_name, mover.difference) for mover in found] == [
        ("other/theirs", 60),
        ("other/moved", 3),
        (f"{user.login}/mine", 1),
    ]
