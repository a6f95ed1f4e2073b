import time as real_time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from api.queries import scan_days
from api.queries.progress import count_overdue
from api.queries.scan_days import ScanRecord
from common import leases, rescans, scan_records, scans, users
from common.scans import Begun, Claim, NotBegun
from common.states import ScanState
from common.users import TrackedUser
from tests.clock import Clock
from tests.factories import add_scan, add_user
from tests.locks import is_waiting_for_a_lock
from tests.waiting import wait_until

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
TOMORROW = TODAY + timedelta(days=1)

LEASE = 1200.0
LOAD_LEASE = 45.0
MAX_ATTEMPTS = 3
SCAN_AT = time(0, 5)


@pytest.fixture(autouse=True)
def _noon(clock: Clock) -> None:
    clock.set(at(12))


def at(hour: int, minute: int = 0, *, day: date = TODAY) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def claims(
    connection: Connection,
    *,
    limit: int = 100,
    max_attempts: int = MAX_ATTEMPTS,
    queued: Sequence[int] = (),
) -> list[Claim]:
    return scans.claim(
        connection,
        limit=limit,
        lease=LEASE,
        load_lease=LOAD_LEASE,
        max_attempts=max_attempts,
        scan_at=SCAN_AT,
        queued=queued,
    )


def claimed(connection: Connection, *, limit: int = 100) -> list[int]:
    return [claim.user_id for claim in claims(connection, limit=limit)]


def begin(connection: Connection, user: TrackedUser) -> Begun:
    begun = scans.begin(connection, user.id, holder="a task", lease=LEASE)
    assert isinstance(begun, Begun)
    return begun


def claim_and_die(connection: Connection, clock: Clock, user: TrackedUser) -> bool:
    """Claim, begin, and never be heard of again; say whether the user was due."""
    was_due = claimed(connection) == [user.id]
    if was_due:
        begun = scans.begin(connection, user.id, holder=str(clock.now()), lease=LEASE)
        assert isinstance(begun, Begun)
    clock.advance(timedelta(seconds=LEASE + 1))
    return was_due


def reschedule(
    connection: Connection,
    user: TrackedUser,
    *,
    until: datetime,
    state: ScanState = ScanState.FAILED,
    day: date = TODAY,
) -> bool:
    return scans.reschedule(
        connection,
        user.id,
        day,
        state=state,
        reason="made up",
        not_before=until,
        counts_as_attempt=state is not ScanState.WAITING,
    )


def finish(connection: Connection, user: TrackedUser, day: date = TODAY) -> bool:
    return scans.finish(connection, user.id, day, state=ScanState.DONE, expected=2, recorded=2)


def record(connection: Connection, user: TrackedUser, day: date = TODAY) -> ScanRecord:
    (found,) = scan_days.records(connection, user.id, day, day)
    return found


def due_user(connection: Connection, user_id: int | None = None) -> TrackedUser:
    """A user who was scanned yesterday."""
    user = add_user(connection, user_id)
    add_scan(connection, user, YESTERDAY)
    return user


# Claiming


def test_a_user_who_was_never_scanned_is_due_at_once(connection: Connection) -> None:
    user = add_user(connection)

    assert claims(connection) == [Claim(user.id, user.login, TODAY, is_load=True)]


def test_a_user_who_was_scanned_yesterday_is_due(connection: Connection) -> None:
    user = due_user(connection)

    assert claims(connection) == [Claim(user.id, user.login, TODAY, is_load=False)]


def test_a_user_who_was_scanned_today_is_not_due(connection: Connection) -> None:
    add_scan(connection, add_user(connection), TODAY)

    assert claims(connection) == []


def test_those_never_scanned_come_first_then_those_scanned_longest_ago(
    connection: Connection,
) -> None:
    for user_id, ago in ((1, 1), (2, 3), (3, None), (4, 2), (5, None)):
        user = add_user(connection, user_id)
        if ago is not None:
            add_scan(connection, user, TODAY - timedelta(days=ago))

    assert [claimed(connection, limit=1) for _ in range(6)] == [[3], [5], [2], [4], [1], []]


def test_a_claim_lists_those_never_scanned_first(connection: Connection) -> None:
    due_user(connection, 1)
    add_user(connection, 2)

    assert [claim.is_load for claim in claims(connection)] == [True, False]


def test_before_the_hour_only_those_never_scanned_are_due(
    connection: Connection, clock: Clock
) -> None:
    clock.set(at(0, 4))
    due_user(connection, 1)
    add_user(connection, 2)

    assert claimed(connection) == [2]


