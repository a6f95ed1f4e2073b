from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from common import stats
from common.repositories import Counts, SeenRepository
from common.users import TrackedUser
from tests.factories import ONE_DAY, add_repository, add_user
from tests.locks import is_waiting_for_a_lock
from tests.rows import rows_of
from tests.waiting import wait_until

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - ONE_DAY


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return add_user(connection)


@pytest.fixture
def repository(connection: Connection, user: TrackedUser) -> SeenRepository:
    return add_repository(connection, user, day=YESTERDAY)


def write(
    connection: Connection,
    user: TrackedUser,
    counts: Mapping[int, tuple[int, int, int]],
    day: date = TODAY,
) -> int:
    return stats.write(
        connection, user.id, day, {key: Counts(*value) for key, value in counts.items()}
    )


def read(
    connection: Connection,
    user: TrackedUser,
    date_from: date = date(2020, 1, 1),
    date_to: date = date(2040, 1, 1),
) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows_of(connection, user.id, date_from, date_to)]


def partition_of(connection: Connection, day: date) -> list[str]:
    return list(
        connection.execute(
            text("SELECT tableoid::regclass::text FROM daily_stats WHERE date = :day"),
            {"day": day},
        ).scalars()
    )


# Writing


def test_write_stores_the_counts(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    assert write(connection, user, {repository.id: (42, 9, 14)}) == 1

    assert rows_of(connection, user.id, TODAY, TODAY) == [
        {"repo_id": repository.id, "date": TODAY, "stargazers": 42, "forks": 9, "watchers": 14}
    ]


def test_second_write_of_a_day_replaces_the_first(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (42, 9, 14)})

    assert write(connection, user, {repository.id: (41, 9, 14)}) == 1

    assert read(connection, user) == [(repository.id, TODAY, 41, 9, 14)]


def test_each_day_has_its_own_row(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (42, 9, 14)}, YESTERDAY)
    write(connection, user, {repository.id: (43, 9, 14)}, TODAY)

    assert [row[2] for row in read(connection, user)] == [42, 43]


def test_write_of_equal_counts_rewrites_nothing(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (42, 9, 14)})
    version = connection.execute(text("SELECT xmin FROM daily_stats")).scalar_one()

    assert write(connection, user, {repository.id: (42, 9, 14)}) == 0

    assert connection.execute(text("SELECT xmin FROM daily_stats")).scalar_one() == version


@pytest.mark.parametrize("counts", [(43, 9, 14), (42, 10, 14), (42, 9, 15)])
def test_write_stores_a_change_of_any_count(
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    counts: tuple[int, int, int],
) -> None:
    write(connection, user, {repository.id: (42, 9, 14)})

    assert write(connection, user, {repository.id: counts}) == 1
    assert read(connection, user) == [(repository.id, TODAY, *counts)]


def test_write_accepts_no_counts(connection: Connection, user: TrackedUser) -> None:
    assert write(connection, user, {}) == 0


def test_write_stores_zeros(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (0, 0, 0)})

    assert read(connection, user) == [(repository.id, TODAY, 0, 0, 0)]


def test_write_stores_more_rows_than_fit_in_a_statement(
    connection: Connection, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "ROWS_PER_STATEMENT", 10)
    counts = {add_repository(connection, user).id: (number, 0, 0) for number in range(25)}

    assert write(connection, user, counts) == 25
    assert [row[2] for row in read(connection, user)] == list(range(25))


def test_write_refuses_a_repository_of_another_user(
    connection: Connection, user: TrackedUser
) -> None:
    repository = add_repository(connection, add_user(connection))

    with pytest.raises(IntegrityError):
        write(connection, user, {repository.id: (1, 2, 3)})


def test_write_refuses_negative_counts(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    with pytest.raises(IntegrityError):
        write(connection, user, {repository.id: (1, -1, 3)})


def test_concurrent_writes_in_different_orders_do_not_deadlock(
    engine: Engine, connection: Connection, user: TrackedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "ROWS_PER_STATEMENT", 1)
    ids = [add_repository(connection, user).id for _ in range(20)]

    def rewrite(turn: int) -> None:
        order = ids if turn % 2 else ids[::-1]
        with engine.begin() as own:
            write(own, user, dict.fromkeys(order, (turn, 0, 0)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rewrite, range(12)))

    assert len({row[2] for row in read(connection, user)}) == 1


# Partitions


def make(connection: Connection, day: date) -> tuple[str, ...]:
    with connection.engine.begin() as transaction:
        return stats.create_partitions(transaction, day)


def test_create_partitions_creates_this_month_and_two_more(connection: Connection) -> None:
    assert make(connection, date(2031, 5, 17)) == (
        "daily_stats_2031_05",
        "daily_stats_2031_06",
        "daily_stats_2031_07",
    )


def test_create_partitions_skips_existing_months(connection: Connection) -> None:
    make(connection, date(2031, 5, 17))

    assert make(connection, date(2031, 5, 31)) == ()
    assert make(connection, date(2031, 6, 1)) == ("daily_stats_2031_08",)


def test_create_partitions_crosses_the_end_of_a_year(connection: Connection) -> None:
    assert make(connection, date(2031, 11, 30)) == (
        "daily_stats_2031_11",
        "daily_stats_2031_12",
        "daily_stats_2032_01",
    )
    assert make(connection, date(2031, 12, 31)) == ("daily_stats_2032_02",)


@pytest.mark.parametrize(
    ("day", "partition"),
    [
        (date(2031, 12, 1), "daily_stats_2031_12"),
        (date(2031, 12, 31), "daily_stats_2031_12"),
        (date(2032, 1, 1), "daily_stats_2032_01"),
        (date(2032, 2, 29), "daily_stats_2032_02"),
    ],
)
def test_row_is_in_the_partition_of_its_month(
    connection: Connection,
    user: TrackedUser,
    repository: SeenRepository,
    day: date,
    partition: str,
) -> None:
    make(connection, date(2031, 12, 5))

    write(connection, user, {repository.id: (1, 2, 3)}, day)

    assert partition_of(connection, day) == [partition]


def test_row_of_a_month_without_a_partition_is_in_the_default_partition(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (1, 2, 3)}, date(2031, 5, 17))

    assert partition_of(connection, date(2031, 5, 17)) == ["daily_stats_default"]
    assert read(connection, user) == [(repository.id, date(2031, 5, 17), 1, 2, 3)]


