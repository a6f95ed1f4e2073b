from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.event import listen

from api.queries import scan_days
from common import lookups, repositories, scans, stats, users
from common.db import ContentionError, Outage, outage_reason
from common.repositories import Counts
from common.states import LookupState, ScanState, UserState
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_repository, add_rows, add_scan, add_user, make_repository, make_user
from tests.locks import is_waiting_for_a_lock
from tests.rows import rows_of
from tests.waiting import wait_until

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.set(TODAY)


def state_of(connection: Connection, user: TrackedUser) -> str:
    return str(
        connection.execute(
            text("SELECT state FROM users WHERE id = :id"), {"id": user.id}
        ).scalar_one()
    )


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_add_stores_a_new_user(connection: Connection) -> None:
    user = TrackedUser(1428904, "allien", "Allien Delon")

    assert users.add(connection, user) == (user, True)
    assert users.get(connection, 1428904) == user


def test_add_leaves_a_tracked_user_unchanged(connection: Connection) -> None:
    user = add_user(connection, 1428904, "allien", "Allien Delon")

    again = users.add(connection, TrackedUser(1428904, "other", "Other"))

    assert again == (user, False)
    assert users.page(connection) == [user]


def test_concurrent_adds_of_one_user_add_it_once(engine: Engine) -> None:
    user = make_user()

    def add(_: int) -> bool:
        with engine.begin() as connection:
            return users.add(connection, user)[1]

    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(add, range(8)))

    assert news.count(True) == 1


def test_add_gives_up_when_others_delete_the_user_at_each_attempt(
    engine: Engine, connection: Connection
) -> None:
    user = make_user()
    attempts = []

    def interfere(_adding: object, _cursor: object, statement: str, *_: object) -> None:
        # The insertion finds the user present, and the query after it finds it deleted.
        if statement.startswith("INSERT"):
            attempts.append(statement)
            users.add(connection, user)
        elif "FOR KEY SHARE" in statement:
            users.delete(connection, user.id)

    with engine.begin() as adding:
        listen(adding, "before_cursor_execute", interfere)
        with pytest.raises(
            ContentionError, match="was deleted during each of 3 attempts"
        ) as raised:
            users.add(adding, user)

    assert len(attempts) == 3
    assert outage_reason(raised.value) is Outage.BUSY


def test_add_accepts_the_largest_id(connection: Connection) -> None:
    user = add_user(connection, 2**63 - 1)

    assert users.get(connection, 2**63 - 1) == user


def test_get_returns_none_for_an_unknown_user(connection: Connection) -> None:
    assert users.get(connection, 1) is None


@pytest.mark.parametrize("login", ["allien", "Allien", "ALLIEN"])
def test_find_by_login_ignores_case(connection: Connection, login: str) -> None:
    user = add_user(connection, login="Allien")

    assert users.find_by_login(connection, login) == user


def test_find_by_login_does_not_match_patterns(connection: Connection) -> None:
    add_user(connection, login="allien")

    assert users.find_by_login(connection, "alli_n") is None


def test_find_by_login_prefers_the_user_scanned_last(connection: Connection, clock: Clock) -> None:
    clock.set(YESTERDAY)
    bearer = add_user(connection, 2, login="same")
    renamed = add_user(connection, 1, login="same")
    add_scan(connection, renamed, YESTERDAY)
    clock.set(TODAY)
    add_scan(connection, bearer, TODAY)

    assert users.find_by_login(connection, "same") == bearer


def test_find_by_login_prefers_a_user_who_was_added_after_the_others_scan(
    connection: Connection,
) -> None:
    renamed = add_user(connection, 1, login="same")
    add_scan(connection, renamed, TODAY)
    bearer = add_user(connection, 2, login="same")

    assert users.find_by_login(connection, "same") == bearer


def test_find_by_login_does_not_count_a_scan_on_a_day_to_come(
    connection: Connection, clock: Clock
) -> None:
    clock.set(TODAY)
    renamed = add_user(connection, 1, login="same")
    bearer = add_user(connection, 2, login="same")
    # A clock that was ahead has left it.
    add_scan(connection, renamed, TODAY + timedelta(days=400))
    add_scan(connection, bearer, TODAY)

    assert users.find_by_login(connection, "same") == bearer


