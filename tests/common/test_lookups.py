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


def ask(connection: Connection, login: str = "octocat") -> Lookup:
    return lookups.get_or_create(connection, login)[0]


def claim(connection: Connection, limit: int = 10) -> list[int]:
    return [each.id for each in lookups.claim(connection, limit=limit, lease=LEASE)]


def stored(connection: Connection, lookup: Lookup) -> Lookup:
    found = lookups.get(connection, lookup.id)
    assert found is not None
    return found


def test_a_new_question_is_pending(connection: Connection) -> None:
    lookup, is_new = lookups.get_or_create(connection, "octocat")

    assert is_new
    assert lookup == Lookup(lookup.id, "octocat", LookupState.PENDING, None, None)
    assert lookups.get(connection, lookup.id) == lookup


def test_an_unknown_question_is_none(connection: Connection) -> None:
    assert lookups.get(connection, 1) is None


@pytest.mark.parametrize("again", ["octocat", "Octocat", "OCTOCAT"])
def test_a_login_asked_for_twice_in_any_case_is_one_question(
    connection: Connection, again: str
) -> None:
    first = ask(connection, "octocat")

    assert lookups.get_or_create(connection, again) == (first, False)


def test_many_who_ask_at_once_ask_one_question(engine: Engine) -> None:
    def question(login: str) -> tuple[int, bool]:
        with engine.begin() as connection:
            lookup, is_new = lookups.get_or_create(connection, login)
            return lookup.id, is_new

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(question, ["octocat", "OctoCat"] * 8))

    assert len({lookup_id for lookup_id, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1


def test_another_login_is_another_question(connection: Connection) -> None:
    assert ask(connection, "one").id != ask(connection, "two").id


def test_a_settled_question_may_be_asked_again(connection: Connection) -> None:
    first = ask(connection)
    lookups.fail(connection, first.id, "GitHub has no user octocat")

    again, is_new = lookups.get_or_create(connection, "octocat")

    assert is_new
    assert again.id != first.id
    assert stored(connection, first).state is LookupState.FAILED


def test_a_resolved_question_names_the_user(connection: Connection) -> None:
    lookup, user = ask(connection), add_user(connection)

    lookups.resolve(connection, lookup.id, user.id)

    found = stored(connection, lookup)
    assert (found.state, found.user_id) == (LookupState.DONE, user.id)


def test_a_failed_question_says_why(connection: Connection) -> None:
    lookup = ask(connection)

    lookups.fail(connection, lookup.id, "GitHub has no user octocat")

    found = stored(connection, lookup)
    assert (found.state, found.reason) == (LookupState.FAILED, "GitHub has no user octocat")


def test_a_question_is_settled_once(connection: Connection, clock: Clock) -> None:
    lookup, user = ask(connection), add_user(connection)
    lookups.resolve(connection, lookup.id, user.id)

    lookups.fail(connection, lookup.id, "too late")
    lookups.reschedule(connection, lookup.id, reason="too late")

    assert stored(connection, lookup).state is LookupState.DONE
    assert stored(connection, lookup).reason is None


def test_a_resolved_question_survives_the_deletion_of_its_user(connection: Connection) -> None:
    lookup, user = ask(connection), add_user(connection)
    lookups.resolve(connection, lookup.id, user.id)

    users.delete(connection, user.id)

    found = stored(connection, lookup)
    assert (found.state, found.user_id) == (LookupState.DONE, None)


def test_a_question_knows_who_was_followed_before_it(connection: Connection, clock: Clock) -> None:
    before = add_user(connection)
    clock.advance(timedelta(seconds=1))
    lookup = ask(connection, "old")
    other = ask(connection, "new")
    clock.advance(timedelta(seconds=1))
    after = add_user(connection)
    lookups.resolve(connection, lookup.id, before.id)
    lookups.resolve(connection, other.id, after.id)

    assert lookups.was_already_tracked(connection, lookup.id)
    assert not lookups.was_already_tracked(connection, other.id)


def test_pending_questions_are_claimed_oldest_first(connection: Connection) -> None:
    ids = [ask(connection, login).id for login in ("one", "two", "three")]

    assert sorted(claim(connection, limit=2)) == ids[:2]
    assert claim(connection) == ids[2:]


def test_a_claimed_question_is_held_until_its_lease_ends(
    connection: Connection, clock: Clock
) -> None:
    lookup = ask(connection)

    assert claim(connection) == [lookup.id]
    clock.advance(timedelta(seconds=LEASE - 1))
    assert claim(connection) == []
    clock.advance(timedelta(seconds=2))
    assert claim(connection) == [lookup.id]


def test_a_question_asked_with_a_lease_is_left_to_its_own_message(
    connection: Connection, clock: Clock
) -> None:
    lookup, _ = lookups.get_or_create(connection, "octocat", lease=90)

    assert claim(connection) == []
    clock.advance(timedelta(seconds=91))
    assert claim(connection) == [lookup.id]


def test_a_settled_question_is_not_claimed(connection: Connection) -> None:
    lookups.fail(connection, ask(connection).id, "GitHub has no user octocat")

    assert claim(connection) == []


def test_a_question_that_another_claims_is_passed_over(engine: Engine) -> None:
    with engine.begin() as connection:
        first, second = ask(connection, "one"), ask(connection, "two")

    with engine.begin() as one, engine.begin() as other:
        assert claim(one, limit=1) == [first.id]
        assert claim(other, limit=1) == [second.id]


def test_a_question_put_back_is_due_at_its_time(connection: Connection, clock: Clock) -> None:
    lookup = ask(connection)
    claim(connection)

    lookups.reschedule(
        connection, lookup.id, reason="rate limit", not_before=clock.now() + timedelta(minutes=10)
    )

    assert stored(connection, lookup).reason == "rate limit"
    assert stored(connection, lookup).state is LookupState.PENDING
    assert claim(connection) == []
    clock.advance(timedelta(minutes=10, seconds=1))
    assert claim(connection) == [lookup.id]


def test_a_question_put_back_without_a_time_is_due_at_once(connection: Connection) -> None:
    lookup = ask(connection)
    claim(connection)

    lookups.reschedule(connection, lookup.id, reason=None)

    assert claim(connection) == [lookup.id]


def test_deleting_a_user_withdraws_what_was_asked_before_for_its_login(
    connection: Connection,
) -> None:
    question, other = ask(connection, "OctoCat"), ask(connection, "monalisa")
    user = add_user(connection, login="octocat")

    users.delete(connection, user.id)

    withdrawn = stored(connection, question)
    assert withdrawn.state is LookupState.FAILED
    assert withdrawn.reason == "the user was deleted before the login was resolved"
    assert stored(connection, other) == other


def test_a_question_that_was_settled_cannot_be_held(connection: Connection) -> None:
    lookup = ask(connection)
    assert lookups.lock_pending(connection, lookup.id)

    lookups.fail(connection, lookup.id, "nobody")

    assert not lookups.lock_pending(connection, lookup.id)
