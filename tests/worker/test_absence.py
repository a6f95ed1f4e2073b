"""What a scan makes of an account that GitHub does not show."""

from datetime import UTC, datetime, timedelta

import pytest

from api.queries.progress import count_overdue
from common import collection, rescans, scan_records, scans, users
from common.scans import Begun
from common.states import ScanState, UserState
from common.users import TrackedUser
from simulator import Account
from simulator.node_ids import NodeType, new_id
from tests.worker.stage import TODAY, TOKEN, Stage
from worker.absence import record_absence
from worker.collect import Collector
from worker.outcome import Outcome

TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = TODAY - timedelta(days=1)

ways = pytest.mark.parametrize("token", [TOKEN, None], ids=["with-token", "without-token"])


def at(hour: int, minute: int = 0) -> datetime:
    """A time of today; hours above 23 are of the days that follow."""
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


@pytest.fixture
def account(stage: Stage) -> Account:
    stage.at(YESTERDAY)
    account = stage.world.add_account("octocat")
    for number in range(3):
        stage.world.add_repository(account, f"r{number}", stargazers=number, watchers=number + 1)
    return account


@pytest.fixture
def user(stage: Stage, account: Account) -> TrackedUser:
    return stage.follow(account)


@pytest.fixture
def known(stage: Stage, user: TrackedUser) -> TrackedUser:
    """A user who was scanned yesterday; it is 00:10."""
    stage.sweep(stage.collector())
    stage.at(TODAY, 0, 10)
    stage.simulator.reset_records()
    return user


def deny(stage: Stage, times: int | None = None) -> None:
    stage.simulator.fail("not_found", times=times)


def closed(stage: Stage) -> None:
    """Close past days, as each sweep does."""
    with stage.engine.begin() as connection:
        scan_records.close_past(connection)


def state_of(stage: Stage) -> object:
    return stage.value("SELECT state FROM users")


# A known account that GitHub denies by mistake


def test_three_denials_within_a_second_do_not_cost_the_day(stage: Stage) -> None:
    stage.at(YESTERDAY)
    account = stage.world.add_account("octocat")
    for number in range(257):
        stage.world.add_repository(account, f"r{number}", watchers=number)
    user = stage.follow(account)
    collector = stage.collector()
    stage.sweep(collector)
    stage.at(TODAY, 0, 10)
    deny(stage, 3)

    assert stage.sweep(collector) == [Outcome(ScanState.WAITING)]
    stage.sweep_until(collector, at(0, 45))

    assert len(stage.rows(user)[TODAY]) == 257
    assert stage.rows(user)[TODAY] == stage.truth(user)
    record = stage.record(user)
    assert (record.state, record.reason, record.recorded) == (ScanState.DONE, None, 257)
    assert stage.value("SELECT num_nulls(missing_since, missing_at) FROM users") == 2


@ways
def test_known_account_is_looked_for_five_times_in_six_hours_before_it_is_gone(
    stage: Stage, known: TrackedUser, token: str | None
) -> None:
    deny(stage)

    looks = stage.sweep_until(stage.collector(token=token), at(17))

    minutes = [(look - at(0, 10)) / timedelta(minutes=1) for look in looks]
    assert minutes == pytest.approx([0, 5, 30, 120, 360], abs=1.1)
    record = stage.record(known)
    assert record.state is ScanState.GONE
    assert record.finished_at is not None
    assert (record.finished_at - at(0, 10)) / timedelta(hours=1) == pytest.approx(6, abs=0.1)
    # Two requests a look, because a denial has to be repeated.
    assert len(stage.simulator.requests) == 10


