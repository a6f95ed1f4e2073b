"""A database's clock that is wrong: no row of another day than GitHub's, and no day lost for it."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from common import collection, github_clock
from common.states import ScanState
from common.users import TrackedUser
from tests.worker.stage import TODAY, Stage
from worker.collect import Collector

ONE_DAY = timedelta(days=1)


@pytest.fixture
def user(stage: Stage) -> TrackedUser:
    account = stage.world.add_account("octocat")
    for number in range(3):
        stage.world.add_repository(account, f"r{number}", stargazers=number, watchers=1)
    return stage.follow(account)


@pytest.mark.parametrize("ahead", [timedelta(days=40), ONE_DAY, timedelta(days=-1)])
def test_a_clock_on_another_day_records_nothing_and_costs_no_day(
    stage: Stage, collector: Collector, user: TrackedUser, ahead: timedelta
) -> None:
    stage.set_clock_wrong(ahead)
    (outcome,) = stage.sweep(collector)
    wrong_day = stage.clock.today()
    record = stage.record(user)
    at_wrong_time = stage.rows(user)
    stage.set_clock_wrong(timedelta())
    stage.wait(minutes=2)

    stage.sweep(collector)

    assert outcome.state is ScanState.WAITING
    assert outcome.is_failure
    assert at_wrong_time == {}
    assert record.reason == (
        f"it is {TODAY} by GitHub's Date header, and {wrong_day} by the database's clock:"
        " no row is written until they agree"
    )
    assert stage.rows(user) == {TODAY: stage.truth(user)}
    assert stage.record(user, TODAY).state is ScanState.DONE


def test_a_user_who_was_scanned_keeps_the_day_while_the_clock_is_behind(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    with stage.engine.begin() as connection:
        connection.execute(text("UPDATE scans SET state = 'incomplete', reason = 'made up'"))
    settled = stage.record(user)
    stage.next_day()
    stage.sweep(collector)
    recorded = stage.rows(user)

    stage.set_clock_wrong(-ONE_DAY)
    stage.sweep(collector)
    stage.set_clock_wrong(timedelta())
    stage.wait(minutes=2)

    stage.sweep(collector)
    assert stage.rows(user) == recorded
    assert list(recorded) == [TODAY, TODAY + ONE_DAY]
    later = stage.record(user, TODAY)
    assert (later.state, later.reason, later.finished_at) == (
        settled.state,
        settled.reason,
        settled.finished_at,
    )


def test_a_vanished_account_is_not_judged_on_another_day(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    stage.next_day()
    account = stage.world.account_by_id(user.id)
    assert account is not None
    stage.world.delete_account(account)

    stage.set_clock_wrong(timedelta(days=40))
    stage.sweep(collector)

    assert stage.value("SELECT missing_since IS NULL FROM users WHERE id = :id", id=user.id)


def test_pages_of_the_next_day_are_left_out(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    account = stage.world.account_by_id(user.id)
    assert account is not None
    for number in range(3, 150):
        stage.world.add_repository(account, f"r{number}", stargazers=number)
    stage.at(TODAY, 23, 59, 58)
    asked = []

    def pass_midnight(request: httpx.Request) -> None:
        asked.append(request)
        if len(asked) == 3:
            stage.clock.advance(timedelta(seconds=10))

    stage.hook = pass_midnight
    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY]
    assert len(stage.rows(user)[TODAY]) == 100
    reason = stage.record(user, TODAY).reason
    assert reason is not None
    assert f"it is {TODAY + ONE_DAY} by GitHub's Date header" in reason
    assert github_clock.read(stage.redis) == github_clock.ClockError(timedelta(), False)


def test_without_date_header_the_databases_clock_counts_and_the_record_says_so(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.simulator.fail("no_date", times=None)
    stage.set_clock_wrong(timedelta(hours=3))

    stage.sweep(collector)

    record = stage.record(user)
    assert record.state is ScanState.DONE
    assert record.reason == "GitHub's answers had no Date header, so the day is the database's"
    assert stage.rows(user) == {TODAY: stage.truth(user)}
    assert github_clock.read(stage.redis) is None


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=-12), "12 minutes behind GitHub's"),
        (timedelta(hours=3), "3 hours ahead of GitHub's"),
        (timedelta(days=40), "40 days ahead of GitHub's, on another day: nothing is recorded"),
    ],
)
def test_a_large_error_of_the_clock_is_stored_for_all_to_see(
    stage: Stage, collector: Collector, user: TrackedUser, ahead: timedelta, words: str
) -> None:
    stage.set_clock_wrong(ahead)
    stage.wait(minutes=15)

    stage.sweep(collector)

    error = github_clock.read(stage.redis)
    assert error is not None
    assert error.is_large
    assert words in str(error)
    assert abs(error.ahead - ahead) < timedelta(minutes=1)


def test_a_long_request_is_no_error_of_the_clock(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.hook = lambda _: stage.clock.advance(timedelta(minutes=8))

    stage.sweep(collector)

    assert github_clock.read(stage.redis) == github_clock.ClockError(timedelta(), False)


def test_days_recorded_ahead_without_date_header_are_recorded_again_on_their_day(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.simulator.fail("no_date", times=None)
    stage.set_clock_wrong(timedelta(days=40))
    stage.sweep(collector)
    ahead = stage.clock.today()
    stage.simulator.heal()
    stage.set_clock_wrong(timedelta())

    for _ in range(3):
        stage.sweep(collector)
        with stage.engine.begin() as connection:
            collection.record_completed_day(connection)
        stage.next_day()

    assert list(stage.rows(user)) == [TODAY, TODAY + ONE_DAY, TODAY + 2 * ONE_DAY, ahead]
    with stage.engine.begin() as connection:
        complete = collection.last_completed_day(connection)
    assert complete is not None
    assert complete.day == TODAY + 2 * ONE_DAY


def test_a_scan_writes_nothing_if_the_clock_was_set_back_meanwhile(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.simulator.fail("no_date", times=None)
    stage.set_clock_wrong(ONE_DAY)
    stage.hook = lambda _: stage.set_clock_wrong(timedelta())

    (outcome,) = stage.sweep(collector)
    assert outcome.state is None
    assert stage.rows(user) == {}
    stage.sweep(collector)

    assert list(stage.rows(user)) == [TODAY]


def test_waits_that_a_wrong_clock_set_cost_no_day(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.set_clock_wrong(ONE_DAY)
    # No answer, so nothing shows that the clock is wrong.
    stage.simulator.fail("connect_error", times=2)
    stage.sweep(collector)
    stage.set_clock_wrong(timedelta())
    waits = "SELECT count(*) FROM users WHERE not_before > repopulse_now() + interval '1 hour'"
    assert stage.value(waits) == 1

    stage.sweep(collector)

    assert stage.record(user, TODAY).state is ScanState.DONE


def test_waits_of_github_stay_when_the_clock_is_right_again(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.at(TODAY, 1)
    stage.set_clock_wrong(ONE_DAY)
    stage.sweep(collector)
    stage.set_clock_wrong(timedelta())
    stage.simulator.fail("secondary_limit", times=1)
    stage.wait(minutes=2)
    stage.sweep(collector)
    asked = len(stage.simulator.requests)

    stage.wait(seconds=20)
    stage.sweep(collector)

    assert len(stage.simulator.requests) == asked
    assert stage.simulator.violations == []