def test_rows_move_from_the_default_partition_to_the_new_one(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    inside = [date(2031, 5, 1), date(2031, 5, 31), date(2031, 6, 1)]
    outside = [date(2031, 4, 30), date(2031, 8, 1)]
    for day in inside + outside:
        write(connection, user, {repository.id: (day.day, 2, 3)}, day)
    before = read(connection, user)

    make(connection, date(2031, 5, 17))

    assert read(connection, user) == before
    assert [partition_of(connection, day) for day in inside] == [
        ["daily_stats_2031_05"],
        ["daily_stats_2031_05"],
        ["daily_stats_2031_06"],
    ]
    assert [partition_of(connection, day) for day in outside] == [["daily_stats_default"]] * 2


def test_new_partition_has_all_constraints(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    day = date(2031, 5, 17)
    make(connection, day)
    write(connection, user, {repository.id: (1, 2, 3)}, day)

    assert write(connection, user, {repository.id: (1, 2, 3)}, day) == 0
    with pytest.raises(IntegrityError):
        write(connection, user, {repository.id: (-1, 2, 3)}, day)
    with pytest.raises(IntegrityError):
        write(connection, user, {repository.id + 1: (1, 2, 3)}, day)


def test_concurrent_sweeps_create_partitions_once(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    write(connection, user, {repository.id: (1, 2, 3)}, date(2031, 5, 17))

    def sweep(_: int) -> tuple[str, ...]:
        with engine.begin() as own:
            return stats.create_partitions(own, date(2031, 5, 17))

    with ThreadPoolExecutor(6) as pool:
        made = sorted(pool.map(sweep, range(6)))

    assert [len(names) for names in made] == [0, 0, 0, 0, 0, 3]
    assert read(connection, user) == [(repository.id, date(2031, 5, 17), 1, 2, 3)]


def test_row_written_during_the_creation_moves_to_the_new_partition(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    day = date(2031, 5, 17)

    def sweep() -> tuple[str, ...]:
        with engine.begin() as own:
            return stats.create_partitions(own, day)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as writing:
            stats.write(writing, user.id, day, {repository.id: Counts(1, 2, 3)})
            sweeping = pool.submit(sweep)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        assert len(sweeping.result()) == 3

    assert partition_of(connection, day) == ["daily_stats_2031_05"]


def test_creating_a_partition_does_not_block_readers_and_writers(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    make(connection, TODAY)
    write(connection, user, {repository.id: (1, 2, 3)})

    with engine.begin() as sweep, engine.begin() as other:
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        stats.create_partitions(sweep, date(2031, 5, 17))
        assert len(rows_of(other, user.id, YESTERDAY, TODAY)) == 1
        assert stats.write(other, user.id, TODAY, {repository.id: Counts(4, 5, 6)}) == 1


def test_long_read_postpones_the_creation_and_blocks_no_other(
    engine: Engine, connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    make(connection, TODAY)
    read_default = text("SELECT count(*) FROM daily_stats_default")

    with engine.begin() as backup, engine.begin() as sweep, ThreadPoolExecutor(1) as pool:
        backup.execute(read_default)
        made = pool.submit(stats.create_partitions, sweep, date(2031, 5, 17))
        wait_until(lambda: is_waiting_for_a_lock(connection), 20)
        connection.execute(text("SET lock_timeout = '3s'"))
        connection.execute(read_default)
        assert made.result(20) == ()
        # The sweep goes on.
        assert stats.write(sweep, user.id, TODAY, {repository.id: Counts(4, 5, 6)}) == 1


def test_create_partitions_restores_the_lock_timeout(engine: Engine) -> None:
    with engine.begin() as sweep:
        before = sweep.scalar(text("SHOW lock_timeout"))
        assert stats.create_partitions(sweep, date(2031, 5, 17))
        assert sweep.scalar(text("SHOW lock_timeout")) == before


def test_rows_of_a_new_partition_have_no_padding(
    connection: Connection, user: TrackedUser, repository: SeenRepository
) -> None:
    make(connection, TODAY)
    write(connection, user, {repository.id: (1, 2, 3)})

    (partition,) = partition_of(connection, TODAY)
    size = connection.scalar(text(f"SELECT pg_column_size(d) FROM {partition} d"))

    header, ids, day, counts = 24, 2 * 8, 4, 3 * 4
    assert size == header + ids + day + counts