def test_from_the_hour_on_everybody_is_due(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    clock.set(at(0, 5))

    assert claimed(connection) == [user.id]


def test_no_more_users_are_claimed_than_asked_for(connection: Connection) -> None:
    for _ in range(5):
        due_user(connection)

    assert len(claimed(connection, limit=3)) == 3
    assert len(claimed(connection, limit=3)) == 2
    assert claimed(connection, limit=0) == []


def test_a_claimed_user_is_nobody_elses_until_the_lease_ends(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)

    assert claimed(connection) == [user.id]
    clock.advance(timedelta(seconds=LEASE - 1))
    assert claimed(connection) == []
    clock.advance(timedelta(seconds=2))
    assert claimed(connection) == [user.id]


def test_a_claim_that_is_not_committed_is_no_claim(connection: Connection, engine: Engine) -> None:
    user = due_user(connection)
    with engine.connect() as crashing:
        claimed(crashing)
        crashing.rollback()

    assert claimed(connection) == [user.id]


def test_a_claim_passes_over_users_whom_another_is_claiming(
    engine: Engine, connection: Connection
) -> None:
    everyone = [due_user(connection, user_id).id for user_id in range(1, 7)]

    began = real_time.monotonic()
    with engine.begin() as one, engine.begin() as other:
        first = claimed(one, limit=4)
        second = claimed(other, limit=4)

    # Waiting for the first would have ended with the lock's timeout.
    assert real_time.monotonic() - began < 4
    assert sorted(first + second) == everyone


def test_concurrent_claimers_take_each_user_once(engine: Engine, connection: Connection) -> None:
    everyone = [due_user(connection, user_id).id for user_id in range(1, 61)]

    def claim_all(_: int) -> list[int]:
        mine: list[int] = []
        while True:
            with engine.begin() as own:
                batch = claimed(own, limit=3)
            if not batch:
                return mine
            mine += batch

    with ThreadPoolExecutor(6) as pool:
        taken = [user_id for batch in pool.map(claim_all, range(6)) for user_id in batch]

    assert sorted(taken) == everyone


def test_a_claim_passes_over_a_user_who_is_being_deleted(
    engine: Engine, connection: Connection
) -> None:
    gone, there = due_user(connection, 1), due_user(connection, 2)

    with engine.begin() as deleting:
        users.delete(deleting, gone.id)
        assert claimed(connection) == [there.id]


def test_a_claim_opens_a_record_and_counts_an_attempt(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)

    opened = record(connection, user)
    assert (opened.state, opened.attempts, opened.finished_at) == (ScanState.CLAIMED, 1, None)

    begin(connection, user)
    clock.advance(timedelta(seconds=LEASE + 1))
    claims(connection)
    assert record(connection, user).attempts == 2


# Loads


def test_a_load_whose_task_died_is_due_when_its_short_lease_is_over(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    claims(connection)
    scans.begin(connection, user.id, holder="a task", lease=LOAD_LEASE)
    clock.advance(timedelta(seconds=LOAD_LEASE - 1))
    assert claimed(connection) == []

    clock.advance(timedelta(seconds=2))

    assert claimed(connection) == [user.id]


def test_a_load_that_is_renewed_is_not_due(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LOAD_LEASE)

    for _ in range(5):
        clock.advance(timedelta(seconds=LOAD_LEASE - 1))
        leases.renew(connection, user.id, holder="a task", lease=LOAD_LEASE)

    assert claimed(connection) == []


def test_a_lease_is_renewed_for_its_holder_alone(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LOAD_LEASE)
    clock.advance(timedelta(seconds=LOAD_LEASE + 1))

    leases.renew(connection, user.id, holder="another task", lease=LOAD_LEASE)

    assert claimed(connection) == [user.id]


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_renewal_that_comes_late_changes_nothing(
    connection: Connection, is_finished: bool
) -> None:
    user = add_user(connection)
    begun = begin(connection, user)
    if is_finished:
        finish(connection, user)
    else:
        reschedule(connection, user, until=at(11))

    leases.renew(connection, user.id, holder=begun.holder, lease=LOAD_LEASE)

    leased = "SELECT lease_until > repopulse_now() FROM users WHERE id = :id"
    assert connection.execute(text(leased), {"id": user.id}).scalar_one() is False


def test_a_user_who_is_locked_is_neither_renewed_nor_claimed(
    connection: Connection, engine: Engine, clock: Clock
) -> None:
    """The transaction that writes a large user's rows may outlast the lease."""
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LOAD_LEASE)
    clock.advance(timedelta(seconds=LOAD_LEASE + 1))

    with engine.begin() as writing:
        assert scans.lock(writing, user.id, TODAY)
        leases.renew(connection, user.id, holder="a task", lease=LOAD_LEASE)
        assert claimed(connection) == []


def test_a_load_that_waits_in_the_queue_is_not_claimed(
    connection: Connection, clock: Clock
) -> None:
    queued, lost = add_user(connection), add_user(connection)
    claims(connection)
    clock.advance(timedelta(seconds=LOAD_LEASE + 1))

    claim = claims(connection, queued=[queued.id])

    assert [each.user_id for each in claim] == [lost.id]


def test_the_next_task_knows_that_the_last_one_died(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    seen = []
    for number in range(3):
        claims(connection)
        begun = scans.begin(connection, user.id, holder=f"task {number}", lease=LOAD_LEASE)
        assert isinstance(begun, Begun)
        seen.append((begun.is_repeated, begun.failures))
        clock.advance(timedelta(seconds=LOAD_LEASE + 1))

    assert seen == [(False, 1), (True, 2), (True, 3)]


def test_the_loss_of_a_message_after_a_death_is_no_attempt(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    claims(connection)
    scans.begin(connection, user.id, holder="a task", lease=LOAD_LEASE)
    for _ in range(4):
        clock.advance(timedelta(seconds=LOAD_LEASE + 1))
        assert claimed(connection) == [user.id]

    begun = begin(connection, user)

    assert (begun.is_repeated, begun.failures, begun.attempts) == (True, 2, 2)


# Attempts


def test_a_user_who_never_gets_through_is_set_aside(connection: Connection, clock: Clock) -> None:
    """A scan that kills its worker says nothing, so the claim itself has to count."""
    user = due_user(connection)

    attempts = 0
    while clock.today() == TODAY:
        attempts += claim_and_die(connection, clock, user)

    assert attempts == MAX_ATTEMPTS + 1


def test_a_message_that_nobody_began_is_no_attempt(connection: Connection, clock: Clock) -> None:
    """Redis was emptied, or the worker died between taking the message and beginning."""
    user = due_user(connection)

    for _ in range(MAX_ATTEMPTS * 2):
        assert claimed(connection) == [user.id]
        clock.advance(timedelta(seconds=LEASE + 1))

    assert claimed(connection) == [user.id]
    begun = begin(connection, user)
    assert (begun.attempts, begun.failures) == (1, 1)


def test_a_message_that_comes_again_is_another_attempt(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)

    begun = [begin(connection, user) for _ in range(3)]

    assert [(each.attempts, each.failures) for each in begun] == [(1, 1), (2, 2), (3, 3)]
    assert [each.is_repeated for each in begun] == [False, True, True]


def test_scans_that_report_a_failure_are_no_kills(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    for hour in range(MAX_ATTEMPTS + 3):
        clock.set(at(hour + 1))
        assert claimed(connection) == [user.id]
        begin(connection, user)
        reschedule(connection, user, until=at(hour + 2), state=ScanState.SET_ASIDE)
    # One is killed after all, as by a deployment.
    clock.set(at(13))
    assert claim_and_die(connection, clock, user)

    assert claimed(connection) == [user.id]
    assert begin(connection, user).kills == 1


def test_a_scan_that_reports_anything_ends_a_row_of_kills(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)
    clock.set(at(1))
    for _ in range(MAX_ATTEMPTS - 1):
        claim_and_die(connection, clock, user)
    claims(connection)
    assert begin(connection, user).kills == MAX_ATTEMPTS - 1
    reschedule(connection, user, until=at(6), state=ScanState.WAITING)

    clock.set(at(6))
    claims(connection)
    assert begin(connection, user).kills == 0


def test_a_scan_that_was_killed_again_does_not_end_a_row_of_kills(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)
    claims(connection)
    for _ in range(3):
        begin(connection, user)
    scans.reschedule(
        connection,
        user.id,
        TODAY,
        state=ScanState.FAILED,
        reason="killed",
        not_before=at(13),
        was_killed=True,
    )

    clock.set(at(13))
    claims(connection)
    assert begin(connection, user).kills == 2


def test_a_user_who_was_set_aside_is_tried_once_a_day(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    clock.set(at(0, 30))
    for _ in range(MAX_ATTEMPTS + 1):
        claim_and_die(connection, clock, user)

    tried: dict[date, int] = {}
    for hours in range(72):
        clock.set(at(0, 30, day=TOMORROW) + timedelta(hours=hours))
        if claim_and_die(connection, clock, user):
            tried[clock.today()] = tried.get(clock.today(), 0) + 1

    assert tried == {TODAY + timedelta(days=ahead): 1 for ahead in (1, 2, 3)}


def test_a_user_who_was_set_aside_waits_for_the_hour(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    for _ in range(MAX_ATTEMPTS + 1):
        claim_and_die(connection, clock, user)

    clock.set(at(0, 4, day=TOMORROW))
    assert claimed(connection) == []
    clock.set(at(0, 6, day=TOMORROW))
    assert len(claimed(connection)) == 1


def test_a_scan_that_succeeds_forgives_all_attempts(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    for _ in range(MAX_ATTEMPTS):
        claim_and_die(connection, clock, user)
    finish(connection, user)

    clock.set(at(12, day=TOMORROW))
    claims(connection)

    assert begin(connection, user).failures == 1


# Beginning


def test_a_scan_begins_with_what_is_known(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    users.update_profile(connection, user, node_id="U_1")
    claims(connection)

    begun = begin(connection, user)

    assert (begun.user_id, begun.login, begun.node_id) == (user.id, user.login, "U_1")
    assert (begun.day, begun.expected, begun.attempts, begun.failures) == (TODAY, None, 1, 1)
    assert abs(begun.started_at - clock.now()) < timedelta(seconds=5)


def test_a_load_begins_without_a_claim(connection: Connection) -> None:
    user = add_user(connection)

    assert begin(connection, user).attempts == 1
    assert record(connection, user).state is ScanState.CLAIMED


def test_a_scan_that_begins_holds_the_user_anew(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)
    clock.advance(timedelta(seconds=LEASE - 10))
    begin(connection, user)

    clock.advance(timedelta(seconds=LEASE - 10))

    assert claimed(connection) == []


def test_a_settled_day_does_not_begin_again(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    finish(connection, user)

    begun = scans.begin(connection, user.id, holder="a task", lease=LEASE)

    assert begun is NotBegun.SETTLED


def test_nobody_begins_a_scan_of_somebody_unknown(connection: Connection) -> None:
    begun = scans.begin(connection, 1, holder="a task", lease=LEASE)

    assert begun is NotBegun.UNTRACKED


# Finishing


def test_a_finished_day_is_settled(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)
    begin(connection, user)

    assert finish(connection, user)

    found = record(connection, user)
    assert (found.state, found.expected, found.recorded) == (ScanState.DONE, 2, 2)
    assert found.finished_at is not None
    assert claimed(connection) == []


def test_a_day_is_finished_once(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)

    assert finish(connection, user)
    assert not finish(connection, user)


def test_of_two_who_finish_at_once_one_does(engine: Engine, connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)

    def end(_: int) -> bool:
        with engine.begin() as own:
            return finish(own, user)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(end, range(6))).count(True) == 1


def test_a_past_day_is_not_finished_after_a_later_one(connection: Connection) -> None:
    user = add_user(connection)
    add_scan(connection, user, TODAY)

    assert not finish(connection, user, YESTERDAY)


def test_a_finished_user_is_due_the_next_day(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)
    finish(connection, user)

    clock.set(at(0, 5, day=TOMORROW))

    assert claims(connection) == [Claim(user.id, user.login, TOMORROW, is_load=False)]


def finish_for_now(connection: Connection, user: TrackedUser, look_at: datetime) -> None:
    """Settle a day without all rows, with another look later."""
    claims(connection)
    begin(connection, user)
    scans.finish(
        connection, user.id, TODAY, state=ScanState.GONE, reason="made up", look_at=look_at
    )


def test_settled_day_may_have_another_look(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    finish_for_now(connection, user, at(19))

    assert record(connection, user).next_attempt_at == at(19)
    clock.set(at(18, 59))
    assert claims(connection) == []
    clock.set(at(19, 1))
    assert claims(connection) == [Claim(user.id, user.login, TODAY, is_load=False)]
    assert begin(connection, user).attempts == 2
    finish(connection, user)

    assert record(connection, user).state is ScanState.DONE
    assert claimed(connection) == []
    clock.set(at(23, 59))
    assert claimed(connection) == []


def test_look_that_did_not_take_place_does_not_postpone_the_next_day(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)
    finish_for_now(connection, user, at(19))

    clock.set(at(0, 4, day=TOMORROW))
    assert claimed(connection) == []
    clock.set(at(0, 5, day=TOMORROW))
    assert claims(connection) == [Claim(user.id, user.login, TOMORROW, is_load=False)]


def test_look_of_a_user_who_was_never_scanned_before_is_no_load(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    finish_for_now(connection, user, at(19))

    clock.set(at(19, 1))
    assert [claim.is_load for claim in claims(connection)] == [False]


def test_look_that_fails_leaves_the_record_of_the_settled_day(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)
    finish_for_now(connection, user, at(19))
    settled = record(connection, user)
    clock.set(at(19, 1))
    claims(connection)
    begin(connection, user)

    assert record(connection, user).state is ScanState.GONE
    assert reschedule(connection, user, until=at(19, 30))

    found = record(connection, user)
    assert (found.state, found.reason) == (ScanState.GONE, "made up")
    assert found.finished_at == settled.finished_at
    assert found.next_attempt_at == at(19, 30)
    clock.set(at(19, 31))
    assert claimed(connection) == [user.id]


def test_look_that_shows_repositories_replaces_the_record(
    connection: Connection, clock: Clock
) -> None:
    user = due_user(connection)
    finish_for_now(connection, user, at(19))
    clock.set(at(19, 1))
    claims(connection)
    begin(connection, user)

    scans.reschedule(
        connection,
        user.id,
        TODAY,
        state=ScanState.INCOMPLETE,
        reason="the rest failed",
        not_before=at(19, 30),
        recorded=100,
    )

    found = record(connection, user)
    assert (found.state, found.recorded, found.finished_at) == (ScanState.INCOMPLETE, 100, None)


# Putting back


def test_a_user_who_was_put_back_is_due_at_its_time(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)

    assert reschedule(connection, user, until=at(12, 30))

    clock.set(at(12, 29))
    assert claimed(connection) == []
    clock.set(at(12, 31))
    assert claimed(connection) == [user.id]


def test_a_user_who_was_put_back_keeps_the_reason(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    reschedule(connection, user, until=at(13))

    found = record(connection, user)
    assert (found.state, found.reason, found.finished_at) == (ScanState.FAILED, "made up", None)


def test_a_failure_counts_as_an_attempt(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    reschedule(connection, user, until=at(11), state=ScanState.FAILED)
    claims(connection)

    begun = begin(connection, user)
    assert (begun.attempts, begun.failures) == (2, 2)


def test_a_wait_counts_as_no_attempt(connection: Connection) -> None:
    user = due_user(connection)
    for _ in range(MAX_ATTEMPTS * 2):
        assert claimed(connection) == [user.id]
        reschedule(connection, user, until=at(11), state=ScanState.WAITING)
    claims(connection)

    begun = begin(connection, user)
    assert (begun.attempts, begun.failures) == (1, 1)


@pytest.mark.parametrize("state", [ScanState.WAITING, ScanState.SET_ASIDE])
def test_whoever_is_put_back_is_due_at_its_time_even_beyond_all_attempts(
    connection: Connection, clock: Clock, state: ScanState
) -> None:
    """What the claim said of them, tomorrow, is for those whose scan kills its worker."""
    user = due_user(connection)
    for _ in range(MAX_ATTEMPTS):
        claims(connection)
        reschedule(connection, user, until=at(12))
    clock.set(at(13))
    assert claimed(connection) == [user.id]
    reschedule(connection, user, until=at(13, 10), state=state)

    clock.set(at(13, 11))

    assert claimed(connection) == [user.id]


def test_what_a_scan_has_so_far_is_kept_for_the_next_one(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    scans.reschedule(
        connection,
        user.id,
        TODAY,
        state=ScanState.WAITING,
        reason="made up",
        not_before=at(11),
        expected=100,
        recorded=58,
        counts_as_attempt=False,
    )
    # Nothing was seen this time.
    reschedule(connection, user, until=at(11))

    assert begin(connection, user).expected == 100
    assert record(connection, user).recorded == 58


def test_a_settled_day_is_not_put_back(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    finish(connection, user)

    assert not reschedule(connection, user, until=at(13))
    assert record(connection, user).state is ScanState.DONE


def test_nobody_is_put_back_who_was_deleted(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    users.delete(connection, user.id)

    assert not reschedule(connection, user, until=at(13))


# Past days


@pytest.mark.parametrize(
    ("state", "recorded", "becomes"),
    [
        (ScanState.CLAIMED, 0, ScanState.FAILED),
        (ScanState.WAITING, 0, ScanState.FAILED),
        (ScanState.WAITING, 3, ScanState.INCOMPLETE),
    ],
)
def test_a_past_day_that_was_never_finished_is_closed(
    connection: Connection, state: ScanState, recorded: int, becomes: ScanState
) -> None:
    user = add_user(connection)
    add_scan(connection, user, YESTERDAY, state, recorded=recorded)

    assert scan_records.close_past(connection) == 1

    found = record(connection, user, YESTERDAY)
    assert (found.state, found.recorded) == (becomes, recorded)
    assert found.finished_at is not None
    assert found.reason


def test_a_past_day_keeps_the_reason_that_it_has(connection: Connection) -> None:
    user = add_user(connection)
    add_scan(connection, user, YESTERDAY, ScanState.WAITING, reason="rate limit")

    scan_records.close_past(connection)

    assert record(connection, user, YESTERDAY).reason == "rate limit"


@pytest.mark.parametrize("state", [ScanState.DONE, ScanState.INCOMPLETE, ScanState.GONE])
def test_a_past_day_that_was_finished_stays(connection: Connection, state: ScanState) -> None:
    user = add_user(connection)
    add_scan(connection, user, YESTERDAY, state)

    assert scan_records.close_past(connection) == 0
    assert record(connection, user, YESTERDAY).state is state


def test_today_is_not_closed(connection: Connection) -> None:
    due_user(connection)
    claims(connection)

    assert scan_records.close_past(connection) == 0


def test_a_user_whose_yesterday_was_closed_is_due_today(connection: Connection) -> None:
    user = add_user(connection)
    add_scan(connection, user, YESTERDAY, ScanState.WAITING)
    scan_records.close_past(connection)

    assert claims(connection) == [Claim(user.id, user.login, TODAY, is_load=True)]


# Reading


def test_records_come_newest_first_within_the_days_asked_for(connection: Connection) -> None:
    user = add_user(connection)
    for ago in range(5, -1, -1):
        add_scan(connection, user, TODAY - timedelta(days=ago))

    found = scan_days.records(
        connection, user.id, TODAY - timedelta(days=3), TODAY - timedelta(days=1)
    )

    assert [(TODAY - one.day).days for one in found] == [1, 2, 3]


def test_a_record_is_its_users_alone(connection: Connection) -> None:
    add_scan(connection, add_user(connection), TODAY)

    assert scan_days.records(connection, add_user(connection).id, YESTERDAY, TODAY) == []


def test_a_waiting_scan_tells_when_it_goes_on(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    reschedule(connection, user, until=at(13, 15), state=ScanState.WAITING)

    assert record(connection, user).next_attempt_at == at(13, 15)


def test_a_scan_at_work_tells_when_it_is_given_up(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)

    given_up = record(connection, user).next_attempt_at

    assert given_up is not None
    assert abs(given_up - clock.now() - timedelta(seconds=LEASE)) < timedelta(seconds=5)


def test_a_finished_scan_has_no_next_attempt(connection: Connection) -> None:
    user = due_user(connection)
    claims(connection)
    finish(connection, user)

    assert record(connection, user).next_attempt_at is None


def test_a_past_day_has_no_next_attempt(connection: Connection, clock: Clock) -> None:
    user = due_user(connection)
    claims(connection)
    reschedule(connection, user, until=at(13), state=ScanState.FAILED)

    clock.set(at(0, 10, day=TOMORROW))

    assert record(connection, user).next_attempt_at is None


def test_a_claim_finds_its_users_by_index(connection: Connection) -> None:
    for _ in range(3):
        due_user(connection)
    connection.execute(text("ANALYZE users"))
    connection.execute(text("SET enable_seqscan = off"))

    plan = connection.execute(
        text("EXPLAIN SELECT id FROM users ORDER BY scanned_on NULLS FIRST, id LIMIT 1")
    ).scalars()

    assert "ix_users_due" in "\n".join(plan)


def test_a_scan_that_another_task_is_at_work_on_is_not_begun_again(connection: Connection) -> None:
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LEASE)

    begun = scans.begin(connection, user.id, holder="another task", lease=LEASE)

    assert begun is NotBegun.TAKEN


def test_of_two_tasks_that_begin_at_once_one_finds_the_user_taken(
    engine: Engine, connection: Connection
) -> None:
    user = add_user(connection)

    def begin_another() -> Begun | NotBegun:
        with engine.begin() as second:
            return scans.begin(second, user.id, holder="another task", lease=LEASE)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as first:
            begun = scans.begin(first, user.id, holder="a task", lease=LEASE)
            waiting = pool.submit(begin_another)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        assert isinstance(begun, Begun)
        assert waiting.result() is NotBegun.TAKEN


def test_a_task_that_is_delivered_twice_at_once_is_known_as_repeated(
    engine: Engine, connection: Connection
) -> None:
    user = add_user(connection)

    def begin_again() -> Begun | NotBegun:
        with engine.begin() as second:
            return scans.begin(second, user.id, holder="a task", lease=LEASE)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as first:
            scans.begin(first, user.id, holder="a task", lease=LEASE)
            waiting = pool.submit(begin_again)
            wait_until(lambda: is_waiting_for_a_lock(connection))
        again = waiting.result()
    assert isinstance(again, Begun)
    assert again.is_repeated


def test_the_same_task_may_begin_again_after_it_was_killed(connection: Connection) -> None:
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LEASE)

    assert begin(connection, user).is_repeated


def test_another_task_may_begin_when_the_lease_is_over(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    scans.begin(connection, user.id, holder="a task", lease=LEASE)
    clock.advance(timedelta(seconds=LEASE + 1))

    begun = scans.begin(connection, user.id, holder="another task", lease=LEASE)

    assert isinstance(begun, Begun)
    assert not begun.is_repeated


# A scan that somebody asks for


def ask(connection: Connection, user: TrackedUser) -> rescans.RescanRequest:
    asked = rescans.request_rescan(connection, user.id, pause=300, lease=LEASE)
    assert asked is not None
    return asked


def test_a_scan_that_is_asked_for_replaces_the_one_of_the_day(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    begin(connection, user)
    finish(connection, user)
    clock.advance(timedelta(seconds=301))

    assert ask(connection, user).is_accepted
    assert claimed(connection) == []
    first = record(connection, user).finished_at
    begin(connection, user)
    assert finish(connection, user)

    second = record(connection, user).finished_at
    assert first is not None
    assert second is not None
    assert second - first > timedelta(seconds=300)


def test_a_scan_that_is_asked_for_and_lost_is_sent_by_the_sweep(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    begin(connection, user)
    finish(connection, user)
    clock.advance(timedelta(seconds=301))
    ask(connection, user)

    clock.advance(timedelta(seconds=LEASE + 1))

    assert claimed(connection) == [user.id]


@pytest.mark.parametrize("state", [ScanState.FAILED, ScanState.WAITING])
def test_a_day_that_was_recorded_whole_stays_so_where_another_scan_fails(
    connection: Connection, clock: Clock, state: ScanState
) -> None:
    user = add_user(connection)
    begin(connection, user)
    finish(connection, user)
    done = record(connection, user)
    clock.advance(timedelta(seconds=301))
    ask(connection, user)
    begin(connection, user)

    reschedule(connection, user, until=at(23), state=state)

    assert record(connection, user) == done


def test_a_user_whose_second_scan_fails_is_not_overdue(
    connection: Connection, clock: Clock
) -> None:
    user = add_user(connection)
    for day in (TODAY, TOMORROW):
        clock.set(at(12, day=day))
        begin(connection, user)
        finish(connection, user, day)
    clock.advance(timedelta(hours=3))

    ask(connection, user)

    assert count_overdue(connection, hours=26) == 0


def test_a_scan_can_be_asked_for_once_in_five_minutes(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    begin(connection, user)
    finish(connection, user)
    clock.advance(timedelta(seconds=100))
    assert round(ask(connection, user).wait) == 200
    clock.advance(timedelta(seconds=200))
    assert ask(connection, user).is_accepted
    reschedule(connection, user, until=at(23))
    clock.advance(timedelta(seconds=10))

    assert round(ask(connection, user).wait) == 290


def test_a_user_at_work_is_left_to_that(connection: Connection) -> None:
    user = add_user(connection)
    begin(connection, user)

    assert ask(connection, user) == rescans.RescanRequest(user.login, is_accepted=False)


def test_whoever_waits_for_hours_is_scanned_when_asked_for(connection: Connection) -> None:
    user = add_user(connection)
    begin(connection, user)
    reschedule(connection, user, until=at(23))

    assert ask(connection, user).is_accepted
    begin(connection, user)


def test_nobody_can_be_asked_for_who_is_not_followed(connection: Connection) -> None:
    assert rescans.request_rescan(connection, 12345, pause=300, lease=LEASE) is None


# Values that a wrong clock has left


def void_users(connection: Connection) -> dict[str, TrackedUser]:
    """Users whom a clock that was 40 days ahead has scanned, leased and made to wait."""
    left = {
        "settled": "scanned_on = (repopulse_now() AT TIME ZONE 'UTC')::date + 40",
        "leased": "lease_until = repopulse_now() + interval '40 days', held_by = 'a task'",
        "waiting": "not_before = repopulse_now() + interval '40 days'",
    }
    users_by_kind = {}
    for kind, change in left.items():
        user = add_user(connection)
        add_scan(connection, user, YESTERDAY)
        connection.execute(text(f"UPDATE users SET {change} WHERE id = :id"), {"id": user.id})
        users_by_kind[kind] = user
    return users_by_kind


def test_void_days_leases_and_waits_leave_users_due(connection: Connection) -> None:
    void = void_users(connection)

    assert sorted(claimed(connection)) == sorted(user.id for user in void.values())


def test_void_leases_do_not_keep_a_scan_from_beginning(connection: Connection) -> None:
    for user in void_users(connection).values():
        begun = scans.begin(connection, user.id, holder="another task", lease=LEASE)

        assert isinstance(begun, Begun)
        assert scans.lock(connection, user.id, TODAY)
        assert scans.finish(connection, user.id, TODAY, state=ScanState.DONE)
        assert scans.begin(connection, user.id, holder="b", lease=LEASE) is NotBegun.SETTLED


def test_void_values_do_not_refuse_a_rescan(connection: Connection) -> None:
    for user in void_users(connection).values():
        connection.execute(
            text("UPDATE users SET asked_at = repopulse_now() + interval '40 days' WHERE id = :id"),
            {"id": user.id},
        )
        connection.execute(
            text(
                "INSERT INTO scans (user_id, day, state, finished_at)"
                " VALUES (:id, :day, 'done', repopulse_now() + interval '40 days')"
            ),
            {"id": user.id, "day": TODAY + timedelta(days=40)},
        )

        request = rescans.request_rescan(connection, user.id, pause=60, lease=90)

        assert request is not None
        assert request.is_accepted


def test_a_lease_of_a_day_ahead_is_void_and_a_long_lease_is_not(
    connection: Connection, clock: Clock
) -> None:
    clock.advance(timedelta(days=1))
    user = add_user(connection)
    assert claimed(connection) == [user.id]
    clock.advance(timedelta(days=-1))
    assert claimed(connection) == [user.id]

    long = scans.claim(
        connection,
        limit=1,
        lease=86400,
        load_lease=LOAD_LEASE,
        max_attempts=MAX_ATTEMPTS,
        scan_at=SCAN_AT,
    )
    assert long == []


def test_a_user_with_a_void_day_is_overdue(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    add_scan(connection, user, TODAY)
    connection.execute(text("UPDATE users SET scanned_on = :day"), {"day": date(2027, 1, 7)})
    assert count_overdue(connection, hours=26) == 0

    clock.set(at(15, day=TOMORROW))

    assert count_overdue(connection, hours=26) == 1


def test_waits_beyond_the_end_of_the_day_are_void_except_after_kills(
    connection: Connection, clock: Clock
) -> None:
    clock.advance(timedelta(days=1))
    failed, killer = add_user(connection), add_user(connection)
    for user in (failed, killer):
        begin(connection, user)
    scans.reschedule(
        connection,
        killer.id,
        TOMORROW,
        state=ScanState.SET_ASIDE,
        reason="made up",
        not_before=clock.now() + timedelta(hours=13),
        was_killed=True,
    )
    connection.execute(text("UPDATE users SET kills = 9 WHERE id = :id"), {"id": killer.id})
    reschedule(connection, failed, until=clock.now() + timedelta(minutes=5), day=TOMORROW)
    clock.advance(timedelta(days=-1))

    assert claimed(connection) == [failed.id]


def test_a_wait_ends_with_its_day(connection: Connection, clock: Clock) -> None:
    user = add_user(connection)
    begin(connection, user)
    reschedule(connection, user, until=clock.now() + timedelta(hours=20), state=ScanState.WAITING)

    assert claimed(connection) == []
    clock.set(at(0, 1, day=TOMORROW))
    assert claimed(connection) == [user.id]
