import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from common.credentials import quota_key
from simulator import Fault, FaultKind, LimitForm, Limits
from tests.waiting import wait_until
from tests.worker.github.lab import FakeClock, Lab
from worker.github.budget import PACE, Budget
from worker.github.errors import Limited
from worker.github.meaning import Answer, Meaning
from worker.github.quota import Quota

GOOD = Answer(Meaning.DATA, quota=Quota("core", 5000, 4000, 1800))
UNCOUNTED = Answer(Meaning.DATA)
"""Of a server that counts no requests."""
WIDE = {"core": (10**6, 10**6), "graphql": (10**6, 10**6)}
SECONDARY = Answer(Meaning.LIMITED, reason="secondary")


def teach(budget: Budget, quota: Quota = GOOD.quota) -> None:  # type: ignore[assignment]
    permit = budget.acquire(quota.resource)
    budget.settle(permit, Answer(Meaning.DATA, quota=quota))


def test_one_request_at_a_time_is_in_flight_unless_told_otherwise(lab: Lab) -> None:
    teach(lab.budget())
    lab.budget().acquire("core")

    with pytest.raises(Limited, match="in flight"):
        lab.budget(patience=1).acquire("core")
    # Both resources count together.
    with pytest.raises(Limited, match="in flight"):
        lab.budget(patience=1).acquire("graphql")


def test_waiting_in_vain_for_a_place_is_a_wait_and_no_failure(lab: Lab) -> None:
    teach(lab.budget())
    lab.budget().acquire("core")

    with pytest.raises(Limited) as limited:
        lab.budget(patience=5).acquire("core")

    assert sum(lab.clock.slept) == pytest.approx(5, abs=0.1)
    assert 15 <= limited.value.wait <= 30


@pytest.mark.parametrize("answer", [GOOD, UNCOUNTED], ids=["counted", "not-counted"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_many_threads_never_have_more_in_flight_than_allowed(
    lab: Lab, concurrency: int, answer: Answer
) -> None:
    # Real time: threads that wait for each other cannot share a clock that each of them moves.
    budgets = [Budget(lab.redis, lab.name, concurrency=concurrency, pace=WIDE) for _ in range(8)]
    in_flight, peak, lock = 0, 0, threading.Lock()

    def ask(budget: Budget) -> None:
        nonlocal in_flight, peak
        for _ in range(5):
            permit = budget.acquire("core")
            with lock:
                in_flight += 1
                peak = max(peak, in_flight)
            time.sleep(0.03)  # so that requests would overlap
            with lock:
                in_flight -= 1
            budget.settle(permit, answer)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, budgets))

    assert peak == concurrency


def test_whoever_waits_for_a_place_is_woken_when_one_is_free(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than this test may take: nobody looks again unwoken.
    monkeypatch.setattr("worker.github.budget._LOOK_AGAIN", 1000)
    holder, waiter = (Budget(lab.redis, lab.name, patience=1000, pace=WIDE) for _ in range(2))
    teach(holder)
    permit = holder.acquire("core")
    # What was freed before is gone after one look.
    lab.redis.delete(f"repopulse:github:{lab.name}:freed")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waiter.acquire, "core")
        wait_until(lambda: lab.redis.info("clients")["blocked_clients"] == 1)
        holder.settle(permit, GOOD)

        assert waiting.result(10).resource == "core"


def test_a_place_that_was_freed_just_before_somebody_waits_is_found(lab: Lab) -> None:
    budget = Budget(lab.redis, lab.name, pace=WIDE)
    teach(budget)

    assert lab.redis.llen(f"repopulse:github:{lab.name}:freed") == 1
    for _ in range(5):
        budget.settle(budget.acquire("core"), GOOD)
    assert lab.redis.llen(f"repopulse:github:{lab.name}:freed") == 2


def test_the_leave_of_a_killed_worker_ends(lab: Lab) -> None:
    teach(lab.budget())
    lab.budget().acquire("core")

    lab.clock.now += 39
    with pytest.raises(Limited):
        lab.budget(patience=0.5).acquire("core")
    lab.clock.now += 1
    lab.budget(patience=0).acquire("core")


def test_what_nobody_knows_is_learned_by_one_request(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)

    probe = budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")
    budget.settle(probe, GOOD)

    for _ in range(10):
        budget.acquire("core")


def test_an_emptied_redis_lets_one_request_through_and_no_burst(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)
    teach(budget)
    lab.redis.flushall()

    budget.acquire("core")
    for _ in range(5):
        with pytest.raises(Limited, match="in flight"):
            budget.acquire("core")


