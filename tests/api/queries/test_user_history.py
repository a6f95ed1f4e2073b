"""The totals of a user, and that they are the sums of the repositories' histories."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import Connection, text

from api.queries import history, user_history
from api.queries.metric import Metric
from api.queries.sources import OBSERVED, Sources
from common import repositories
from common.users import TrackedUser
from simulator.star_log import StarLog
from tests import factories, imported, star_readings
from tests.clock import Clock

TODAY = date(2026, 6, 10)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
LONG_AGO = date(2016, 6, 12)
COLUMNS = ("stars", "low", "high", "unbounded")


def day(number: int) -> date:
    return TODAY.replace(day=number)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return factories.add_user(connection)


def totals(
    connection: Connection, user: TrackedUser, first: date = LONG_AGO, last: date = TODAY
) -> list[tuple[object, ...]]:
    """Return the days with stars, how many are known, their source and bounds."""
    return [
        (
            point.day.day,
            point.repositories,
            point.totals[Metric.STARGAZERS],
            point.known[Metric.STARGAZERS],
            point.sources.stargazers,
            point.at_least,
            point.at_most,
        )
        for point in user_history.of_user(connection, user.id, first, last)
    ]


def test_the_share_that_is_known_is_told(connection: Connection, user: TrackedUser) -> None:
    old = factories.add_repository(connection, user)
    new = factories.add_repository(connection, user)
    factories.add_rows(connection, user, old, {day(6): (10, 2, 1), day(8): (12, 2, 1)})
    factories.add_rows(connection, user, new, {day(8): (5, 1, 1), day(9): (5, 1, 1)})
    star_readings.store(connection, old.id, {day(3): 4, day(6): 1}, NOON)

    assert totals(connection, user) == [
        (4, 2, 10, 1, "github_history", 4, 10),
        (5, 2, 10, 1, "github_history", 4, 10),
        (6, 2, 10, 1, "observed", None, None),
        (7, 2, 11, 1, "github_history", 5, 12),
        (8, 2, 17, 2, "observed", None, None),
        (9, 2, 5, 1, "observed", None, None),
    ]
    star_readings.store(connection, new.id, {day(5): 5}, NOON)

    assert totals(connection, user)[:3] == [
        (4, 2, 10, 2, "github_history", 4, 10),
        (5, 2, 10, 2, "github_history", 4, 10),
        (6, 2, 15, 2, "mixed", 15, 15),
    ]
    (point,) = user_history.of_user(connection, user.id, day(6), day(6))
    assert point.known == {Metric.STARGAZERS: 2, Metric.FORKS: 1, Metric.WATCHERS: 1}
    assert point.sources == Sources("mixed", "observed", "observed")


def test_the_past_of_a_transferred_repository_counts_for_its_present_owner(
    connection: Connection, user: TrackedUser
) -> None:
    buyer = factories.add_user(connection)
    repository = factories.add_repository(connection, user)
    factories.add_rows(connection, user, repository, {day(6): (10, 2, 1), day(7): (10, 2, 1)})
    star_readings.store(connection, repository.id, {day(3): 10}, NOON)
    repositories.save(connection, buyer.id, TODAY, [repository])
    factories.add_rows(connection, buyer, repository, {day(9): (10, 2, 1), day(10): (10, 2, 1)})

    seller = user_history.of_user(connection, user.id, LONG_AGO, TODAY)
    owner = user_history.of_user(connection, buyer.id, LONG_AGO, TODAY)

    # The day between two owners is the earlier one's.
    assert [point.day.day for point in seller] == [6, 7, 8]
    assert [(point.day.day, point.transferred) for point in owner] == [
        (4, 1),
        (5, 1),
        (9, 0),
        (10, 0),
    ]
    assert {point.totals[Metric.STARGAZERS] for point in (*seller, *owner)} == {10}


def test_imported_counts_come_before_reconstructed_ones(
    connection: Connection, user: TrackedUser
) -> None:
    repository = factories.add_repository(connection, user)
    factories.add_rows(connection, user, repository, {day(6): (10, 2, 1)})
    star_readings.store(connection, repository.id, {day(2): 10}, NOON)
    imported.store(
        connection,
        repository.id,
        "mine",
        {day(1): (None, 1, None), day(4): (7, 1, None), day(6): (9, 9, 9), day(9): (11, 1, 1)},
    )

    assert totals(connection, user) == [
        (1, 1, 0, 1, "github_history", 0, 0),
        (2, 1, 0, 1, "github_history", 0, 0),
        (3, 1, 10, 1, "github_history", 10, 10),
        (4, 1, 7, 1, "import:mine", None, None),
        (5, 1, 10, 1, "github_history", 10, 10),
        (6, 1, 10, 1, "observed", None, None),
        (9, 1, 11, 1, "import:mine", None, None),
    ]


def test_a_repository_that_is_gone_is_not_missing(
    connection: Connection, user: TrackedUser
) -> None:
    gone = factories.add_repository(connection, user, day=day(7))
    factories.add_rows(connection, user, gone, {day(6): (10, 2, 1), day(7): (10, 2, 1)})
    kept = factories.add_repository(connection, user)
    factories.add_history(connection, user, kept, until=day(9), stargazers=[1] * 4)

    assert totals(connection, user, day(7), day(9)) == [
        (7, 2, 11, 2, "observed", None, None),
        (8, 1, 1, 1, "observed", None, None),
        (9, 1, 1, 1, "observed", None, None),
    ]


def test_a_user_without_rows_has_no_totals(connection: Connection, user: TrackedUser) -> None:
    assert totals(connection, user) == []
    factories.add_repository(connection, user)
    assert totals(connection, user) == []
    assert totals(connection, user, TODAY + ONE_DAY, TODAY + 9 * ONE_DAY) == []


@pytest.mark.parametrize("seed", range(4))
def test_totals_are_the_sums_of_the_repositories(
    connection: Connection, user: TrackedUser, seed: int
) -> None:
    dice = Random(seed)
    owned = [factories.add_repository(connection, user) for _ in range(5)]
    other = factories.add_user(connection)
    for number, repository in enumerate(owned):
        log = StarLog.random(seed * 10 + number, date(2026, 1, 1), TODAY, a_day=0.8)
        begin = date(2026, 3, 1) + dice.randrange(60) * ONE_DAY
        days = [begin + ago * ONE_DAY for ago in range((TODAY - begin).days + 1)]
        for on in days:
            # Outages of all, and gaps of each.
            if on.day in {3, 4, 17} or dice.random() < 0.1:
                continue
            stars = log.held_at(datetime.combine(on, time(0, 5), UTC))
            owner = other if number == 4 and on.month < 5 else user
            if owner is other:
                repositories.save(connection, other.id, on, [repository])
            factories.add_rows(connection, owner, repository, {on: (stars, number, 1)})
        repositories.save(connection, user.id, TODAY, [repository])
        readings = [begin + 5 * ONE_DAY] if number % 2 else [begin + ONE_DAY, TODAY - 20 * ONE_DAY]
        for on in (*readings, TODAY):
            moment = datetime.combine(on, time(9), UTC)
            star_readings.store(connection, repository.id, log.gained(moment), moment)
    imported.store(
        connection,
        owned[0].id,
        "mine",
        {date(2026, month, 20): (9, None, 3) for month in (1, 2, 4)},
    )

    for first, last in ((LONG_AGO, TODAY), (date(2026, 4, 2), date(2026, 5, 17))):
        found = user_history.of_user(connection, user.id, first, last)
        expected: dict[date, dict[str, int]] = {}
        for repository in owned:
            foreign = set(
                connection.execute(
                    text("SELECT date FROM daily_stats WHERE repo_id = :id AND user_id = :user"),
                    {"id": repository.id, "user": other.id},
                ).scalars()
            )
            points = history.of_repository(connection, repository.id, LONG_AGO, TODAY)
            for point in points:
                # Days without a row belong to the owner before them.
                owner_day = max(
                    (
                        each.day
                        for each in points
                        if each.day <= point.day and each.sources.forks == OBSERVED
                    ),
                    default=None,
                )
                if owner_day in foreign or not first <= point.day <= last:
                    continue
                sums = expected.setdefault(point.day, dict.fromkeys(COLUMNS, 0))
                bounds = point.bounds
                stars = point.stargazers or 0
                sums["stars"] += stars
                at_least = stars if bounds is None else bounds.at_least
                sums["unbounded"] += at_least is None
                sums["low"] += at_least or 0
                sums["high"] += stars if bounds is None else bounds.at_most
        assert [point.day for point in found] == sorted(expected)
        for total in found:
            sums = expected[total.day]
            assert total.totals[Metric.STARGAZERS] == sums["stars"], total
            if total.at_most is not None:
                assert total.at_least == (None if sums["unbounded"] else sums["low"]), total
                # Days before a repository's first stars have bounds in the total alone.
                assert total.at_most >= sums["high"], total
