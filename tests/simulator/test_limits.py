import threading
from collections.abc import Iterator

import httpx
import pytest

from simulator import GitHubSimulator, LimitForm, Limits, World
from tests.simulator.clients import client_of
from tests.simulator.conftest import Clock

QUERY = {"query": "{ viewer { id } }"}


def limited(world: World, clock: Clock, limits: Limits) -> GitHubSimulator:
    account = world.account("octocat") or world.add_account("octocat")
    tokens = {"good": account, "same user": account, "other": None}
    return GitHubSimulator(world, tokens=tokens, limits=limits, clock=clock)


@pytest.fixture
def short(world: World, clock: Clock) -> Iterator[tuple[GitHubSimulator, httpx.Client]]:
    simulator = limited(world, clock, Limits(core=2, graphql=2))
    with client_of(simulator) as client:
        yield simulator, client


def test_a_used_up_rest_budget_is_a_403_until_the_hour_is_over(
    short: tuple[GitHubSimulator, httpx.Client], clock: Clock
) -> None:
    _, client = short
    remaining = [client.get("/users/octocat").headers["x-ratelimit-remaining"] for _ in range(2)]

    refused = client.get("/users/octocat")

    assert remaining == ["1", "0"]
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("API rate limit exceeded for user ID ")
    clock.now = int(refused.headers["x-ratelimit-reset"])
    assert client.get("/users/octocat").status_code == 200


def test_a_used_up_graphql_budget_is_a_200_with_an_error(
    short: tuple[GitHubSimulator, httpx.Client],
) -> None:
    _, client = short
    for _ in range(2):
        assert "data" in client.post("/graphql", json=QUERY).json()

    refused = client.post("/graphql", json=QUERY)

    assert refused.status_code == 200
    assert refused.json()["errors"][0]["type"] == "RATE_LIMITED"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-resource"] == "graphql"
    assert client.get("/users/octocat").status_code == 200


def test_tokens_of_one_user_share_a_budget_and_others_do_not(world: World, clock: Clock) -> None:
    simulator = limited(world, clock, Limits(core=10, unauthenticated=3))
    remaining = []
    for token in ("good", "same user", "other", None):
        with client_of(simulator, token) as client:
            response = client.get("/users/octocat")
            remaining.append(int(response.headers["x-ratelimit-remaining"]))

    assert remaining == [9, 8, 9, 2]


def test_reading_the_limit_is_free(short: tuple[GitHubSimulator, httpx.Client]) -> None:
    simulator, client = short
    for _ in range(5):
        content = client.get("/rate_limit").json()

    assert content["resources"]["core"]["remaining"] == 2
    assert simulator.violations == []


def test_a_request_after_nothing_remained_is_a_violation(
    short: tuple[GitHubSimulator, httpx.Client], clock: Clock
) -> None:
    simulator, client = short
    for _ in range(2):
        client.get("/users/octocat")
    assert simulator.violations == []

    client.post("/graphql", json=QUERY)
    assert simulator.violations == []
    client.get("/users/octocat")
    assert [violation.reason for violation in simulator.violations] == ["nothing remains"]

    clock.now += 3_601
    client.get("/users/octocat")
    assert len(simulator.violations) == 1


def test_too_many_points_a_minute_exceed_the_secondary_limit(world: World, clock: Clock) -> None:
    simulator = limited(world, clock, Limits(core_points_a_minute=3, secondary_wait=60))
    with client_of(simulator) as client:
        statuses = [client.get("/users/octocat").status_code for _ in range(3)]
        refused = client.get("/users/octocat")
        clock.now += 30
        again = client.post("/graphql", json=QUERY)
        clock.now += 30
        later = client.get("/users/octocat")

    assert statuses == [200, 200, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (403, "60")
    assert "secondary rate limit" in refused.json()["message"]
    assert (again.status_code, again.headers["retry-after"]) == (403, "30")
    assert later.status_code == 200
    assert len(simulator.violations) == 1


@pytest.mark.parametrize(
    ("form", "retry_after", "remaining"),
    [
        (LimitForm.RETRY_AFTER, "60", "4999"),
        (LimitForm.RESET, None, "0"),
        (LimitForm.QUOTA_LEFT, None, "4999"),
        (LimitForm.BARE, None, None),
    ],
)
def test_a_secondary_limit_shows_in_the_chosen_form(
    world: World, clock: Clock, form: LimitForm, retry_after: str | None, remaining: str | None
) -> None:
    limits = Limits(core_points_a_minute=1, secondary_form=form, secondary_status=429)
    with client_of(limited(world, clock, limits)) as client:
        client.get("/users/octocat")
        refused = client.get("/users/octocat")

    assert refused.status_code == 429
    assert refused.headers.get("retry-after") == retry_after
    assert refused.headers.get("x-ratelimit-remaining") == remaining
    assert not [name for name in refused.headers if name.startswith("x-simulator")]


def test_too_many_requests_at_once_exceed_the_secondary_limit(world: World, clock: Clock) -> None:
    simulator = limited(world, clock, Limits(concurrency=2))
    simulator.latency = 0.3
    statuses = []

    def call() -> None:
        with client_of(simulator) as client:
            statuses.append(client.get("/users/octocat").status_code)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 200, 403]
    assert simulator.peak_in_flight == 3


def test_a_request_under_way_when_the_wait_is_stated_is_no_violation(
    world: World, clock: Clock
) -> None:
    simulator = limited(world, clock, Limits(core_points_a_minute=1))
    request = httpx.Request(
        "GET", "https://api.github.com/users/octocat", headers={"Authorization": "Bearer good"}
    )
    request.headers["User-Agent"] = "test"

    with simulator.flight() as under_way:
        for _ in range(2):
            with simulator.flight() as flight:
                outcome = simulator.decide(request, flight)
        assert outcome.answer.status == 403
        simulator.decide(request, under_way)
    assert simulator.violations == []

    simulator.handle(request)
    assert len(simulator.violations) == 1
