"""What is seen of an account by GraphQL on GitHub's bad days."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulator import Account, Fault, FaultKind, Limits, Match
from tests.worker.github.lab import Lab, counts, known, target
from worker.github.errors import CredentialsRefused, Limited, QueryWrong, TryAgain
from worker.github.observation import Shortfall
from worker.github.watchers import WatcherAccess

REPOSITORIES = Match(resource="graphql", contains="query Repositories")
LOOK = Match(resource="graphql", contains="query Look")


def pages(lab: Lab) -> list[int]:
    """How many repositories each page was asked for."""
    return [content["variables"]["first"] for content in queries(lab)]


def queries(lab: Lab) -> list[dict[str, Any]]:
    return [content for content in BODIES if "first" in content["variables"]]


BODIES: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is asked of GraphQL."""
    BODIES.clear()
    build = httpx.Client.build_request

    def keep(client: httpx.Client, *args: Any, **options: Any) -> httpx.Request:
        if "json" in options:
            BODIES.append(options["json"])
        return build(client, *args, **options)

    monkeypatch.setattr(httpx.Client, "build_request", keep)


def test_one_point_shows_a_hundred_repositories_with_true_watchers(lab: Lab) -> None:
    account = lab.add("octocat", 100, name="The Octocat")
    lab.observe(account)
    lab.simulator.reset_records()

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.expected == 100
    assert observation.account is not None
    assert observation.account.name == "The Octocat"
    assert [request.cost for request in lab.simulator.requests] == [1]


def test_all_pages_are_read(lab: Lab) -> None:
    account = lab.add("octocat", 231)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert pages(lab) == [100, 100, 41]


def test_the_first_page_follows_the_known_number_of_repositories(lab: Lab) -> None:
    account = lab.add("octocat", 7)

    observation = lab.observe(account, known=known(lab.world.repositories(account)))

    assert pages(lab) == [17]
    assert observation.expected == 7


def test_more_repositories_than_were_known_are_read_to_the_end(lab: Lab) -> None:
    account = lab.add("octocat", 150)

    observation = lab.observe(account, known=known(lab.world.repositories(account)[:2]))

    assert len(counts(observation)) == 150
    assert pages(lab) == [12, 100, 48]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.HEAVY_PAGE, limit=30),
        Fault(FaultKind.HEAVY_PAGE, limit=30, status=504),
        Fault(FaultKind.HEAVY_PAGE, limit=30, status=200),
    ],
)
def test_a_page_that_is_too_heavy_is_halved_and_stays_small(lab: Lab, fault: Fault) -> None:
    account = lab.add("octocat", 60)
    lab.simulator.fail(fault, times=None)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert pages(lab) == [100, 50, 25, 25, 20]


@pytest.mark.parametrize("kind", ["timed_out", "resource_limits", "timeout", "html_page"])
def test_a_timeout_is_not_repeated_at_full_size(lab: Lab, kind: str) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(kind)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert pages(lab) == [100, 50]


def test_no_question_is_asked_twice_while_pages_shrink(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail("server_error", times=None)

    with pytest.raises(TryAgain):
        lab.observe(account)

    assert pages(lab) == [100, 50, 25, 12, 6, 5]


def test_a_small_account_is_asked_for_in_small_pages_only(lab: Lab) -> None:
    account = lab.add("octocat", 1)
    lab.simulator.fail("server_error", times=None)

    with pytest.raises(TryAgain):
        lab.observe(account, known=known(lab.world.repositories(account)))

    assert pages(lab) == [11, 5]


@pytest.mark.parametrize(
    "kind", ["reset", "disconnect", "short_body", "connect_error", "truncated"]
)
def test_a_broken_connection_is_asked_again_at_once_and_once(lab: Lab, kind: str) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(kind)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert len(lab.simulator.requests) == 2

    lab.simulator.reset_records()
    lab.simulator.fail(kind, times=None)
    with pytest.raises(TryAgain):
        lab.observe(account)
    assert len(lab.simulator.requests) == 2


def test_a_body_of_html_is_no_answer(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.HTML_PAGE, status=200))

    assert counts(lab.observe(account)) == lab.truth(account)


def test_json_is_json_whatever_its_content_type(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail("content_type")

    assert counts(lab.observe(account)) == lab.truth(account)
    assert len(lab.simulator.requests) == 1


def test_a_query_that_github_does_not_understand_is_told_once_as_our_fault(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.API_VERSION, status=410), times=None)
    github = lab.github()

    for _ in range(3):
        with pytest.raises(QueryWrong, match="no longer supported"):
            lab.observe(account, github)

    assert [record.levelno for record in caplog.records] == [logging.ERROR]


# Parts of an answer


def test_a_silent_null_costs_one_repository_nothing_where_it_is_known(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.NULL_NODE, repository="r1"), times=None)

    observation = lab.observe(account, known=known(lab.world.repositories(account)))

    assert counts(observation) == lab.truth(account)
    assert lab.paths() == ["/graphql", "/graphql"]