def test_find_by_login_ignores_missing_users(connection: Connection) -> None:
    user = add_user(connection, login="recycled")
    users.mark_missing(connection, user.id, TODAY)

    assert users.find_by_login(connection, "recycled") is None


def test_page_orders_users_by_id(connection: Connection) -> None:
    third, first, second = (add_user(connection, user_id) for user_id in (30, 10, 20))

    assert users.page(connection) == [first, second, third]


def test_pages_together_have_each_user_once(connection: Connection) -> None:
    everyone = [add_user(connection, user_id) for user_id in range(1, 8)]

    pages = []
    after = 0
    while page := users.page(connection, limit=3, after=after):
        pages.append(page)
        after = page[-1].id

    assert [len(page) for page in pages] == [3, 3, 1]
    assert list(chain(*pages)) == everyone


def test_update_profile_stores_login_and_name(connection: Connection) -> None:
    user = add_user(connection)
    renamed = TrackedUser(user.id, "new-login", "New Name")

    users.update_profile(connection, renamed, node_id="U_1")

    assert users.get(connection, user.id) == renamed


def test_update_profile_writes_nothing_if_nothing_changed(connection: Connection) -> None:
    user = add_user(connection)
    users.update_profile(connection, user, node_id="U_1")
    version = connection.execute(text("SELECT xmin FROM users")).scalar_one()

    users.update_profile(connection, user, node_id="U_1")

    assert connection.execute(text("SELECT xmin FROM users")).scalar_one() == version


def test_user_missing_on_one_day_stays_active(connection: Connection) -> None:
    user = add_user(connection)

    assert users.mark_missing(connection, user.id, TODAY) == TODAY
    assert users.mark_missing(connection, user.id, TODAY) == TODAY
    assert state_of(connection, user) == UserState.ACTIVE


def test_user_missing_on_two_days_is_vanished(connection: Connection) -> None:
    user = add_user(connection)
    users.mark_missing(connection, user.id, YESTERDAY)

    assert users.mark_missing(connection, user.id, TODAY) == YESTERDAY
    assert state_of(connection, user) == UserState.VANISHED


def test_user_missing_on_two_days_for_a_short_time_is_not_vanished(connection: Connection) -> None:
    user = add_user(connection)
    users.mark_missing(connection, user.id, YESTERDAY, is_gone=False)

    users.mark_missing(connection, user.id, TODAY, is_gone=False)

    assert state_of(connection, user) == UserState.ACTIVE


