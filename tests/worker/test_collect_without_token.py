"""Sixty requests an hour: true watchers take one each, so a scan goes on in the next hour."""

import re
from collections import Counter

import pytest

from common import users
from common.states import ScanState
from common.users import TrackedUser
from simulator import Account
from tests.worker.stage import TODAY, Stage
from worker.collect import Collector

REPOSITORIES = 100


@pytest.fixture
def collector(stage: Stage) -> Collector:
    return stage.collector(token=None)


@pytest.fixture
def account(stage: Stage) -> Account:
    account = stage.world.add_account("octocat")
    for number in range(REPOSITORIES):
        stage.world.add_repository(account, f"r{number:03}", stargazers=number, watchers=number + 1)
    return account


@pytest.fixture
def user(stage: Stage, account: Account) -> TrackedUser:
    return stage.follow(account)


def looked_at(stage: Stage) -> Counter[str]:
    """How often each repository was asked for on its own."""
    return Counter(
        request.path
        for request in stage.simulator.requests
        if re.fullmatch(r"/repositories/\d+|/repos/[^/]+/[^/]+", request.path)
        and request.status == 200
    )


def test_rows_are_stored_as_they_are_counted(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)

    rows = stage.rows(user)[TODAY]
    assert 50 <= len(rows) < 60
    assert rows.items() <= stage.truth(user).items()


def test_a_scan_that_waits_says_so(stage: Stage, collector: Collector, user: TrackedUser) -> None:
    stage.sweep(collector)

    record = stage.record(user)
    assert record.state is ScanState.WAITING
    assert record.expected == REPOSITORIES
    assert record.recorded == len(stage.rows(user)[TODAY])
    assert record.reason is not None
    assert record.reason.startswith(f"{record.recorded} of 100 repositories recorded")
    assert record.finished_at is None
    assert record.next_attempt_at is not None
    assert 3500 < (record.next_attempt_at - stage.clock.now()).total_seconds() < 3700


def test_all_repositories_are_stored_before_all_are_counted(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)

    assert stage.value("SELECT count(*) FROM repositories") == REPOSITORIES


def test_nobody_asks_before_the_hour_is_over(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    asked = len(stage.simulator.requests)

    for _ in range(5):
        stage.wait(minutes=10)
        assert stage.sweep(collector) == []

    assert len(stage.simulator.requests) == asked
    assert stage.simulator.violations == []


def test_the_next_hour_goes_on_where_the_last_one_stopped(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    lists = [request for request in stage.simulator.requests if request.path.endswith("/repos")]
    stage.wait(minutes=62)

    stage.sweep(collector)

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).state is ScanState.DONE
    # Each repository once, and the list not again.
    assert set(looked_at(stage).values()) == {1}
    assert len(looked_at(stage)) == REPOSITORIES
    assert [
        request for request in stage.simulator.requests if request.path.endswith("/repos")
    ] == lists
    assert stage.simulator.violations == []


def test_another_worker_goes_on_just_as_well(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    stage.wait(minutes=62)

    stage.sweep(stage.collector(token=None))

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert set(looked_at(stage).values()) == {1}


def test_waiting_is_no_attempt(stage: Stage, collector: Collector, user: TrackedUser) -> None:
    stage.sweep(collector)

    assert stage.value("SELECT attempts FROM users") == 0
    assert stage.record(user).attempts == 0


def test_a_finished_load_tells_all_its_repositories(
    stage: Stage, collector: Collector, user: TrackedUser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="worker.collect")
    stage.sweep(collector)
    first = len(stage.rows(user)[TODAY])
    stage.wait(minutes=62)
    stage.sweep(collector)

    told = f"load finished: octocat, {REPOSITORIES} repositories, {REPOSITORIES - first} rows"
    assert told in caplog.messages


def test_a_day_that_ends_while_a_scan_waits_is_incomplete_and_the_next_begins_anew(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.at(TODAY, 23, 30)
    stage.sweep(collector)
    counted = len(stage.rows(user)[TODAY])
    tomorrow = stage.next_day()
    stage.sweep(collector)
    stage.wait(minutes=62)
    stage.sweep(collector)

    yesterday = stage.record(user, TODAY)
    assert (yesterday.state, yesterday.recorded) == (ScanState.INCOMPLETE, counted)
    assert stage.rows(user)[tomorrow] == stage.truth(user)
    assert len(stage.rows(user)[TODAY]) == counted


def test_a_second_user_waits_for_the_same_hour(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    other_account = stage.world.add_account("other")
    stage.world.add_repository(other_account, "r", watchers=7)
    stage.sweep(collector)
    other = stage.follow(other_account)

    stage.sweep(collector)
    assert stage.rows(other) == {}
    assert stage.record(other).state is ScanState.WAITING
    stage.wait(minutes=62)
    stage.sweep(collector)
    stage.wait(minutes=62)
    stage.sweep(collector)

    assert stage.rows(other)[TODAY] == stage.truth(other)
    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.simulator.violations == []


def test_a_user_deleted_while_its_scan_waits_leaves_nothing(
    stage: Stage, collector: Collector, user: TrackedUser
) -> None:
    stage.sweep(collector)
    with stage.engine.begin() as connection:
        users.delete(connection, user.id)
    stage.wait(minutes=62)

    assert stage.sweep(collector) == []
    assert stage.value("SELECT count(*) FROM daily_stats") == 0
