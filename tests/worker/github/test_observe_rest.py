"""What is seen of an account without a token."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.repositories import Counts
from simulator import Fault, FaultKind, Limits, Match
from tests.worker.github.lab import Lab, counts, known, target
from worker.github.errors import Gone, TryAgain
from worker.github.observation import Shortfall

LIST = Match(path=r"/repos\?")
ONE = r"^/repositories/"


def test_true_watchers_take_one_request_for_each_repository(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 3)

    observation = anonymous.observe(account)

    assert counts(observation) == anonymous.truth(account)
    assert observation.expected == 3
    assert len(anonymous.simulator.requests) == 2 + 3


def test_all_pages_of_a_list_are_read(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(token=None, limits=Limits.unlimited())
    account = lab.add("octocat", 130)

    assert counts(lab.observe(account)) == lab.truth(account)


def test_the_rest_of_a_large_account_follows_in_the_next_hour(
    make_lab: Callable[..., Lab],
) -> None:
    lab = make_lab(token=None, limits=Limits(unauthenticated=10))
    account = lab.add("octocat", 12)
    repositories = lab.world.repositories(account)

    first = lab.observe(account)
    assert len(counts(first)) == 8
    assert (first.expected, len(first.seen)) == (12, 12)
    assert first.wait == pytest.approx(3600, abs=2)

    lab.clock.now += first.wait or 0
    lab.simulator.reset_records()
    done = [repository for repository in repositories if repository.id in counts(first)]
    left = [repository for repository in repositories if repository.id not in counts(first)]
    second = lab.observe(
        account,
        known=known(done, is_listed=True, is_recorded=True) + known(left, is_listed=True),
        expected=first.expected,
    )
    assert counts(first) | counts(second) == lab.truth(account)
    assert second.expected == 12
    assert second.wait is None
    # Neither the account nor its list is asked for again.
    assert len(lab.simulator.requests) == 4


@pytest.mark.parametrize("kind", ["reset", "disconnect", "short_body", "truncated"])
def test_a_broken_connection_is_asked_again_at_once_and_once(anonymous: Lab, kind: str) -> None:
    account = anonymous.add("octocat", 1)
    anonymous.simulator.fail(kind)
    assert counts(anonymous.observe(account)) == anonymous.truth(account)

    anonymous.simulator.reset_records()
    anonymous.simulator.fail(kind, times=None)
    with pytest.raises(TryAgain):
        anonymous.observe(account)
    assert len(anonymous.simulator.requests) == 2


@pytest.mark.parametrize("kind", ["timeout", "server_error", "html_page"])
def test_what_would_only_come_again_is_not_repeated(anonymous: Lab, kind: str) -> None:
    account = anonymous.add("octocat", 1)
    anonymous.simulator.fail(kind, times=None)

    with pytest.raises(TryAgain):
        anonymous.observe(account)
    assert len(anonymous.simulator.requests) == 1


def test_a_list_that_ends_too_early_is_read_again(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(token=None, limits=Limits.unlimited())
    account = lab.add("octocat", 130)
    lab.simulator.fail("no_next_page", match=LIST)

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.expected == 130


def test_a_list_that_ends_too_early_again_is_not_whole(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(token=None, limits=Limits.unlimited())
    account = lab.add("octocat", 130)
    lab.simulator.fail("no_next_page", times=None)

    observation = lab.observe(account)

    assert len(counts(observation)) == 100
    assert observation.expected is None
    assert observation.shortfalls == (Shortfall("GitHub counts 130 repositories and lists 100"),)


def test_a_list_that_fails_is_not_taken_for_a_vanished_account(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 3)
    anonymous.simulator.fail("not_found", match=LIST)

    observation = anonymous.observe(account, known=known(anonymous.world.repositories(account)))

    assert observation.account is not None
    assert observation.expected is None
    assert observation.gone == ()
    (missed,) = observation.shortfalls
    assert missed.reason.startswith("GitHub shows the account and not its repositories")
    assert missed.can_pass


@pytest.mark.parametrize("reason", ["dmca", "tos", "unavailable"])
def test_a_blocked_repository_costs_the_others_nothing(anonymous: Lab, reason: str) -> None:
    account = anonymous.add("octocat", 3)
    blocked = anonymous.world.repositories(account)[1]
    anonymous.world.block_repository(blocked, reason)

    observation = anonymous.observe(account, known=known(anonymous.world.repositories(account)))

    assert counts(observation) == anonymous.truth(account)
    assert observation.expected == 3
    assert observation.gone == ()
    assert observation.shortfalls == (
        Shortfall(f"repository {blocked.id}: GitHub blocks it: {reason}", can_pass=False),
    )


def test_a_listed_repository_that_a_look_denies_is_not_gone(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 3)
    anonymous.simulator.fail("not_found", match=ONE)

    observation = anonymous.observe(account)

    assert len(counts(observation)) == 2
    assert observation.gone == ()
    assert observation.expected == 3
    assert "is listed" in observation.shortfalls[0].reason
    assert observation.shortfalls[0].can_pass


def test_a_deleted_repository_is_gone_after_a_direct_look(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 3)
    repositories = known(anonymous.world.repositories(account))
    anonymous.world.delete_repository(anonymous.world.repositories(account)[1])

    observation = anonymous.observe(account, known=repositories)

    assert observation.gone == (repositories[1].id,)
    assert observation.expected == 2


def test_the_last_repository_of_an_account_may_be_gone_too(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 1)
    repositories = known(anonymous.world.repositories(account))
    anonymous.world.delete_repository(anonymous.world.repositories(account)[0])

    assert anonymous.observe(account, known=repositories).gone == (repositories[0].id,)


def test_a_repository_that_moves_while_it_is_read_is_gone_from_here(anonymous: Lab) -> None:
    account, other = anonymous.add("octocat", 2), anonymous.add("hubot")
    moving = anonymous.world.repositories(account)[1]

    def move(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/repositories/{moving.id}":
            anonymous.world.transfer(moving, other)
        return anonymous.simulator.handle(request)

    github = anonymous.github(move)
    observation = github.observe(target(account))

    assert observation.gone == (moving.id,)
    assert [seen.id for seen in observation.seen] == [anonymous.world.repositories(account)[0].id]
    assert observation.expected == 1


def test_one_repository_that_fails_costs_the_others_nothing(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 3)
    anonymous.simulator.fail("server_error", match=ONE)

    observation = anonymous.observe(account)

    assert len(counts(observation)) == 2
    assert observation.expected == 3
    assert "502" in observation.shortfalls[0].reason
    assert observation.shortfalls[0].can_pass


def test_a_github_that_fails_all_the_time_is_left_alone(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 20)
    anonymous.simulator.fail("server_error", times=None, match=ONE)

    observation = anonymous.observe(account)

    assert len(anonymous.simulator.requests) == 2 + 3
    assert observation.shortfalls[-1] == Shortfall("17 more repositories were not read")


def test_repositories_that_always_fail_do_not_keep_others_from_being_read(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 8)
    repositories = anonymous.world.repositories(account)
    failing = "|".join(f"/repositories/{repository.id}" for repository in repositories[:3])
    anonymous.simulator.fail("server_error", times=None, match=Match(path=f"({failing})$"))
    found: dict[int, Counts] = {}
    for _ in range(30):
        left = [repository for repository in repositories if repository.id not in found]
        anonymous.clock.now += 3600
        found |= counts(anonymous.observe(account, known=known(left, is_listed=True), expected=8))

    assert set(found) == {repository.id for repository in repositories[3:]}


def test_a_scan_that_takes_too_long_hands_over_what_it_has(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 10)

    def slow(request: httpx.Request) -> httpx.Response:
        anonymous.clock.now += 100
        return anonymous.simulator.handle(request)

    observation = anonymous.github(slow).observe(target(account))

    assert len(counts(observation)) == 4
    assert observation.wait == 1


@pytest.mark.parametrize("field", ["stargazers", "forks", "watchers"])
@pytest.mark.parametrize("value", [-1, 2**31])
def test_counts_that_cannot_be_true_are_never_stored(
    anonymous: Lab, field: str, value: int
) -> None:
    account = anonymous.add("octocat", 2)
    anonymous.simulator.fail(
        Fault(FaultKind.COUNTS, field=field, value=value, repository="r1"), times=None
    )

    observation = anonymous.observe(account)

    assert len(counts(observation)) == 1
    assert observation.expected == 2
    assert "no usable counts" in observation.shortfalls[0].reason


@pytest.mark.parametrize("privacy", [None, "missing", 0, "false"])
@pytest.mark.parametrize("path", ["/repos", "/repositories/"], ids=["listed", "read"])
def test_a_repository_is_public_only_if_github_says_so(
    anonymous: Lab, path: str, privacy: Any
) -> None:
    account = anonymous.add("octocat", 2)
    unclear, public = anonymous.world.repositories(account)

    def answer(request: httpx.Request) -> httpx.Response:
        content = anonymous.simulator.handle(request).json()
        if path in request.url.path:
            for item in content if isinstance(content, list) else [content]:
                if item["id"] == unclear.id:
                    item["private"] = privacy
                    if privacy == "missing":
                        del item["private"]
        return httpx.Response(200, json=content)

    observation = anonymous.github(answer).observe(target(account))

    assert list(counts(observation)) == [public.id]
    if path == "/repos":
        assert [seen.id for seen in observation.seen] == [public.id]


def test_a_redirect_loop_ends(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 1)
    anonymous.simulator.fail("redirect_loop", times=None)

    with pytest.raises(TryAgain, match="redirect loop"):
        anonymous.observe(account)
    assert len(anonymous.simulator.requests) == 2


def test_one_redirect_is_followed(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 1)
    anonymous.simulator.fail("redirect_loop", times=1)

    assert counts(anonymous.observe(account)) == anonymous.truth(account)


def test_an_account_has_to_be_denied_twice(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 1)
    anonymous.simulator.fail("not_found")
    assert counts(anonymous.observe(account)) == anonymous.truth(account)

    anonymous.world.delete_account(account)
    anonymous.simulator.reset_records()
    with pytest.raises(Gone):
        anonymous.observe(account)
    assert len(anonymous.simulator.requests) == 2


def test_what_needs_credentials_is_no_refusal_where_none_were_given(anonymous: Lab) -> None:
    account = anonymous.add("octocat", 2)
    anonymous.simulator.fail("unauthorized", match=ONE)

    observation = anonymous.observe(account)

    assert len(counts(observation)) == 1
    assert observation.wait is None
    assert anonymous.redis.keys("*refused*") == []