def test_missing_at_is_the_moment_of_the_first_denial(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    assert users.missing_at(connection, user.id) is None
    clock.set(datetime(2026, 11, 23, 9, 17, tzinfo=UTC))
    users.mark_missing(connection, user.id, TODAY)
    first = users.missing_at(connection, user.id)
    clock.advance(timedelta(hours=2))
    users.mark_missing(connection, user.id, TODAY)

    assert first is not None
    assert first.astimezone(UTC).strftime("%d %H:%M") == "23 09:17"
    assert users.missing_at(connection, user.id) == first

    users.update_profile(connection, user, node_id="U_1")
    assert users.missing_at(connection, user.id) is None


def test_missing_at_of_a_user_whom_release_0_2_0_missed_is_the_beginning_of_the_day(
    connection: Connection,
) -> None:
    user = add_user(connection)
    connection.execute(
        text("UPDATE users SET missing_since = :day WHERE id = :id"),
        {"day": YESTERDAY, "id": user.id},
    )

    assert users.missing_at(connection, user.id) == datetime.combine(YESTERDAY, time(), UTC)


def test_missing_at_that_release_0_2_0_left_over_means_nothing(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    users.mark_missing(connection, user.id, YESTERDAY)
    connection.execute(
        text("UPDATE users SET missing_since = NULL WHERE id = :id"), {"id": user.id}
    )
    assert users.missing_at(connection, user.id) is None
    clock.advance(timedelta(hours=9))
    users.mark_missing(connection, user.id, TODAY)

    found = users.missing_at(connection, user.id)
    assert found is not None
    assert abs(found - clock.now()) < timedelta(minutes=1)


def test_update_profile_makes_a_vanished_user_active(connection: Connection) -> None:
    user = add_user(connection)
    users.mark_missing(connection, user.id, YESTERDAY)
    users.mark_missing(connection, user.id, TODAY)

    users.update_profile(connection, user, node_id="U_1")

    assert state_of(connection, user) == UserState.ACTIVE
    # The days are counted from the start again.
    assert users.mark_missing(connection, user.id, TODAY) == TODAY


def test_delete_removes_all_rows_of_the_user(connection: Connection) -> None:
    user = add_user(connection)
    for _ in range(3):
        repository = add_repository(connection, user)
        add_rows(connection, user, repository, {YESTERDAY: (1, 2, 3), TODAY: (4, 5, 6)})
    add_scan(connection, user, TODAY)

    with connection.engine.begin() as transaction:
        assert users.delete(transaction, user.id)

    for table in ("users", "repositories", "ownerships", "daily_stats", "scans"):
        assert count(connection, table) == 0, table


def test_delete_keeps_the_rows_of_other_users(connection: Connection) -> None:
    user, other = add_user(connection), add_user(connection)
    repository = add_repository(connection, other)
    add_rows(connection, other, repository, {TODAY: (1, 2, 3)})
    add_scan(connection, other, TODAY)

    users.delete(connection, user.id)

    assert users.page(connection) == [other]
    assert len(rows_of(connection, other.id, TODAY, TODAY)) == 1
    assert len(scan_days.records(connection, other.id, TODAY, TODAY)) == 1


def test_delete_returns_false_for_an_unknown_user(connection: Connection) -> None:
    assert not users.delete(connection, 1)


def test_deleted_user_can_be_added_again(connection: Connection) -> None:
    user = add_user(connection)
    repository = add_repository(connection, user)
    add_rows(connection, user, repository, {TODAY: (1, 2, 3)})
    users.delete(connection, user.id)

    assert users.add(connection, user) == (user, True)
    assert rows_of(connection, user.id, YESTERDAY, TODAY) == []


@contextmanager
def transferred(connection: Connection) -> Iterator[tuple[TrackedUser, TrackedUser, int]]:
    """Transfer a repository from one tracked user to another, with a row of each."""
    giver, taker = add_user(connection, 1), add_user(connection, 2)
    repository = add_repository(connection, giver, day=YESTERDAY)
    add_rows(connection, giver, repository, {YESTERDAY: (1, 1, 1)})
    add_repository(connection, taker, repository.id, repository.name, day=TODAY)
    add_rows(connection, taker, repository, {TODAY: (2, 2, 2)})
    yield giver, taker, repository.id


def test_deleting_the_former_owner_keeps_the_rows_of_the_new_owner(connection: Connection) -> None:
    with transferred(connection) as (giver, taker, repository_id):
        users.delete(connection, giver.id)

        assert [
            (row["repo_id"], row["date"]) for row in rows_of(connection, taker.id, YESTERDAY, TODAY)
        ] == [(repository_id, TODAY)]
        assert count(connection, "daily_stats") == 1


def test_deleting_the_new_owner_keeps_the_rows_of_the_former_owner(connection: Connection) -> None:
    with transferred(connection) as (giver, taker, repository_id):
        users.delete(connection, taker.id)

        assert [
            (row["repo_id"], row["date"]) for row in rows_of(connection, giver.id, YESTERDAY, TODAY)
        ] == [(repository_id, YESTERDAY)]
        assert count(connection, "daily_stats") == 1


def test_deleting_both_owners_removes_the_repository(connection: Connection) -> None:
    with transferred(connection) as (giver, taker, _):
        users.delete(connection, taker.id)
        users.delete(connection, giver.id)

        assert count(connection, "daily_stats") == 0
        assert count(connection, "repositories") == 0


def test_delete_waits_for_a_scan_and_removes_its_rows(
    engine: Engine, connection: Connection
) -> None:
    user = add_user(connection)

    def delete() -> bool:
        with engine.begin() as own:
            return users.delete(own, user.id)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as scan:
            assert users.lock(scan, user.id)
            repository = make_repository()
            repositories.save(scan, user.id, TODAY, [repository])
            stats.write(scan, user.id, TODAY, {repository.id: Counts(1, 2, 3)})
            deletion = pool.submit(delete)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        assert deletion.result()

    assert count(connection, "daily_stats") == 0
    assert count(connection, "repositories") == 0


def test_lock_returns_false_after_waiting_for_a_delete(
    engine: Engine, connection: Connection
) -> None:
    user = add_user(connection)

    def lock() -> bool:
        with engine.begin() as scan:
            return users.lock(scan, user.id)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as own:
            users.delete(own, user.id)
            scan = pool.submit(lock)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        assert not scan.result()


def test_deleting_the_former_owner_during_a_scan_of_the_new_owner(
    engine: Engine, connection: Connection
) -> None:
    giver, taker = add_user(connection, 1), add_user(connection, 2)
    repository = add_repository(connection, giver, day=TODAY)
    add_rows(connection, giver, repository, {TODAY: (1, 1, 1)})

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as scan:
            assert users.lock(scan, taker.id)
            repositories.lock(scan, [repository.id])
            repositories.save(scan, taker.id, TODAY, [repository])
            deletion = pool.submit(delete, engine, giver)
            wait_until(lambda: is_waiting_for_a_lock(connection))
            stats.write(scan, taker.id, TODAY, {repository.id: Counts(2, 2, 2)})
        assert deletion.result()

    assert len(rows_of(connection, taker.id, TODAY, TODAY)) == 1
    assert count(connection, "ownerships") == 1


def delete(engine: Engine, user: TrackedUser) -> bool:
    with engine.begin() as connection:
        return users.delete(connection, user.id)


def test_concurrent_deletes_of_both_owners_remove_the_repository(
    engine: Engine, connection: Connection
) -> None:
    with (
        transferred(connection) as (giver, taker, _),
        ThreadPoolExecutor(1) as pool,
    ):
        with engine.begin() as first:
            users.delete(first, giver.id)
            second = pool.submit(delete, engine, taker)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        assert second.result()

    assert count(connection, "repositories") == 0
    assert count(connection, "users") == 0


def test_delete_waits_for_a_transaction_that_added_the_user(
    engine: Engine, connection: Connection
) -> None:
    user = add_user(connection)
    lookup, _ = lookups.get_or_create(connection, user.login)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as resolving:
            assert lookups.lock_pending(resolving, lookup.id)
            assert users.add(resolving, user) == (user, False)
            deletion = pool.submit(delete, engine, user)
            wait_until(lambda: is_waiting_for_a_lock(connection))
            lookups.resolve(resolving, lookup.id, user.id)
        assert deletion.result()

    resolved = lookups.get(connection, lookup.id)
    assert resolved is not None
    assert (resolved.state, resolved.user_id) == (LookupState.DONE, None)


def test_user_added_with_a_lease_is_due_when_it_ends(connection: Connection, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 23, 12, tzinfo=UTC))
    user = add_user(connection, lease=90)

    assert claimed(connection) == []
    clock.advance(timedelta(seconds=91))
    assert claimed(connection) == [user.id]


def test_released_user_is_due_at_once(connection: Connection) -> None:
    user = add_user(connection, lease=90)

    users.release(connection, user.id)

    assert claimed(connection) == [user.id]


def claimed(connection: Connection) -> list[int]:
    claims = scans.claim(
        connection,
        limit=10,
        lease=60,
        load_lease=60,
        max_attempts=5,
        scan_at=datetime.min.time(),
    )
    return [claim.user_id for claim in claims]


def test_mark_missing_keeps_the_settled_day(connection: Connection) -> None:
    user = add_user(connection)
    add_scan(connection, user, TODAY, ScanState.DONE)

    users.mark_missing(connection, user.id, TODAY)

    assert [record.state for record in scan_days.records(connection, user.id, TODAY, TODAY)] == [
        "done"
    ]