def test_a_new_window_is_learned_by_one_request_too(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)
    teach(budget)
    lab.clock.now += 1801

    budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")


def test_a_good_answer_that_leaves_nothing_stops_everybody_until_the_reset(lab: Lab) -> None:
    lab.add("octocat")
    lab.simulator.fail("last_point")
    lab.transport().get("/users/octocat", is_load=True)

    for _ in range(3):
        with pytest.raises(Limited, match="used up") as limited:
            lab.transport().get("/users/octocat", is_load=True)
    assert len(lab.simulator.requests) == 1

    lab.clock.now += limited.value.wait
    lab.transport().get("/users/octocat", is_load=True)
    assert lab.simulator.violations == []


def test_a_late_answer_brings_nothing_back_within_a_window(lab: Lab) -> None:
    budget = lab.budget(concurrency=2)
    teach(budget)
    first, second = budget.acquire("core"), budget.acquire("core")

    budget.settle(second, Answer(Meaning.DATA, quota=Quota("core", 5000, 0, 1800)))
    budget.settle(first, Answer(Meaning.DATA, quota=Quota("core", 5000, 1, 1800)))

    with pytest.raises(Limited):
        budget.acquire("core", is_load=True)


def test_a_late_answer_of_another_window_ends_no_wait_either(lab: Lab) -> None:
    budget = lab.budget(concurrency=2)
    teach(budget)
    first, second = budget.acquire("core"), budget.acquire("core")

    budget.settle(second, Answer(Meaning.LIMITED, wait=30, of_resource=True))
    budget.settle(first, Answer(Meaning.DATA, quota=Quota("core", 5000, 4000, 1800)))

    with pytest.raises(Limited, match="used up") as limited:
        budget.acquire("core", is_load=True)
    assert limited.value.wait == pytest.approx(30, abs=0.01)
    lab.clock.now += 30
    budget.acquire("core", is_load=True)


@pytest.mark.parametrize("resource", ["core", "graphql"])
def test_the_background_leaves_three_tenths_to_scans_and_loads(lab: Lab, resource: str) -> None:
    budget = lab.budget()
    quota = Quota(resource, 100, 31, 1800)
    budget.settle(budget.acquire(resource), Answer(Meaning.DATA, quota=quota))

    budget.settle(budget.acquire(resource, is_background=True), Answer(Meaning.DATA))
    with pytest.raises(Limited, match="used up"):
        budget.acquire(resource, is_background=True)
    for _ in range(25):
        budget.settle(budget.acquire(resource), Answer(Meaning.DATA))
    with pytest.raises(Limited, match="used up"):
        budget.acquire(resource)
    budget.acquire(resource, is_load=True)


def test_requests_on_their_way_are_taken_off_what_an_answer_tells(lab: Lab) -> None:
    budget = lab.budget(concurrency=3)
    teach(budget)
    first = budget.acquire("core")
    budget.acquire("core", cost=7)

    budget.settle(first, Answer(Meaning.DATA, quota=Quota("core", 100, 10, 1800)))

    for _ in range(2):
        budget.settle(budget.acquire("core", is_load=True), Answer(Meaning.DATA))
    budget.acquire("core", is_load=True)
    with pytest.raises(Limited, match="used up"):
        budget.acquire("core", is_load=True)


def test_requests_in_flight_for_one_resource_are_not_subtracted_from_the_other(lab: Lab) -> None:
    budget = lab.budget(concurrency=3)
    teach(budget)
    teach(budget, Quota("graphql", 5000, 4000, 1800))
    core = budget.acquire("core")
    budget.acquire("graphql", cost=7)

    budget.settle(core, Answer(Meaning.DATA, quota=Quota("core", 100, 10, 1800)))

    budget.acquire("core", cost=10, is_load=True)


def test_a_request_that_may_never_have_arrived_is_not_charged(lab: Lab) -> None:
    budget = lab.budget()
    teach(budget, Quota("core", 10, 2, 1800))

    for _ in range(10):
        permit = budget.acquire("core", is_load=True)
        budget.settle(permit, Answer(Meaning.TRY_AGAIN, reason="no connection"))


@pytest.mark.parametrize(("limit", "reserve"), [(5000, 250), (500, 25), (60, 3)])
def test_a_part_of_what_github_gives_is_kept_back_for_loads(
    lab: Lab, limit: int, reserve: int
) -> None:
    budget = lab.budget()
    teach(budget, Quota("core", limit, reserve, 1800))

    with pytest.raises(Limited, match="used up"):
        budget.acquire("core")
    budget.acquire("core", is_load=True)


