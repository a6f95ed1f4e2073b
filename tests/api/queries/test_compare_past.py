"""The days of compared repositories that were not observed: the same as in their histories."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from api.queries import compare, compare_past, history
from api.queries.compare import Counts, Kind, Subject
from api.queries.metric import Metric
from tests import factories, imported, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 10)


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def subjects(connection: Connection, clock: Clock) -> list[Subject]:
    """Repositories with everything that a history can have, with nothing, and a user."""
    clock.set(TODAY)
    user = factories.add_user(connection)
    rows = {day(number): (10 + number, number, 1) for number in (4, 6, 9)}
    gained = {day(2): 3, day(3): 5, day(5): 1, day(6): 2, day(7): 4}
    read_at = datetime(2026, 6, 10, 12, tzinfo=UTC)
    added = []
    for number in range(6):
        repository = factories.add_repository(connection, user)
        added.append(repository)
        if number:
            factories.add_rows(connection, user, repository, rows)
        if number in {0, 2, 3}:
            star_readings.store(connection, repository.id, gained, read_at)
        if number == 4:
            star_readings.store(connection, repository.id, {}, read_at)
    imported.store(
        connection,
        added[3].id,
        "old",
        {day(1): (2, 1, None), day(5): (77, None, 4), day(9): (1, 1, 1), day(10): (30, 3, 3)},
    )
    factories.add_scan(connection, user, TODAY)
    subjects = [Subject(Kind.REPOSITORY, each.id, each.name) for each in added]
    return [*subjects, Subject(Kind.USER, user.id, user.login)]


def read(
    connection: Connection, subjects: Sequence[Subject], metric: Metric, first: date, last: date
) -> list[Counts]:
    counts = compare.read_counts(connection, subjects, metric, first, last)
    return compare_past.add_past(connection, counts, metric, first, last)


@pytest.mark.parametrize("metric", Metric)
def test_counts_are_those_of_the_histories(
    connection: Connection, subjects: list[Subject], metric: Metric
) -> None:
    spans = [
        (date(2020, 1, 1), TODAY + timedelta(days=5)),
        *((day(first), day(last)) for first in range(1, 11) for last in range(first, 11)),
    ]
    for first, last in spans:
        found = read(connection, subjects, metric, first, last)
        for counts in found[:-1]:
            points = history.of_repository(connection, counts.subject.id, first, last)
            assert list(zip(counts.days, counts.values, counts.sources, strict=True)) == [
                (point.day.toordinal(), getattr(point, metric), getattr(point.sources, metric))
                for point in points
                if getattr(point, metric) is not None
            ], (first, last, counts.subject)


def test_users_have_observed_totals_only(connection: Connection, subjects: list[Subject]) -> None:
    observed = compare.read_counts(connection, subjects, Metric.STARGAZERS, day(1), TODAY)

    found = read(connection, subjects, Metric.STARGAZERS, day(1), TODAY)

    assert found[-1] == observed[-1]
    assert sum(len(each.days) for each in found) > sum(len(each.days) for each in observed)
