from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, Engine

from common import lookups, users
from common.lookups import Lookup
from common.states import LookupState
from tests.clock import Clock
from tests.factories import add_user

LEASE = 60.0


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.set(date(2026, 11, 23))


def create(connection: Connection, login: str = "octocat") -> Lookup:
    return lookups.get_or_create(connection, login)[0]


def claim(connection: Connection, limit: int = 10) -> list[int]:
    return [each.id for each in lookups.claim(connection, limit=limit, lease=LEASE)]


def stored(connection: Connection, lookup: Lookup) -> Lookup:
    found = lookups.get(connection, lookup.id)
    assert found is not None
    return found


def test_new_lookup_is_pending(connection: Connection) -> None:
    lookup, is_new = lookups.get_or_create(connection, "octocat")

    assert is_new
    assert lookup == Lookup(
        lookup.id, "octocat", LookupState.PENDING, None, None, attempts=0, is_postponed=False
    )
    assert lookups.get(connection, lookup.id) == lookup


def test_get_returns_none_for_an_unknown_lookup(connection: Connection) -> None:
    assert lookups.get(connection, 1) is None


@pytest.mark.parametrize("again", ["octocat", "Octocat", "OCTOCAT"])
def test_get_or_create_returns_the_pending_lookup_of_a_login_in_any_case(
    connection: Connection, again: str
) -> None:
    first = create(connection, "octocat")

    assert lookups.get_or_create(connection, again) == (first, False)


def test_concurrent_calls_create_one_lookup(engine: Engine) -> None:
    def get_or_create(login: str) -> tuple[int, bool]:
        with engine.begin() as connection:
            lookup, is_new = lookups.get_or_create(connection, login)
            return lookup.id, is_new

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(get_or_create, ["octocat", "OctoCat"] * 8))

    assert len({lookup_id for lookup_id, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1


def test_each_login_has_its_own_lookup(connection: Connection) -> None:
    assert create(connection, "one").id != create(connection, "two").id


def test_settled_login_gets_a_new_lookup(connection: Connection) -> None:
    first = create(connection)
    lookups.fail(connection, first.id, "GitHub has no user octocat")

    again, is_new = lookups.get_or_create(connection, "octocat")

    assert is_new
    assert again.id != first.id
    assert stored(connection, first).state is LookupState.FAILED


def test_resolved_lookup_has_the_user_id(connection: Connection) -> None:
    lookup, user = create(connection), add_user(connection)

    lookups.resolve(connection, lookup.id, user.id)

    found = stored(connection, lookup)
    assert (found.state, found.user_id) == (LookupState.DONE, user.id)


def test_failed_lookup_has_the_reason(connection: Connection) -> None:
    lookup = create(connection)

    lookups.fail(connection, lookup.id, "GitHub has no user octocat")

    found = stored(connection, lookup)
    assert (found.state, found.reason) == (LookupState.FAILED, "GitHub has no user octocat")


def test_settled_lookup_cannot_be_changed(connection: Connection, clock: Clock) -> None:
    lookup, user = create(connection), add_user(connection)
    lookups.resolve(connection, lookup.id, user.id)

    lookups.fail(connection, lookup.id, "too late")
    lookups.reschedule(connection, lookup.id, reason="too late")

    assert stored(connection, lookup).state is LookupState.DONE
    assert stored(connection, lookup).reason is None


def test_resolved_lookup_survives_the_deletion_of_its_user(connection: Connection) -> None:
    lookup, user = create(connection), add_user(connection)
    lookups.resolve(connection, lookup.id, user.id)

    users.delete(connection, user.id)

    found = stored(connection, lookup)
    assert (found.state, found.user_id) == (LookupState.DONE, None)


def test_was_already_tracked_compares_the_times_of_user_and_lookup(
    connection: Connection, clock: Clock
) -> None:
    before = add_user(connection)
    clock.advance(timedelta(seconds=1))
    lookup = create(connection, "old")
    other = create(connection, "new")
    clock.advance(timedelta(seconds=1))
    after = add_user(connection)
    lookups.resolve(connection, lookup.id, before.id)
    lookups.resolve(connection, other.id, after.id)

    assert lookups.was_already_tracked(connection, lookup.id)
    assert not lookups.was_already_tracked(connection, other.id)


def test_claim_takes_the_oldest_lookups_first(connection: Connection) -> None:
    ids = [create(connection, login).id for login in ("one", "two", "three")]

    assert sorted(claim(connection, limit=2)) == ids[:2]
    assert claim(connection) == ids[2:]


def test_claimed_lookup_is_due_again_when_its_lease_ends(
    connection: Connection, clock: Clock
) -> None:
    lookup = create(connection)

    assert claim(connection) == [lookup.id]
    clock.advance(timedelta(seconds=LEASE - 1))
    assert claim(connection) == []
    clock.advance(timedelta(seconds=2))
    assert claim(connection) == [lookup.id]


def test_lookup_created_with_a_lease_is_due_when_it_ends(
    connection: Connection, clock: Clock
) -> None:
    lookup, _ = lookups.get_or_create(connection, "octocat", lease=90)

    assert claim(connection) == []
    clock.advance(timedelta(seconds=91))
    assert claim(connection) == [lookup.id]


def test_claim_ignores_settled_lookups(connection: Connection) -> None:
    lookups.fail(connection, create(connection).id, "GitHub has no user octocat")

    assert claim(connection) == []


def test_claim_skips_lookups_that_another_transaction_claims(engine: Engine) -> None:
    with engine.begin() as connection:
        first, second = create(connection, "one"), create(connection, "two")

    with engine.begin() as one, engine.begin() as other:
        assert claim(one, limit=1) == [first.id]
        assert claim(other, limit=1) == [second.id]


def test_rescheduled_lookup_is_due_at_not_before(connection: Connection, clock: Clock) -> None:
    lookup = create(connection)
    claim(connection)

    lookups.reschedule(
        connection, lookup.id, reason="rate limit", not_before=clock.now() + timedelta(minutes=10)
    )

    assert stored(connection, lookup).reason == "rate limit"
    assert stored(connection, lookup).state is LookupState.PENDING
    assert claim(connection) == []
    clock.advance(timedelta(minutes=10, seconds=1))
    assert claim(connection) == [lookup.id]


def test_lookup_rescheduled_without_a_time_is_due_at_once(connection: Connection) -> None:
    lookup = create(connection)
    claim(connection)

    lookups.reschedule(connection, lookup.id, reason=None)

    assert claim(connection) == [lookup.id]


def test_deleting_a_user_fails_the_pending_lookup_of_its_login(
    connection: Connection,
) -> None:
    lookup, other = create(connection, "OctoCat"), create(connection, "monalisa")
    user = add_user(connection, login="octocat")

    users.delete(connection, user.id)

    cancelled = stored(connection, lookup)
    assert cancelled.state is LookupState.FAILED
    assert cancelled.reason == "the user was deleted before the login was resolved"
    assert stored(connection, other) == other


def test_lock_pending_returns_false_for_a_settled_lookup(connection: Connection) -> None:
    lookup = create(connection)
    assert lookups.lock_pending(connection, lookup.id)

    lookups.fail(connection, lookup.id, "nobody")

    assert not lookups.lock_pending(connection, lookup.id)
