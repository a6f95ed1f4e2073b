"""Small users share a request, and nothing else."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from common.states import ScanState
from common.users import TrackedUser
from tests.github_simulator import Fault, FaultKind, Match
from tests.worker.stage import TODAY, Stage
from worker.collect import NOTHING, Outcome
from worker.github.graphql import accounts_for_a_point, points

Crowd = Callable[..., list[TrackedUser]]


@pytest.fixture
def crowd(stage: Stage) -> Crowd:
    """Return a function that follows users of given sizes, all scanned today, and goes to bed."""

    def make(*sizes: int) -> list[TrackedUser]:
        users = []
        for number, size in enumerate(sizes):
            account = stage.world.add_account(f"small-{number}")
            for name in range(size):
                stage.world.add_repository(account, f"r{name}", stargazers=number, watchers=name)
            users.append(stage.follow(account))
        stage.sweep(stage.collector())
        stage.next_day()
        stage.simulator.requests.clear()
        return users

    return make


def queries(stage: Stage) -> int:
    return sum(record.path == "/graphql" for record in stage.simulator.requests)


def test_small_users_cost_one_request_and_one_point(stage: Stage, crowd: Crowd) -> None:
    users = crowd(*[1] * 50)

    stage.sweep(stage.collector())

    assert queries(stage) == 1
    assert sum(record.cost for record in stage.simulator.requests) == 1
    for user in users:
        assert stage.rows(user)[TODAY + timedelta(days=1)] == stage.truth(user)
        assert stage.record(user).state is ScanState.DONE


def test_each_of_them_keeps_a_record_of_its_own(stage: Stage, crowd: Crowd) -> None:
    users = crowd(1, 2, 3, 0)

    stage.sweep(stage.collector())

    records = [stage.record(user) for user in users]
    assert [(record.expected, record.recorded) for record in records] == [
        (1, 1),
        (2, 2),
        (3, 3),
        (0, 0),
    ]


def test_what_keeps_one_from_being_seen_does_not_touch_the_others(
    stage: Stage, crowd: Crowd
) -> None:
    users = crowd(1, 1, 1)
    gone = stage.world.account("small-1")
    assert gone is not None
    stage.world.delete_account(gone)

    stage.sweep(stage.collector())

    states = [stage.record(user).state for user in users]
    assert states == [ScanState.DONE, ScanState.GONE, ScanState.DONE]


def test_one_that_grew_is_read_to_its_end(stage: Stage, crowd: Crowd) -> None:
    users = crowd(1, 1, 1)
    grown = stage.world.account("small-0")
    assert grown is not None
    for number in range(30):
        stage.world.add_repository(grown, f"new-{number}")

    stage.sweep(stage.collector())

    assert len(stage.rows(users[0])[TODAY + timedelta(days=1)]) == 31
    assert stage.record(users[0]).state is ScanState.DONE


def test_a_request_that_is_too_much_is_split(stage: Stage, crowd: Crowd) -> None:
    users = crowd(*[1] * 8)
    stage.simulator.fail(
        Fault(FaultKind.RESOURCE_LIMITS), times=2, match=Match(contains="query Together")
    )

    stage.sweep(stage.collector())

    assert [stage.record(user).state for user in users] == [ScanState.DONE] * 8
    assert queries(stage) < 8


def test_a_limit_puts_all_of_them_back_without_an_attempt(stage: Stage, crowd: Crowd) -> None:
    users = crowd(1, 1, 1)
    stage.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60))

    stage.sweep(stage.collector())

    records = [stage.record(user) for user in users]
    assert [record.state for record in records] == [ScanState.WAITING] * 3
    assert [record.attempts for record in records] == [0] * 3
    assert queries(stage) == 1


def test_one_that_failed_is_tried_alone(stage: Stage, crowd: Crowd) -> None:
    users = crowd(1, 1, 1, 1)
    stage.simulator.fail(Fault(FaultKind.SERVER_ERROR), times=None)
    stage.sweep(stage.collector())
    stage.simulator.heal()
    stage.simulator.requests.clear()
    stage.wait(minutes=20)

    stage.sweep(stage.collector())

    assert queries(stage) == 4
    assert [stage.record(user).state for user in users] == [ScanState.DONE] * 4


def test_one_whose_own_task_is_at_work_is_left_to_it(stage: Stage, crowd: Crowd) -> None:
    users = crowd(1, 1)
    both = stage.collector(), stage.collector(token="other")
    seen: list[Outcome] = []

    def meet(_: httpx.Request) -> None:
        stage.hook = None
        seen.append(both[1].scan(users[0].id, holder="another message"))

    stage.hook = meet
    stage.sweep(both[0])

    assert seen == [NOTHING]
    assert [stage.record(user).state for user in users] == [ScanState.DONE] * 2


def test_without_a_token_everybody_is_alone(stage: Stage) -> None:
    assert stage.github(token=None).room_beside(1) == 0


@pytest.mark.parametrize("size", [1, 2, 5, 20, 69, 70, 100])
def test_as_many_go_together_as_one_point_pays_for(size: int) -> None:
    accounts = accounts_for_a_point(size)

    assert points(accounts, size) == 1
    assert accounts == 1 or accounts * (1 + size) <= 149