def test_a_silent_null_of_a_new_repository_is_a_gap_with_a_reason(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.NULL_NODE, repository="r1"), times=None)

    observation = lab.observe(account)

    assert len(counts(observation)) == 2
    assert observation.expected == 3
    assert observation.shortfalls == (Shortfall("GitHub shows nothing of some repositories"),)
    assert observation.gone == ()


def test_a_repository_behind_single_sign_on_costs_the_others_nothing(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.SAML, repository="r1"), times=None)

    observation = lab.observe(account)

    assert len(counts(observation)) == 2
    assert observation.expected == 3
    [refusal] = observation.shortfalls
    assert "SAML enforcement" in refusal.reason
    assert not refusal.can_pass


def test_an_account_behind_single_sign_on_is_seen_by_rest(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.SAML), times=None)

    assert counts(lab.observe(account)) == lab.truth(account)


@pytest.mark.parametrize("reason", ["dmca", "tos", "unavailable"])
def test_a_blocked_repository_costs_the_others_nothing(lab: Lab, reason: str) -> None:
    account = lab.add("octocat", 3)
    repositories = lab.world.repositories(account)
    lab.world.block_repository(repositories[1], reason)

    observation = lab.observe(account, known=known(repositories))

    assert counts(observation) == lab.truth(account)
    assert observation.expected == 3
    assert observation.gone == ()
    assert any(f"GitHub blocks it: {reason}" in told.reason for told in observation.shortfalls)
    assert not any(told.can_pass for told in observation.shortfalls)


def test_an_absent_answer_is_asked_for_again_later(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail("missing_alias", times=None)

    with pytest.raises(TryAgain, match="GraphQL"):
        lab.observe(account)


def test_a_list_that_ends_too_early_is_asked_for_again(lab: Lab) -> None:
    account = lab.add("octocat", 150)
    lab.simulator.fail("no_next_page")

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.expected == 150


def test_a_list_that_ends_too_early_again_and_again_is_not_whole(lab: Lab) -> None:
    account = lab.add("octocat", 350)
    lab.simulator.fail("no_next_page", times=None)

    observation = lab.observe(account)

    assert len(counts(observation)) == 200
    assert observation.expected is None
    assert observation.shortfalls == (
        Shortfall("GitHub counts 350 repositories and lists 150 fewer"),
    )


def test_a_list_that_does_not_go_on_ends(lab: Lab) -> None:
    account = lab.add("octocat", 150)

    def stuck(request: httpx.Request) -> httpx.Response:
        content = lab.simulator.handle(request).json()
        page_info = content["data"]["node"]["repositories"]["pageInfo"]
        page_info["hasNextPage"], page_info["endCursor"] = True, None
        return httpx.Response(200, json=content)

    observation = observe_through(lab, account, stuck)

    assert len(lab.simulator.requests) == 2
    assert observation.expected is None


def test_what_was_read_before_a_fault_is_kept(lab: Lab) -> None:
    account = lab.add("octocat", 150)
    lab.simulator.fail(
        "server_error", times=None, match=Match(resource="graphql", contains='"after":"')
    )

    observation = lab.observe(account)

    assert len(counts(observation)) == 100
    assert observation.expected is None
    assert observation.wait is None
    (error,) = observation.shortfalls
    assert "502" in error.reason or "Something went" in error.reason
    assert error.can_pass


def test_what_was_read_before_a_limit_is_kept(lab: Lab) -> None:
    account = lab.add("octocat", 150)
    lab.simulator.fail(
        Fault(FaultKind.SECONDARY_LIMIT, retry_after=90),
        match=Match(resource="graphql", contains='"after":"'),
    )

    observation = lab.observe(account)

    assert len(counts(observation)) == 100
    assert observation.wait == pytest.approx(90)


def test_what_was_read_before_a_refusal_is_kept(lab: Lab) -> None:
    account = lab.add("octocat", 150)
    lab.simulator.fail(
        "unauthorized", times=2, match=Match(resource="graphql", contains='"after":"')
    )

    observation = lab.observe(account)

    assert len(counts(observation)) == 100
    assert observation.wait is not None
    with pytest.raises(CredentialsRefused):
        lab.observe(account)


def test_a_limit_before_anything_was_seen_is_a_wait(lab: Lab) -> None:
    account = lab.add("octocat", 1)
    lab.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=90))

    with pytest.raises(Limited) as limited:
        lab.observe(account)
    assert limited.value.wait == 90


# Watchers


def test_one_repository_with_refused_watchers_is_counted_by_rest(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.FORBIDDEN_WATCHERS, repository="r1"), times=None)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert [path.partition("s/")[0] for path in lab.paths()] == [
        "/graphql",
        "/graphql",
        "/repositorie",
    ]
    assert lab.redis.exists(f"repopulse:github:{lab.name}:watchers_closed") == 0