def test_day_is_open_while_the_account_may_come_back_and_says_so(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    deny(stage)

    stage.sweep(collector)

    record = stage.record(known)
    assert (record.state, record.finished_at) == (ScanState.WAITING, None)
    assert record.next_attempt_at is not None
    assert record.next_attempt_at - at(0, 10) == pytest.approx(
        timedelta(minutes=5), abs=timedelta(seconds=30)
    )
    assert record.reason is not None
    assert f"GitHub shows no account with id {known.id} since 2026-11-23 00:10 UTC" in record.reason
    assert "perhaps by mistake" in record.reason
    assert state_of(stage) == UserState.ACTIVE


@pytest.mark.parametrize("minutes", [3, 20, 90, 300])
def test_account_that_is_shown_again_within_six_hours_has_its_row(
    stage: Stage, collector: Collector, known: TrackedUser, minutes: int
) -> None:
    deny(stage)
    stage.sweep_until(collector, at(0, 10) + timedelta(minutes=minutes))
    assert stage.record(known).state is ScanState.WAITING
    stage.simulator.heal()

    stage.sweep_until(collector, at(7))

    assert stage.rows(known)[TODAY] == stage.truth(known)
    assert stage.record(known).state is ScanState.DONE


def test_look_that_fails_otherwise_does_not_count_as_a_denial(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    deny(stage, 2)
    stage.sweep(collector)
    stage.simulator.fail("server_error", times=None)
    stage.sweep_until(collector, at(5))
    assert stage.record(known).state in {ScanState.FAILED, ScanState.SET_ASIDE}
    stage.simulator.heal()
    stage.sweep_until(collector, at(7))

    assert stage.rows(known)[TODAY] == stage.truth(known)


def test_denied_account_does_not_hold_up_the_day_of_the_others(
    stage: Stage, collector: Collector, known: TrackedUser, account: Account
) -> None:
    stage.follow(stage.world.add_account("other"))
    stage.world.delete_account(account)
    stage.at(TODAY, 22)
    with stage.engine.begin() as connection:
        assert count_overdue(connection, hours=26) == 1

    stage.sweep(collector)

    assert stage.record(known).state is ScanState.WAITING
    with stage.engine.begin() as connection:
        complete = collection.record_completed_day(connection)
        assert count_overdue(connection, hours=26) == 0
    assert complete is not None
    assert complete.users == 1


# The day ends


def test_day_that_ends_before_six_hours_has_a_last_look_and_is_gone(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    stage.at(TODAY, 22)
    deny(stage)

    looks = stage.sweep_until(collector, at(23, 59))

    minutes = [(look - at(22)) / timedelta(minutes=1) for look in looks]
    assert minutes == pytest.approx([0, 5, 30, 110], abs=1.1)
    record = stage.record(known)
    assert record.state is ScanState.GONE
    assert record.reason is not None
    assert record.reason.endswith("the day ends before the next look")


def test_day_whose_last_look_did_not_take_place_is_gone(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    deny(stage)
    stage.sweep(collector)
    stage.at(TOMORROW, 0, 1)
    closed(stage)

    record = stage.record(known, TODAY)
    assert record.state is ScanState.GONE
    assert record.finished_at is not None
    assert "GitHub shows no account" in str(record.reason)


def test_six_hours_go_on_over_midnight(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    stage.at(TODAY, 22)
    deny(stage)

    stage.sweep_until(collector, at(27))

    assert stage.record(known, TODAY).state is ScanState.GONE
    assert stage.record(known, TOMORROW).state is ScanState.WAITING
    assert state_of(stage) == UserState.ACTIVE
    stage.simulator.heal()
    stage.sweep_until(collector, at(29))
    assert stage.rows(known)[TOMORROW] == stage.truth(known)
    # Nothing of it is carried back over midnight.
    assert TODAY not in stage.rows(known)


def test_denial_that_is_noted_after_midnight_ends_the_day_on_which_the_scan_began(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    stage.at(TODAY, 23, 59, 58)
    with stage.engine.begin() as connection:
        begun = scans.begin(connection, known.id, holder="a task", lease=60)
    assert isinstance(begun, Begun)
    stage.wait(seconds=5)

    with stage.engine.begin() as connection:
        noted = record_absence(connection, begun, "HTTP 404")

    assert noted is not None
    assert noted.outcome == Outcome(ScanState.GONE)
    assert stage.record(known, TODAY).state is ScanState.GONE
    stage.sweep_until(collector, at(24, 20))
    assert stage.rows(known)[TOMORROW] == stage.truth(known)


# An account that GitHub never showed


@ways
def test_account_that_was_never_seen_is_gone_at_once(
    stage: Stage, user: TrackedUser, token: str | None
) -> None:
    deny(stage)

    assert stage.sweep(stage.collector(token=token)) == [Outcome(ScanState.GONE)]

    assert stage.record(user).finished_at is not None


def test_account_that_was_never_seen_is_looked_for_again_in_the_evening(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.at(TODAY)
    deny(stage, 2)
    stage.sweep(collector)

    stage.sweep_until(collector, at(24))

    assert stage.rows(user) == {TODAY: stage.truth(user)}
    assert stage.record(user, TODAY).state is ScanState.DONE


def test_account_whose_login_was_resolved_is_known(stage: Stage, account: Account) -> None:
    with stage.engine.begin() as connection:
        user = TrackedUser(account.id, account.login, account.login)
        users.add(connection, user, node_id=new_id(NodeType.USER, account.id))
    deny(stage)

    assert stage.sweep(stage.collector()) == [Outcome(ScanState.WAITING)]


# An account that is gone


def hide_for_days(stage: Stage, collector: Collector, days: int) -> None:
    """Live through days on which GitHub does not show the account; it is 00:10 after that."""
    deny(stage)
    stage.sweep_until(collector, at(24 * days, 1))


@ways
def test_gone_account_is_looked_for_twice_a_day_once_of_it_in_the_evening(
    stage: Stage, known: TrackedUser, token: str | None
) -> None:
    collector = stage.collector(token=token)
    hide_for_days(stage, collector, 3)
    assert state_of(stage) == UserState.VANISHED
    stage.simulator.reset_records()
    for ahead in (3, 4, 40):
        stage.at(TODAY + timedelta(days=ahead), 0, 1)
        looks = stage.sweep_until(collector, at(24 * (ahead + 1)))

        hours = [(look - at(24 * ahead)) / timedelta(hours=1) for look in looks]
        assert len(hours) == 2
        assert hours[0] < 1
        assert 18 <= hours[1] < 24
    assert len(stage.simulator.requests) == 3 * 4


@pytest.mark.parametrize("hour", [0, 12, 17])
def test_account_that_was_hidden_for_days_has_the_row_of_the_day_on_which_it_is_back(
    stage: Stage, collector: Collector, known: TrackedUser, hour: int
) -> None:
    hide_for_days(stage, collector, 9)
    stage.sweep_until(collector, at(24 * 9 + hour, 5))
    stage.simulator.heal()

    stage.sweep_until(collector, at(24 * 11))

    back = TODAY + timedelta(days=9)
    assert sorted(stage.rows(known)) == [YESTERDAY, back, back + timedelta(days=1)]
    assert stage.rows(known)[back] == stage.truth(known, back)
    assert stage.record(known, back).state is ScanState.DONE
    assert state_of(stage) == UserState.ACTIVE


def test_day_of_a_gone_account_says_when_it_is_looked_for_again(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    hide_for_days(stage, collector, 1)
    stage.sweep_until(collector, at(24 + 12))

    record = stage.record(known)
    assert record.state is ScanState.GONE
    assert record.finished_at is not None
    assert record.next_attempt_at is not None
    assert at(24 + 18) <= record.next_attempt_at < at(48)
    stage.sweep_until(collector, at(47, 59))
    assert stage.record(known).next_attempt_at is None


def test_evening_look_that_fails_is_repeated_and_leaves_the_record(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    hide_for_days(stage, collector, 2)
    stage.sweep_until(collector, at(48 + 17))
    stage.simulator.heal()
    stage.simulator.fail("server_error", times=None)
    gone = stage.record(known)

    stage.sweep_until(collector, at(48 + 22, 30))

    record = stage.record(known)
    assert gone.state is ScanState.GONE
    assert (record.state, record.reason) == (gone.state, gone.reason)
    stage.simulator.heal()
    stage.sweep_until(collector, at(72))
    day = TODAY + timedelta(days=2)
    assert stage.rows(known)[day] == stage.truth(known, day)


def test_gone_account_that_a_person_asks_for_is_looked_for_at_once(
    stage: Stage, collector: Collector, known: TrackedUser
) -> None:
    hide_for_days(stage, collector, 1)
    stage.sweep_until(collector, at(24 + 12))
    stage.simulator.heal()
    with stage.engine.begin() as connection:
        asked = rescans.request_rescan(connection, known.id, pause=300, lease=0)
    assert asked is not None
    assert asked.is_accepted

    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 3)]
