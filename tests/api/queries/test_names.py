from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine

from api.queries.names import find_repository, find_user
from common import names, repositories, users
from common.repositories import SeenRepository
from common.users import TrackedUser
from tests import factories
from tests.clock import Clock

DAY = date(2026, 11, 23)
NEXT = DAY + timedelta(days=1)
THIRD = DAY + timedelta(days=2)


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    return factories.add_user(connection, login="octocat")


def scan(
    engine: Engine, user: TrackedUser, day: date, *seen: SeenRepository, login: str
) -> TrackedUser:
    """Save what a scan saw; return the user as stored then."""
    with engine.begin() as connection:
        names.save(connection, user.id, day, login, seen)
        repositories.save(connection, user.id, day, seen)
        renamed = replace(user, login=login)
        users.update_profile(connection, renamed, node_id="U_1")
        factories.add_scan(connection, user, day)
    return renamed


def owner_of(connection: Connection, login: str) -> int | None:
    user = find_user(connection, login)
    return None if user is None else user.id


def repository_of(connection: Connection, owner: str, name: str) -> int | None:
    entry = find_repository(connection, owner, name)
    return None if entry is None else entry.id


# Users


@pytest.mark.parametrize("login", ["octocat", "OctoCat"])
def test_current_login_finds_the_user(
    connection: Connection, user: TrackedUser, login: str
) -> None:
    assert find_user(connection, login) == user


@pytest.mark.parametrize("login", ["octoca", "octo%", "o_tocat", "octocat2"])
def test_other_logins_find_nobody(connection: Connection, user: TrackedUser, login: str) -> None:
    assert find_user(connection, login) is None