def test_a_stated_wait_holds_for_every_worker_and_both_resources(lab: Lab) -> None:
    lab.add("octocat")
    lab.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=90))
    lab.transport().get("/users/octocat")

    for ask in ("core", "graphql") * 2:
        with pytest.raises(Limited, match="secondary rate limit") as limited:
            lab.budget().acquire(ask, is_load=True)
        assert limited.value.wait == pytest.approx(90, abs=0.01)
    lab.clock.now += 90
    assert lab.transport().get("/users/octocat").meaning is Meaning.DATA
    assert lab.simulator.violations == []


def test_an_hour_that_is_used_up_leaves_the_other_resource_alone(lab: Lab) -> None:
    account = lab.add("octocat", repositories=2)
    lab.simulator.fail(Fault(FaultKind.PRIMARY_LIMIT, seconds=600, remaining=17))
    lab.transport().get("/users/octocat")

    assert len(lab.observe(account).seen) == 2
    with pytest.raises(Limited, match="used up") as limited:
        lab.transport().get("/users/octocat", is_load=True)
    assert limited.value.wait == pytest.approx(601, abs=1)
    assert lab.simulator.violations == []


def test_a_limit_that_names_no_time_waits_twice_as_long_each_time(lab: Lab) -> None:
    waits = []
    for _ in range(6):
        wait = lab.budget().settle(lab.budget().acquire("core"), SECONDARY)
        waits.append(wait)
        lab.clock.now += wait

    assert waits == [60, 120, 240, 480, 900, 900]

    budget = lab.budget()
    budget.settle(budget.acquire("core"), GOOD)
    assert budget.settle(budget.acquire("core"), SECONDARY) == 60


def test_refusals_that_were_on_their_way_together_count_once(lab: Lab) -> None:
    budget = lab.budget(concurrency=4)
    teach(budget)
    permits = [budget.acquire("core") for _ in range(4)]

    assert [budget.settle(permit, SECONDARY) for permit in permits] == [60, 60, 60, 60]


@pytest.mark.parametrize(("resource", "most"), [("core", 900), ("graphql", 2000)])
def test_no_minute_has_more_points_than_github_allows(lab: Lab, resource: str, most: int) -> None:
    budget = lab.budget(patience=1000)
    teach(budget, Quota(resource, 10**6, 10**6, 3600))
    # Asked in the second half of a minute, so that a count by the calendar's would allow twice.
    lab.clock.now += 85 - lab.clock.now % 60
    at = []
    for _ in range(2 * most):
        budget.settle(budget.acquire(resource), Answer(Meaning.DATA))
        at.append(lab.clock.now)

    busiest = max(sum(start <= moment < start + 60 for moment in at) for start in at[::50])
    assert sum(PACE[resource]) - 10 < busiest <= most


@pytest.mark.parametrize("wrong", [-7200, 7200])
def test_a_wrong_clock_of_the_host_does_no_harm(lab: Lab, wrong: float) -> None:
    # Budgets go by Redis' clock, resets by GitHub's Date: the host's own is not read at all.
    lab.simulator.clock = FakeClock(lab.clock.now + wrong)
    lab.add("octocat")
    lab.simulator.fail("last_point")
    lab.transport().get("/users/octocat")

    with pytest.raises(Limited) as limited:
        lab.transport().get("/users/octocat")
    assert 3599 <= limited.value.wait <= 3601


def test_credentials_have_budgets_of_their_own(lab: Lab) -> None:
    lab.budget().settle(lab.budget().acquire("core"), replace(SECONDARY, wait=60.0))

    Budget(lab.redis, "another", now=lab.clock).acquire("core")


def test_nobody_asks_where_redis_does_not_answer(lab: Lab) -> None:
    lab.redis.connection_pool.reset()
    lab.redis.connection_pool.connection_kwargs["port"] = 1

    # A wait, and no failure of the account that is asked for.
    with pytest.raises(Limited, match="Redis does not answer"):
        lab.transport().get("/users/octocat")
    assert lab.simulator.requests == []


def test_an_answer_counts_although_redis_went_away_meanwhile(lab: Lab) -> None:
    account = lab.add("octocat")

    def answer_and_stop(request: httpx.Request) -> httpx.Response:
        response = lab.simulator.handle(request)
        lab.redis.connection_pool.reset()
        lab.redis.connection_pool.connection_kwargs["port"] = 1
        return response

    answer = lab.transport(answer_and_stop).get("/users/octocat")

    assert answer.data["id"] == account.id


