"""Small users share a request, and nothing else."""

from collections.abc import Callable
from datetime import time, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from common import scans
from common.scans import Claim
from common.states import ScanState
from common.users import TrackedUser, delete
from simulator import Fault, FaultKind, Match
from tests.worker.stage import TODAY, Stage
from worker.collect import NOTHING, Outcome
from worker.github.graphql import accounts_for_a_point, points
from worker.tasks import messages

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


def claim(stage: Stage) -> list[Claim]:
    """Claim whoever is due, as a sweep does."""
    with stage.engine.begin() as connection:
        return scans.claim(connection, limit=99, lease=1200, max_attempts=5, scan_at=time(0, 5))


def ids(*followed: TrackedUser) -> list[int]:
    return [user.id for user in followed]


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


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours runs afterwards."""


def test_whoever_went_along_with_a_task_that_was_killed_is_due_as_soon_as_it_runs_again(
    stage: Stage, crowd: Crowd
) -> None:
    first, *others = crowd(2, 1, 1)
    collector = stage.collector()

    def kill(_request: httpx.Request) -> None:
        raise Killed

    claim(stage)
    stage.hook = kill
    with pytest.raises(Killed):
        collector.scan_together(ids(first, *others), holder="a task")
    stage.hook = None
    assert collector.scan(others[0].id, holder="another task") == NOTHING

    again = collector.scan_together(ids(first, *others), holder="a task")

    assert again == [Outcome(ScanState.DONE, 2)]
    stage.simulator.requests.clear()
    assert stage.sweep(collector) == [Outcome(ScanState.DONE, 1)] * 2
    assert queries(stage) == 2


def test_a_task_that_was_killed_over_the_second_half_of_its_users_goes_on_with_it(
    stage: Stage, crowd: Crowd
) -> None:
    first, second, third = crowd(1, 1, 1)
    collector = stage.collector()
    claim(stage)
    with stage.engine.begin() as connection:
        assert scans.begin(connection, second.id, holder="a task", lease=1200) is not None
    assert collector.scan(first.id) == Outcome(ScanState.DONE, 1)

    again = collector.scan_together(ids(first, second, third), holder="a task")

    assert again == [Outcome(ScanState.DONE, 1)] * 2
    assert queries(stage) == 3


def test_a_message_whose_first_user_is_deleted_is_for_the_others(
    stage: Stage, crowd: Crowd
) -> None:
    first, *others = crowd(1, 1, 1)
    claim(stage)
    with stage.engine.begin() as connection:
        delete(connection, first.id)

    outcomes = stage.collector().scan_together(ids(first, *others))

    assert outcomes == [Outcome(ScanState.DONE, 1)] * 2
    assert queries(stage) == 1


def test_a_message_that_comes_twice_scans_nobody_twice(stage: Stage, crowd: Crowd) -> None:
    everybody = ids(*crowd(1, 1, 1))
    claim(stage)
    collector = stage.collector()

    assert len(collector.scan_together(everybody, holder="one message")) == 3
    assert collector.scan_together(everybody, holder="another message") == []
    assert queries(stage) == 1


def test_who_finds_no_room_in_the_request_has_another(stage: Stage, crowd: Crowd) -> None:
    everybody = crowd(69, 69, 69)
    claim(stage)

    outcomes = stage.collector().scan_together(ids(*everybody))

    assert outcomes == [Outcome(ScanState.DONE, 69)] * 3
    assert queries(stage) == 2


def test_a_message_for_several_scans_one_who_failed_meanwhile_alone(
    stage: Stage, crowd: Crowd
) -> None:
    everybody = crowd(1, 1, 1)
    claim(stage)
    stage.value("UPDATE users SET attempts = 2 WHERE id = :id RETURNING 1", id=everybody[1].id)

    outcomes = stage.collector().scan_together(ids(*everybody))

    assert outcomes == [Outcome(ScanState.DONE, 1)] * 3
    assert queries(stage) == 2


def test_who_share_a_request_share_a_transaction(stage: Stage, crowd: Crowd) -> None:
    everybody = crowd(1, 2, 3)
    claim(stage)

    stage.collector().scan_together(ids(*everybody))

    day = TODAY + timedelta(days=1)
    for table, column in (("scans", "day"), ("daily_stats", "date")):
        transactions = f"SELECT count(DISTINCT xmin::text) FROM {table} WHERE {column} = :day"
        assert stage.value(transactions, day=day) == 1


def test_one_that_cannot_be_stored_does_not_touch_the_others(stage: Stage, crowd: Crowd) -> None:
    first, bad, third = crowd(1, 1, 1)
    claim(stage)
    with stage.engine.begin() as connection:
        connection.execute(
            text(f"ALTER TABLE ownerships ADD CHECK (user_id <> {bad.id}) NOT VALID")
        )
        connection.execute(text("DELETE FROM daily_stats"))
        connection.execute(text(f"DELETE FROM ownerships WHERE user_id = {bad.id}"))

    with pytest.raises(IntegrityError):
        stage.collector().scan_together(ids(first, bad, third))

    day = TODAY + timedelta(days=1)
    assert [bool(stage.rows(each).get(day)) for each in (first, bad, third)] == [True, False, True]
    assert [stage.record(each).state for each in (first, bad, third)] == [
        ScanState.DONE,
        ScanState.CLAIMED,
        ScanState.DONE,
    ]


def test_as_many_users_as_share_a_request_share_a_message(stage: Stage, crowd: Crowd) -> None:
    everybody = crowd(*[1] * 30, *[69] * 3, 80)
    claims = claim(stage)

    sent = list(messages([], claims, stage.github().room_beside))

    assert [1 + len(message.others) for message in sent] == [1, 2, 2, 29]
    more = messages([], claims, stage.github().room_beside, requests=3)
    assert [1 + len(message.others) for message in more] == [5, 29]
    named = [user for message in sent for user in (message.arguments[0], *message.others)]
    assert sorted(named, key=int) == sorted(ids(*everybody))


def test_without_a_token_everybody_is_alone(stage: Stage) -> None:
    assert stage.github(token=None).room_beside(1) == 0


@pytest.mark.parametrize("size", [1, 2, 5, 20, 69, 70, 100])
def test_as_many_go_together_as_one_point_pays_for(size: int) -> None:
    accounts = accounts_for_a_point(size)

    assert points(accounts, size) == 1
    assert accounts == 1 or accounts * (1 + size) <= 149