def test_former_login_finds_the_user_as_stored_now(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    scan(engine, user, DAY, login="octocat")
    renamed = scan(engine, user, NEXT, login="hexacat")

    assert find_user(connection, "OCTOCAT") == renamed
    assert find_user(connection, "hexacat") == renamed


def test_login_that_another_user_has_now_finds_that_user(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    scan(engine, user, DAY, login="octocat")
    scan(engine, user, NEXT, login="hexacat")
    taker = factories.add_user(connection, login="octocat")

    assert find_user(connection, "octocat") == taker


def test_login_that_two_users_had_finds_nobody(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    scan(engine, user, DAY, login="octocat")
    scan(engine, user, NEXT, login="hexacat")
    taker = factories.add_user(connection, login="octocat")
    scan(engine, taker, NEXT, login="octocat")
    scan(engine, taker, THIRD, login="septacat")

    assert find_user(connection, "octocat") is None
    assert owner_of(connection, "hexacat") == user.id
    assert owner_of(connection, "septacat") == taker.id


def test_login_that_a_user_had_twice_is_not_ambiguous(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    for day, login in ((DAY, "octocat"), (NEXT, "Octocat"), (THIRD, "hexacat")):
        scan(engine, user, day, login=login)

    assert owner_of(connection, "octocat") == user.id


def test_login_of_a_user_whom_github_does_not_show_finds_the_user(
    connection: Connection, user: TrackedUser
) -> None:
    users.mark_missing(connection, user.id, DAY)

    assert find_user(connection, "octocat") == user


def test_login_of_a_missing_user_that_another_one_has_finds_the_other(
    connection: Connection, user: TrackedUser
) -> None:
    users.mark_missing(connection, user.id, DAY)
    taker = factories.add_user(connection, login="octocat")

    assert find_user(connection, "octocat") == taker


def test_login_of_two_missing_users_finds_nobody(connection: Connection, user: TrackedUser) -> None:
    other = factories.add_user(connection, login="octocat")
    for each in (user, other):
        users.mark_missing(connection, each.id, DAY)

    assert find_user(connection, "octocat") is None


def test_former_login_of_a_deleted_user_finds_nobody(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    scan(engine, user, DAY, login="octocat")
    scan(engine, user, NEXT, login="hexacat")

    users.delete(connection, user.id)

    assert find_user(connection, "octocat") is None


# Repositories


def test_current_name_finds_the_repository(connection: Connection, user: TrackedUser) -> None:
    repository = factories.add_repository(connection, user, name="Hello.World")

    entry = find_repository(connection, "OctoCat", "hello.world")

    assert entry is not None
    assert (entry.id, entry.full_name) == (repository.id, "octocat/Hello.World")
    assert find_repository(connection, "octocat", "hello") is None
    assert find_repository(connection, "other", "hello.world") is None


def test_former_name_finds_the_repository(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.make_repository(name="hello")
    scan(engine, user, DAY, repository, login="octocat")
    scan(engine, user, NEXT, replace(repository, name="world"), login="octocat")

    assert repository_of(connection, "octocat", "HELLO") == repository.id
    assert repository_of(connection, "octocat", "world") == repository.id


def test_former_login_of_the_owner_finds_the_repository(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    repository = factories.make_repository(name="hello")
    scan(engine, user, DAY, repository, login="octocat")
    scan(engine, user, NEXT, replace(repository, name="world"), login="hexacat")

    entry = find_repository(connection, "octocat", "hello")

    assert entry is not None
    assert (entry.id, entry.full_name) == (repository.id, "hexacat/world")


def test_name_that_another_repository_has_now_finds_that_one(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    first, second = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    scan(engine, user, DAY, first, login="octocat")
    scan(engine, user, NEXT, replace(first, name="world"), second, login="octocat")

    assert repository_of(connection, "octocat", "hello") == second.id


def test_name_that_two_repositories_had_finds_nothing(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    first, second = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    scan(engine, user, DAY, first, login="octocat")
    scan(engine, user, NEXT, replace(first, name="one"), second, login="octocat")
    scan(engine, user, THIRD, replace(second, name="two"), login="octocat")

    assert find_repository(connection, "octocat", "hello") is None


def test_name_of_a_repository_that_is_gone_finds_it_until_another_has_it(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    first, second = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    scan(engine, user, DAY, first, login="octocat")
    repositories.mark_missing(connection, user.id, NEXT, [first.id], confirmed=True)
    assert repository_of(connection, "octocat", "hello") == first.id

    scan(engine, user, NEXT, second, login="octocat")

    assert repository_of(connection, "octocat", "hello") == second.id


def test_name_of_a_repository_that_went_and_came_on_one_day_finds_the_new_one(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    first, second = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    scan(engine, user, DAY, first, login="octocat")
    repositories.mark_missing(connection, user.id, DAY, [first.id], confirmed=True)
    repositories.save(connection, user.id, DAY, [second])

    assert repository_of(connection, "octocat", "hello") == second.id


def test_day_that_a_wrong_clock_has_left_does_not_make_a_repository_the_newest(
    connection: Connection, clock: Clock, user: TrackedUser
) -> None:
    for day in (THIRD, DAY, NEXT):
        clock.set(day)
        factories.add_repository(connection, user, name="hello")

    # The clock was ahead when the first one was listed: any of the two may have the name.
    assert find_repository(connection, "octocat", "hello") is None


def test_name_that_a_scan_saw_on_a_new_repository_only_finds_that_one(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    """The scan was cut before it saw under which name the first one is known now."""
    first, second = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    scan(engine, user, DAY, first, login="octocat")
    repositories.save(connection, user.id, NEXT, [second])

    assert repository_of(connection, "octocat", "hello") == second.id


def test_name_that_two_repositories_had_on_the_same_day_finds_nothing(
    connection: Connection, user: TrackedUser
) -> None:
    for _ in range(2):
        factories.add_repository(connection, user, name="hello", day=DAY)

    assert find_repository(connection, "octocat", "hello") is None


def test_former_full_name_finds_a_transferred_repository(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    taker = factories.add_user(connection, login="taker")
    repository = factories.make_repository(name="hello")
    scan(engine, user, DAY, repository, login="octocat")
    scan(engine, taker, NEXT, repository, login="taker")

    entry = find_repository(connection, "octocat", "hello")

    assert entry is not None
    assert (entry.id, entry.full_name) == (repository.id, "taker/hello")
    assert repository_of(connection, "taker", "hello") == repository.id


def test_login_that_changed_hands_finds_repositories_of_the_new_holder_only(
    engine: Engine, connection: Connection, user: TrackedUser
) -> None:
    old, new = factories.make_repository(name="hello"), factories.make_repository(name="hello")
    kept = factories.make_repository(name="kept")
    scan(engine, user, DAY, old, kept, login="octocat")
    scan(engine, user, NEXT, old, kept, login="hexacat")
    taker = factories.add_user(connection, login="octocat")
    scan(engine, taker, NEXT, new, login="octocat")

    assert repository_of(connection, "octocat", "hello") == new.id
    assert find_repository(connection, "octocat", "kept") is None
    assert repository_of(connection, "hexacat", "hello") == old.id
    assert repository_of(connection, "hexacat", "kept") == kept.id
