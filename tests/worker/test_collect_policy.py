"""A day of owners whose policy refuses the token: 60 requests an hour, for all of them."""

import pytest

from common.states import ScanState
from common.users import TrackedUser
from simulator import Fault, FaultKind, Limits
from tests.worker.stage import TODAY, Stage
from worker.collect import Collector


def follow(stage: Stage, login: str, repositories: int) -> TrackedUser:
    """Follow an owner that refuses the token."""
    account = stage.world.add_account(login, type="Organization")
    for number in range(repositories):
        stage.world.add_repository(account, f"r{number:03}", stargazers=number, watchers=number + 1)
    stage.simulator.fail(Fault(FaultKind.POLICY, login=login, text="ip"), times=None)
    return stage.follow(account)


def work(stage: Stage, collectors: list[Collector], *, hours: int) -> None:
    """Sweep each minute, by one worker after the other."""
    for minute in range(hours * 60):
        stage.sweep(collectors[minute % len(collectors)])
        stage.wait(minutes=1)


@pytest.fixture
def collectors(stage: Stage) -> list[Collector]:
    return [stage.collector(), stage.collector()]


def test_an_owner_is_recorded_whole_within_some_hours(
    stage: Stage, collectors: list[Collector]
) -> None:
    user = follow(stage, "octo-org", 120)

    work(stage, collectors, hours=3)

    assert stage.rows(user)[TODAY] == stage.truth(user)
    assert stage.record(user).state is ScanState.DONE
    assert stage.simulator.violations == []


def test_each_repository_is_read_once_and_the_token_is_refused_once(
    stage: Stage, collectors: list[Collector]
) -> None:
    follow(stage, "octo-org", 120)

    work(stage, collectors, hours=3)

    refused = [each for each in stage.simulator.requests if each.authenticated]
    assert len(refused) <= 3
    # The account, two pages, and each repository.
    assert len(stage.simulator.requests) - len(refused) == 123


def test_a_scan_that_waits_says_why(stage: Stage, collectors: list[Collector]) -> None:
    user = follow(stage, "octo-org", 120)

    stage.sweep(collectors[0])

    record = stage.record(user)
    assert (record.state, record.expected, record.recorded) == (ScanState.WAITING, 120, 50)
    assert record.reason is not None
    assert "IP allow list" in record.reason
    assert record.next_attempt_at is not None


def test_a_small_owner_is_recorded_beside_a_large_one(
    stage: Stage, collectors: list[Collector]
) -> None:
    large, small = follow(stage, "large", 300), follow(stage, "small", 20)

    work(stage, collectors, hours=2)

    assert stage.record(small).state is ScanState.DONE
    assert len(stage.rows(large)[TODAY]) >= 50


def test_what_does_not_fit_into_the_day_keeps_its_reason(
    stage: Stage, collectors: list[Collector]
) -> None:
    stage.simulator.set_limits(Limits(unauthenticated=10))
    user = follow(stage, "octo-org", 300)
    stage.at(TODAY, 20)

    work(stage, collectors, hours=4)
    stage.sweep(collectors[0])

    rows = stage.rows(user)[TODAY]
    assert 20 < len(rows) <= 40
    assert rows.items() <= stage.truth(user, TODAY).items()
    record = stage.record(user, TODAY)
    assert record.state is ScanState.INCOMPLETE
    assert record.reason is not None
    assert "IP allow list" in record.reason
    assert stage.simulator.violations == []


def test_rows_without_the_token_are_of_githubs_day_too(
    stage: Stage, collectors: list[Collector]
) -> None:
    user = follow(stage, "octo-org", 3)
    stage.sweep(collectors[0])
    # The database's clock alone is on the next day.
    stage.next_day()
    stage.simulator.date_clock = lambda: stage.seconds() - 86400

    stage.sweep(collectors[0])

    assert list(stage.rows(user)) == [TODAY]
    assert "by GitHub's Date header" in str(stage.record(user).reason)


def test_the_token_is_tried_again_on_the_next_day(
    stage: Stage, collectors: list[Collector]
) -> None:
    user = follow(stage, "octo-org", 3)
    stage.sweep(collectors[0])
    stage.simulator.heal()
    # Redis' own clock, by which the refusal is forgotten, does not move here.
    for key in stage.redis.scan_iter("*:policy:*"):
        stage.redis.delete(key)
    tomorrow = stage.next_day()
    stage.simulator.reset_records()

    stage.sweep(collectors[0])

    assert stage.rows(user)[tomorrow] == stage.truth(user)
    assert all(each.authenticated for each in stage.simulator.requests)