@pytest.mark.parametrize(
    "fault", [Fault(FaultKind.SECONDARY_LIMIT, retry_after=90), Fault(FaultKind.LAST_POINT)]
)
def test_a_wait_that_redis_did_not_take_is_stored_before_the_next_permit(
    lab: Lab, fault: Fault
) -> None:
    lab.add("octocat")
    lab.simulator.fail(fault)
    kwargs = lab.redis.connection_pool.connection_kwargs
    port = kwargs["port"]

    def answer_and_stop(request: httpx.Request) -> httpx.Response:
        response = lab.simulator.handle(request)
        lab.redis.connection_pool.reset()
        kwargs["port"] = 1
        return response

    transport = lab.transport(answer_and_stop)
    transport.get("/users/octocat", is_load=True)
    kwargs["port"] = port
    lab.redis.connection_pool.reset()

    with pytest.raises(Limited):
        transport.get("/users/octocat", is_load=True)
    # Another worker, too.
    with pytest.raises(Limited, match=r"secondary rate limit|used up"):
        lab.budget(patience=0).acquire("core", is_load=True)
    assert len(lab.simulator.requests) == 1


def test_what_is_told_of_another_resource_teaches_nothing_of_this_one(lab: Lab) -> None:
    budget = lab.budget()
    budget.settle(budget.acquire("graphql"), Answer(Meaning.DATA, quota=Quota("core", 60, 0, 1800)))

    budget.acquire("graphql")


def test_quota_of_a_refused_credential_is_that_of_the_address(lab: Lab) -> None:
    budget = lab.budget()
    refusal = Answer(
        Meaning.CREDENTIALS_REFUSED, reason="HTTP 401", quota=Quota("core", 60, 0, 1800)
    )
    budget.settle(budget.acquire("core"), refusal)

    budget.acquire("core")
    assert lab.redis.hget(quota_key(lab.name, "core"), "limit") is None


@pytest.mark.parametrize("form", list(LimitForm))
def test_all_accounts_are_seen_in_the_end_however_little_github_allows(
    make_lab: Callable[..., Lab], form: LimitForm
) -> None:
    lab = make_lab(limits=replace(Limits.scaled(50), secondary_form=form))
    accounts = [lab.add(f"u{number}", repositories=1) for number in range(120)]
    workers = [lab.github() for _ in range(4)]
    left, waits = list(accounts), 0

    while left:
        try:
            observation = lab.observe(left[-1], workers[len(left) % 4])
        except Limited as limit:
            lab.clock.now += limit.wait
            waits += 1
            continue
        assert len(observation.seen) == 1
        left.pop()

    assert lab.simulator.violations == []
    assert 0 < waits < 10
    assert len(lab.simulator.requests) < 120 + 10


# Servers that count no requests


def test_server_without_limits_gets_as_many_requests_at_once_as_allowed(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)

    budget.settle(budget.acquire("core"), UNCOUNTED)

    for _ in range(10):
        budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")


def test_server_without_limits_is_asked_again_each_hour_whether_it_has_some(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)
    budget.settle(budget.acquire("core"), UNCOUNTED)
    lab.clock.now += 3601

    budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")


def test_limits_that_were_turned_on_count_at_once(lab: Lab) -> None:
    budget = lab.budget(concurrency=10, patience=0)
    budget.settle(budget.acquire("core"), UNCOUNTED)

    permits = [budget.acquire("core") for _ in range(2)]
    budget.settle(permits[0], Answer(Meaning.DATA, quota=Quota("core", 60, 0, 1800)))

    with pytest.raises(Limited, match="used up"):
        budget.acquire("core")
    # After this window nothing is known of the next.
    lab.clock.now += 1801
    budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")


@pytest.mark.parametrize(
    ("cost", "answer"),
    [
        (1, Answer(Meaning.GONE)),
        (1, Answer(Meaning.CREDENTIALS_REFUSED)),
        # GitHub tells the quota of another resource.
        (1, Answer(Meaning.DATA, quota=Quota("graphql", 5000, 4000, 1800))),
        # The token of an App's installation costs no point of the installation's.
        (0, UNCOUNTED),
    ],
)
def test_other_answers_without_a_quota_do_not_say_that_there_are_no_limits(
    lab: Lab, cost: int, answer: Answer
) -> None:
    budget = lab.budget(concurrency=10, patience=0)

    budget.settle(budget.acquire("core", cost=cost), answer)

    budget.acquire("core")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("core")
