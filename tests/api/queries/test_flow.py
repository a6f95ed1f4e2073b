from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection

from api.queries import flow
from api.queries.flow import Flow, Per
from common.repositories import SeenRepository
from tests import factories, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 10)


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def repository(connection: Connection, clock: Clock) -> SeenRepository:
    """A repository with 10 stars on each of ten days, of which the last was not scanned."""
    clock.set(TODAY)
    user = factories.add_user(connection)
    repository = factories.add_repository(connection, user)
    factories.add_history(connection, user, repository, until=day(9), stargazers=[10] * 12)
    return repository


@pytest.mark.parametrize(
    ("per", "first", "last", "expected"),
    [
        (Per.DAY, (2026, 2, 27), (2026, 3, 1), [(2, 27), (2, 28), (3, 1)]),
        # The second of March is a Monday.
        (Per.WEEK, (2026, 3, 1), (2026, 3, 16), [(3, 2), (3, 9), (3, 16)]),
        (Per.WEEK, (2026, 3, 2), (2026, 3, 15), [(3, 2), (3, 9)]),
        (Per.MONTH, (2026, 1, 31), (2026, 4, 1), [(2, 1), (3, 1), (4, 1)]),
        (Per.MONTH, (2026, 2, 1), (2026, 3, 31), [(2, 1), (3, 1)]),
        (Per.MONTH, (2026, 2, 2), (2026, 3, 31), []),
    ],
)
def test_spans_follow_each_other(
    per: Per,
    first: tuple[int, int, int],
    last: tuple[int, int, int],
    expected: list[tuple[int, int]],
) -> None:
    days = [date(2026, *each) for each in expected]

    found = list(flow.spans(per, date(*first), date(*last)))

    assert found == list(pairwise(days))


def test_a_star_that_came_while_another_went_is_seen(
    connection: Connection, repository: SeenRepository
) -> None:
    # The row of the fifth is taken when it is 17:05 of the fourth in Los Angeles.
    for number in range(2, 10):
        star_readings.store(
            connection,
            repository.id,
            {day(1): 7, day(4): 3} | {day(each): 0 for each in range(2, number) if each != 4},
            datetime(2026, 6, number, 9, tzinfo=UTC),
        )

    found = flow.of_repository(connection, repository.id, Per.DAY, day(3), TODAY)

    assert found == [
        Flow(day(3), day(4), 0, 0, 0, late=False),
        Flow(day(4), day(5), 0, 0, 0, late=False),
        Flow(day(5), day(6), 3, 3, 0, late=False),
        *(Flow(day(number), day(number + 1), 0, 0, 0, late=False) for number in (6, 7, 8)),
        Flow(day(9), day(10), None, None, None, None),
    ]
    (week,) = flow.of_repository(connection, repository.id, Per.WEEK, day(1), day(9))
    assert week == Flow(day(1), day(8), 10, 10, 0, late=True)


def test_gained_is_at_least_the_observed_change(
    connection: Connection, repository: SeenRepository, clock: Clock
) -> None:
    clock.set(TODAY + timedelta(days=3))
    star_readings.store(
        connection, repository.id, {day(1): 1}, datetime(2026, 6, 12, 9, tzinfo=UTC)
    )
    user = factories.add_user(connection)
    factories.add_repository(connection, user, repository.id)
    factories.add_rows(connection, user, repository, {day(10): (15, 9, 14), day(11): (12, 9, 14)})

    found = flow.of_repository(connection, repository.id, Per.DAY, day(9), day(11))

    assert found == [
        Flow(day(9), day(10), 5, 0, 5, late=True),
        Flow(day(10), day(11), 0, 3, -3, late=True),
    ]


def test_without_a_reading_only_the_change_is_known(
    connection: Connection, repository: SeenRepository
) -> None:
    (unread,) = flow.of_repository(connection, repository.id, Per.DAY, day(5), day(6))
    star_readings.store(connection, repository.id, {day(1): 7}, datetime(2026, 6, 5, 9, tzinfo=UTC))
    found = flow.of_repository(connection, repository.id, Per.DAY, day(4), day(7))

    assert unread == Flow(day(5), day(6), None, None, 0, None)
    assert [each.gained for each in found] == [0, 0, None]