def test_closed_watchers_come_from_rest_and_are_told_once_to_the_operator(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = lab.add("octocat", 3), lab.add("hubot", 4)
    lab.simulator.fail("forbidden_watchers", times=None)

    assert counts(lab.observe(first)) == lab.truth(first)
    lab.simulator.reset_records()
    # Another process, which knows it from Redis.
    assert counts(lab.observe(second)) == lab.truth(second)

    assert lab.paths().count("/graphql") == 1
    assert len(lab.simulator.requests) == 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_two_workers_that_find_watchers_closed_at_once_tell_it_once(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        WatcherAccess(lab.redis, lab.name).mark_unavailable("FORBIDDEN")

    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_closed_watchers_are_asked_for_again_some_hours_later(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail("forbidden_watchers", times=1)
    lab.observe(account)
    key = f"repopulse:github:{lab.name}:watchers_closed"

    assert 5 * 3600 < lab.redis.ttl(key) <= 6 * 3600
    lab.redis.delete(key)
    lab.simulator.reset_records()
    lab.observe(account)
    assert lab.paths() == ["/graphql"]


def test_the_single_repository_of_an_account_says_nothing_of_all_watchers(lab: Lab) -> None:
    account = lab.add("octocat", 1)
    lab.simulator.fail("forbidden_watchers", times=None)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert lab.redis.exists(f"repopulse:github:{lab.name}:watchers_closed") == 0


def test_closed_watchers_are_counted_as_far_as_the_hour_goes(
    make_lab: Callable[..., Lab],
) -> None:
    lab = make_lab(limits=Limits(core=4))
    account = lab.add("octocat", 6)
    repositories = lab.world.repositories(account)
    lab.simulator.fail("forbidden_watchers", times=None)

    first = lab.observe(account)
    assert len(counts(first)) == 4
    assert first.expected == 6
    assert first.wait is not None
    assert len(first.seen) == 6

    lab.clock.now += first.wait
    done = [repository for repository in repositories if repository.id in counts(first)]
    left = [repository for repository in repositories if repository.id not in counts(first)]
    second = lab.observe(account, known=known(done, is_recorded=True) + known(left), expected=6)
    assert counts(first) | counts(second) == lab.truth(account)
    assert second.wait is None
    assert lab.simulator.violations == []


@pytest.mark.parametrize("value", [-1, 2**31, 10**30])
def test_counts_that_cannot_be_true_are_never_stored(lab: Lab, value: int) -> None:
    account = lab.add("octocat", 3)
    with_value: dict[str, Any] = {"repository": "r1", "value": value}
    if value > 2**62:
        # More than the simulator's own JSON can say.
        observation = observe_through(lab, account, lambda request: absurd(lab, request, value))
    else:
        lab.simulator.fail(Fault(FaultKind.COUNTS, field="forks", **with_value), times=None)
        observation = lab.observe(account)

    absurd_id = lab.world.repositories(account)[1].id
    expected = {id_: seen for id_, seen in lab.truth(account).items() if id_ != absurd_id}
    assert {id_: counts(observation)[id_] for id_ in expected} == expected
    assert counts(observation).get(absurd_id) in (None, lab.truth(account)[absurd_id])
    assert observation.expected == 3


def absurd(lab: Lab, request: httpx.Request, value: int) -> httpx.Response:
    response = lab.simulator.handle(request)
    return httpx.Response(
        200, content=response.text.replace('"forkCount":11', f'"forkCount":{value}')
    )


def test_an_absurd_count_is_made_good_by_rest_where_that_tells_the_truth(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    lab.simulator.fail(Fault(FaultKind.COUNTS, value=-1, repository="r1"), match="graphql")

    assert counts(lab.observe(account)) == lab.truth(account)


@pytest.mark.parametrize("value", [True, 3.0, "3", None])
def test_a_count_is_a_whole_number_and_nothing_else(lab: Lab, value: Any) -> None:
    account = lab.add("octocat", 1)

    def odd(request: httpx.Request) -> httpx.Response:
        response = lab.simulator.handle(request)
        text = response.text.replace('"forkCount":10', f'"forkCount":{json.dumps(value)}')
        return httpx.Response(200, content=text.replace('"forks_count":10', '"forks_count":-1'))

    assert counts(observe_through(lab, account, odd)) == {}


@pytest.mark.parametrize("privacy", [None, "missing", 0, "false"])
def test_a_repository_is_public_only_if_github_says_so(lab: Lab, privacy: Any) -> None:
    account = lab.add("octocat", 2)
    unclear, public = lab.world.repositories(account)

    def answer(request: httpx.Request) -> httpx.Response:
        content = lab.simulator.handle(request).json()
        for item in content["data"].get("node", {}).get("repositories", {}).get("nodes", []):
            if item["databaseId"] == unclear.id:
                item["isPrivate"] = privacy
                if privacy == "missing":
                    del item["isPrivate"]
        return httpx.Response(200, json=content)

    observation = observe_through(lab, account, answer)

    assert [seen.id for seen in observation.seen] == [public.id]


def observe_through(
    lab: Lab, account: Account, answer: Callable[[httpx.Request], httpx.Response]
) -> Any:
    """Observe through a function that answers instead of the simulator."""
    return lab.github(answer).observe(target(account))
