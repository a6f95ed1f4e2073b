"""Copies of the newest rows, and totals of days: they say what the rows say, or do not count."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Row, text

from api.queries import growth, repository_list, series
from api.queries.metric import Metric
from api.queries.repository_list import Entry
from api.queries.repository_sort import Order, Sort
from common import repositories, scan_records, stats, users
from common.repositories import Counts, SeenRepository
from common.states import ScanState
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_scan, add_user, make_repository

TODAY = date(2024, 3, 10)


@pytest.fixture
def user(connection: Connection, clock: Clock) -> TrackedUser:
    clock.set(TODAY)
    return add_user(connection, login="allien")


def scan(connection: Connection, user: TrackedUser, day: date, seen: list[SeenRepository]) -> None:
    """Write what a scan saw, as a worker of this release does."""
    repositories.save(connection, user.id, day, seen)
    stats.write(
        connection, user.id, day, {each.id: each.counts for each in seen if each.counts is not None}
    )


def scan_by_former_release(
    connection: Connection, user: TrackedUser, day: date, seen: list[SeenRepository]
) -> None:
    """Write the same as a worker that does not know the copies."""
    before = connection.execute(text("SELECT * FROM latest_stats")).all()
    scan(connection, user, day, seen)
    connection.execute(text("DELETE FROM latest_stats"))
    store(connection, before)


def store(connection: Connection, copies: Sequence[Row[Any]]) -> None:
    """Insert rows of the table of copies."""
    for row in copies:
        connection.execute(
            text(
                "INSERT INTO latest_stats VALUES (:repo_id, :user_id, :date, :stargazers, :forks,"
                " :watchers, :revision)"
            ),
            row._asdict(),
        )


def listed(connection: Connection, user: TrackedUser, sort: Sort, order: Order) -> list[Entry]:
    return repository_list.of_user(connection, user.id, sort, order).entries


def values(entries: list[Entry], sort: Sort) -> list[object]:
    """Return the values of a sort column, as the entries show them."""
    if sort is Sort.NAME:
        return [entry.name for entry in entries]
    assert sort.metric is not None
    if sort.days is None:
        return [getattr(entry.latest, sort.metric, None) for entry in entries]
    return [getattr(entry.changes[sort.days], sort.metric, None) for entry in entries]


def make(number: int, stars: int | None, **more: int) -> SeenRepository:
    counts = None if stars is None else Counts(stars, more.get("forks", 0), 0)
    seen = make_repository(number, f"r{number}")
    return SeenRepository(seen.id, seen.name, seen.node_id, False, False, counts)


SORTS = (Sort.STARGAZERS, Sort.FORKS, Sort.STARGAZERS_1D, Sort.STARGAZERS_7D, Sort.NAME)


@pytest.mark.parametrize("by", list(product(SORTS, Order)))
@pytest.mark.parametrize("seed", range(3))
def test_order_is_that_of_the_values_that_are_shown(
    connection: Connection, user: TrackedUser, clock: Clock, by: tuple[Sort, Order], seed: int
) -> None:
    sort, order = by
    dice = Random(seed)
    for ago in range(9, -1, -1):
        day = TODAY - timedelta(days=ago)
        clock.set(day)
        seen = [
            make(number, dice.choice([None, 1, 5, 9]), forks=dice.randrange(3))
            for number in range(1, 9)
            if dice.random() < 0.8
        ]
        write = dice.choice([scan, scan, scan_by_former_release])
        write(connection, user, day, seen)

    shown = values(listed(connection, user, sort, order), sort)

    known = [value for value in shown if value is not None]
    assert shown == known + [None] * (len(shown) - len(known))
    assert known == sorted(known, reverse=order is Order.DESCENDING)  # type: ignore[type-var]


@pytest.mark.parametrize("seed", range(5))
def test_movers_are_the_same_with_and_without_copies(
    connection: Connection, user: TrackedUser, clock: Clock, seed: int
) -> None:
    dice = Random(seed)
    heir = add_user(connection, login="heir")
    for ago in range(9, -1, -1):
        day = TODAY - timedelta(days=ago)
        clock.set(day)
        seen = [make(number, dice.choice([None, 1, 5, 9])) for number in range(1, 9)]
        for owner in (user, heir):
            write = dice.choice([scan, scan, scan_by_former_release])
            write(connection, owner, day, [each for each in seen if dice.random() < 0.6])

    def moved(owner: TrackedUser | None, first: int) -> list[growth.Mover]:
        owner_id = None if owner is None else owner.id
        return growth.movers(
            connection, owner_id, day - timedelta(first), day, by=Metric.STARGAZERS, limit=9
        )

    spans = list(product((user, heir, None), (1, 5, 20)))
    with_copies = [moved(*span) for span in spans]
    connection.execute(text("DELETE FROM latest_stats"))

    assert with_copies == [moved(*span) for span in spans]
    assert any(with_copies)


def test_copy_of_a_repository_that_moved_does_not_count_for_its_former_owner(
    connection: Connection, user: TrackedUser, clock: Clock
) -> None:
    heir = add_user(connection, login="heir")
    scan(connection, user, TODAY, [make(1, 5), make(2, 7)])
    clock.set(TODAY + timedelta(days=1))
    scan(connection, heir, TODAY + timedelta(days=1), [make(1, 100)])

    assert values(listed(connection, user, Sort.STARGAZERS, Order.DESCENDING), Sort.STARGAZERS) == [
        7,
        5,
    ]

    users.delete(connection, heir.id)

    assert values(listed(connection, user, Sort.STARGAZERS, Order.DESCENDING), Sort.STARGAZERS) == [
        7,
        5,
    ]


@pytest.mark.parametrize("by_former_release", [False, True])
def test_copy_of_a_deleted_owner_does_not_count(
    connection: Connection, user: TrackedUser, clock: Clock, *, by_former_release: bool
) -> None:
    heir = add_user(connection, login="heir")
    scan(connection, user, TODAY, [make(1, 5)])
    clock.set(TODAY + timedelta(days=1))
    scan(connection, heir, TODAY + timedelta(days=1), [make(1, 100)])
    copies = connection.execute(text("SELECT * FROM latest_stats")).all()

    users.delete(connection, heir.id)

    assert connection.execute(text("SELECT count(*) FROM latest_stats")).scalar_one() == 0
    if by_former_release:
        store(connection, copies)
    entry = repository_list.get(connection, 1)
    assert entry is not None
    assert entry.latest == Counts(5, 0, 0)
    assert entry.last_day == TODAY


def test_copy_of_a_day_to_come_does_not_count(
    connection: Connection, user: TrackedUser, clock: Clock
) -> None:
    scan(connection, user, TODAY, [make(1, 5), make(2, 7)])
    clock.set(TODAY + timedelta(days=30))
    scan(connection, user, TODAY + timedelta(days=30), [make(1, 100), make(2, 1)])
    clock.set(TODAY + timedelta(days=1))

    assert values(listed(connection, user, Sort.STARGAZERS, Order.DESCENDING), Sort.STARGAZERS) == [
        7,
        5,
    ]

    scan(connection, user, TODAY + timedelta(days=1), [make(1, 6), make(2, 7)])

    assert values(listed(connection, user, Sort.STARGAZERS, Order.DESCENDING), Sort.STARGAZERS) == [
        7,
        6,
    ]


def test_pages_are_cut_and_counted_by_postgres(connection: Connection, user: TrackedUser) -> None:
    scan(connection, user, TODAY, [make(number, number) for number in range(1, 8)])

    page = repository_list.of_user(connection, user.id, Sort.STARGAZERS, limit=3, offset=3)
    assert [entry.name for entry in page.entries] == ["r4", "r3", "r2"]
    assert page.in_all == 7

    beyond = repository_list.of_user(connection, user.id, Sort.STARGAZERS, limit=3, offset=30)
    assert (beyond.entries, beyond.in_all) == ([], 7)


def test_kept_totals_count_until_the_scan_ends_again(
    connection: Connection, user: TrackedUser
) -> None:
    scan(connection, user, TODAY, [make(1, 5), make(2, 7)])
    add_scan(connection, user, TODAY, ScanState.DONE)
    connection.execute(
        text("UPDATE scans SET stargazers = 1, forks = 2, watchers = 3, totals_at = finished_at")
    )
    (kept,) = series.of_user(connection, user.id, TODAY, TODAY)
    connection.execute(text("UPDATE scans SET finished_at = finished_at + interval '1 second'"))
    (added_up,) = series.of_user(connection, user.id, TODAY, TODAY)

    assert kept.stargazers == 1
    assert added_up.stargazers == 12


def test_totals_of_all_days_are_kept_at_once(connection: Connection, user: TrackedUser) -> None:
    scan(connection, user, TODAY, [make(1, 5), make(2, 7)])
    add_scan(connection, user, TODAY, ScanState.DONE)
    idle = add_user(connection)
    add_scan(connection, idle, TODAY, ScanState.DONE)

    scan_records.keep_all_totals(connection)

    kept = connection.execute(
        text("SELECT stargazers FROM scans WHERE totals_at = finished_at ORDER BY user_id")
    )
    assert kept.scalars().all() == [12, 0]
