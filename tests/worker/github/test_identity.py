"""Accounts and repositories are followed by their ids, whatever becomes of their names."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from simulator import Fault, FaultKind, LargeIds, Match
from simulator.node_ids import NodeType, new_id
from tests.worker.github.lab import Lab, counts, known, target
from worker.github.errors import Gone, TryAgain
from worker.github.observation import Shortfall, clean_name

LARGE = 2**31 + 7


@pytest.fixture(params=["good", None], ids=["token", "anonymous"])
def either(request: pytest.FixtureRequest, make_lab: Callable[..., Lab]) -> Lab:
    """A lab with a token, and one without."""
    return make_lab(token=request.param)


def test_a_renamed_account_is_followed(either: Lab) -> None:
    account = either.add("octocat", 2)
    asked = target(account)
    either.world.rename_account(account, "octopus")

    observation = either.github().observe(asked)

    assert observation.account is not None
    assert observation.account.login == "octopus"
    assert counts(observation) == either.truth(account)


def test_another_account_with_the_old_login_is_not_mistaken_for_it(either: Lab) -> None:
    account = either.add("octocat", 2)
    asked = target(account)
    either.world.rename_account(account, "octopus")
    either.add("octocat", 5)

    observation = either.github().observe(asked)

    assert counts(observation) == either.truth(account)


def test_another_account_with_the_login_of_a_deleted_one_is_not_mistaken_for_it(
    either: Lab,
) -> None:
    account = either.add("octocat", 2)
    asked = target(account)
    either.world.delete_account(account)
    either.add("octocat", 5)

    with pytest.raises(Gone):
        either.github().observe(asked)


def test_a_login_that_changes_hands_between_two_requests_brings_no_foreign_rows(
    anonymous: Lab,
) -> None:
    account = anonymous.add("octocat", 2)

    def recycle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/repos") and account.login == "octocat":
            anonymous.world.rename_account(account, "octopus")
            anonymous.add("octocat", 5)
        return anonymous.simulator.handle(request)

    github = anonymous.github(recycle)
    observation = github.observe(target(account))

    assert counts(observation) == {}
    assert observation.expected is None


def test_a_node_id_that_leads_to_another_account_is_not_followed(lab: Lab) -> None:
    account, other = lab.add("octocat", 2), lab.add("hubot", 3)

    observation = lab.observe(account, node_id=new_id(NodeType.USER, other.id))

    assert counts(observation) == lab.truth(account)


def test_a_user_who_became_an_organisation_is_followed(either: Lab) -> None:
    account = either.add("octocat", 2)
    asked = target(account)
    either.world.convert_to_organization(account)

    observation = either.github().observe(asked)

    assert counts(observation) == either.truth(account)
    assert observation.account is not None
    assert observation.account.id == account.id
    assert observation.account.node_id == new_id(NodeType.ORGANIZATION, account.id)


def test_the_id_decides_where_a_login_was_given_with_a_wrong_one(either: Lab) -> None:
    account, other = either.add("octocat", 2), either.add("hubot", 1)

    observation = either.observe(other, node_id=None)

    assert other.login == "hubot"
    asked = target(account, node_id=None)
    mistaken = type(asked)(user_id=other.id, login="octocat", node_id=None)
    assert either.github().observe(mistaken) == observation
    assert observation.account is not None
    assert observation.account.login == "hubot"


def test_an_id_that_nobody_has_is_gone_although_the_login_is_there(either: Lab) -> None:
    asked = target(either.add("octocat", 2), node_id=None)

    with pytest.raises(Gone):
        either.github().observe(type(asked)(user_id=999, login="octocat", node_id=None))


@pytest.mark.parametrize("with_node_id", [True, False])
def test_an_account_that_is_denied_by_mistake_is_asked_for_in_another_way(
    lab: Lab, with_node_id: bool
) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("not_found")

    options: dict[str, Any] = {} if with_node_id else {"node_id": None}
    assert counts(lab.observe(account, **options)) == lab.truth(account)


def test_an_account_that_graphql_denies_and_rest_shows_is_asked_for_later(lab: Lab) -> None:
    account = lab.add("octocat", 2)
    lab.simulator.fail("not_found", times=None, match="graphql")

    with pytest.raises(TryAgain):
        lab.observe(account)
    assert lab.paths() == ["/graphql", f"/user/{account.id}", "/graphql"]


def test_a_deleted_account_is_gone(either: Lab) -> None:
    account = either.add("octocat", 2)
    either.world.delete_account(account)

    with pytest.raises(Gone):
        either.observe(account)


# Logins


def test_a_login_leads_to_its_account(either: Lab) -> None:
    account = either.add("octocat", name="The Octocat")

    found = either.github().find_account("OctoCat")

    assert (found.id, found.login, found.name) == (account.id, "octocat", "The Octocat")


def test_a_login_of_an_organisation_leads_to_it(either: Lab) -> None:
    account = either.add("github", type="Organization")

    assert either.github().find_account("github").id == account.id


def test_a_login_that_nobody_bears_is_denied_twice(either: Lab) -> None:
    with pytest.raises(Gone):
        either.github().find_account("nobody")
    assert len(either.simulator.requests) == 2


def test_a_login_that_is_denied_by_mistake_is_found(either: Lab) -> None:
    account = either.add("octocat")
    either.simulator.fail("not_found")

    assert either.github().find_account("octocat").id == account.id


# Large ids


@pytest.mark.parametrize("large_ids", list(LargeIds))
@pytest.mark.parametrize("token", ["good", None])
def test_an_account_whose_id_is_above_32_bits_is_observed(
    make_lab: Callable[..., Lab], token: str | None, large_ids: LargeIds
) -> None:
    lab = make_lab(token=token, large_ids=large_ids)
    account = lab.add("octocat", 2, id=LARGE)

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.account is not None
    assert observation.account.id == LARGE
    assert lab.github().find_account("octocat").id == LARGE


@pytest.mark.parametrize("large_ids", list(LargeIds))
def test_a_repository_whose_id_is_above_32_bits_is_observed(
    make_lab: Callable[..., Lab], large_ids: LargeIds
) -> None:
    lab = make_lab(large_ids=large_ids)
    account = lab.add("octocat", 1)
    lab.world.add_repository(account, "large", stargazers=5, forks=4, watchers=3, id=LARGE)

    assert counts(lab.observe(account)) == lab.truth(account)

    # Once it is known by its node id, it costs no request of its own.
    lab.simulator.reset_records()
    observation = lab.observe(account, known=known(lab.world.repositories(account)))
    assert counts(observation) == lab.truth(account)
    assert len(lab.simulator.requests) == 1


def test_a_large_repository_is_not_mistaken_for_one_that_took_its_name(lab: Lab) -> None:
    account = lab.add("octocat")
    repository = lab.world.add_repository(account, "large", id=LARGE)

    def replace_it(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/repos/"):
            lab.world.rename_repository(repository, "older")
            lab.world.add_repository(account, "large", stargazers=9)
        return lab.simulator.handle(request)

    github = lab.github(replace_it)
    observation = github.observe(target(account))

    assert observation.seen == ()
    assert observation.expected == 1
    assert observation.shortfalls == (Shortfall("repository large: GitHub showed no id"),)


def test_a_large_repository_that_was_renamed_meanwhile_is_found_by_its_redirect(
    lab: Lab,
) -> None:
    account = lab.add("octocat")
    repository = lab.world.add_repository(account, "large", id=LARGE, stargazers=5)

    def rename(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/repos/octocat/large":
            lab.world.rename_repository(repository, "renamed")
        return lab.simulator.handle(request)

    github = lab.github(rename)

    assert set(counts(github.observe(target(account)))) == {LARGE}
    assert f"/repositories/{LARGE}" in lab.paths()


# Repositories


def test_a_renamed_repository_is_the_same_one(either: Lab) -> None:
    account = either.add("octocat", 1)
    repository = either.world.repositories(account)[0]
    either.world.rename_repository(repository, "renamed")

    observation = either.observe(account, known=known([repository]))

    assert [(seen.id, seen.name) for seen in observation.seen] == [(repository.id, "renamed")]
    assert observation.gone == ()


@pytest.mark.parametrize("change", ["delete_repository", "hide_repository"])
def test_a_repository_that_github_denies_is_gone(either: Lab, change: str) -> None:
    account = either.add("octocat", 2)
    repositories = either.world.repositories(account)
    getattr(either.world, change)(repositories[0])

    observation = either.observe(account, known=known(repositories))

    assert observation.gone == (repositories[0].id,)
    assert [seen.id for seen in observation.seen] == [repositories[1].id]
    assert observation.expected == 1


def test_a_transferred_repository_is_gone_from_its_former_owner(either: Lab) -> None:
    account, other = either.add("octocat", 2), either.add("hubot")
    repositories = either.world.repositories(account)
    either.world.transfer(repositories[0], other)

    observation = either.observe(account, known=known(repositories))

    assert observation.gone == (repositories[0].id,)
    assert counts(observation) == either.truth(account)
    assert counts(either.observe(other)) == either.truth(other)


def test_a_repository_is_gone_only_where_github_says_so_of_it_alone(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    repositories = lab.world.repositories(account)
    lab.simulator.fail(Fault(FaultKind.NULL_NODE, repository="r1"), match="graphql")
    lab.simulator.fail("not_found", match=Match(resource="graphql", contains="query Look"))

    observation = lab.observe(account, known=known(repositories))

    assert observation.gone == ()
    assert counts(observation) == lab.truth(account)


def test_a_direct_look_that_shows_nothing_is_no_denial(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    repositories = lab.world.repositories(account)
    lab.simulator.fail(Fault(FaultKind.NULL_NODE, repository="r1"), match="graphql")

    def show_nothing(request: httpx.Request) -> httpx.Response:
        response = lab.simulator.handle(request)
        if b"query Look" in request.content:
            return httpx.Response(200, json={"data": {"nodes": [None]}})
        return response

    github = lab.github(show_nothing)
    observation = github.observe(target(account, known=known(repositories)))

    assert observation.gone == ()
    assert counts(observation) == lab.truth(account)


def test_a_direct_look_that_fails_gives_way_to_another(lab: Lab) -> None:
    account = lab.add("octocat", 3)
    repositories = lab.world.repositories(account)
    lab.world.delete_repository(repositories[0])
    lab.simulator.fail(
        "server_error", times=None, match=Match(resource="graphql", contains="query Look")
    )

    observation = lab.observe(account, known=known(repositories))

    assert observation.gone == (repositories[0].id,)
    assert counts(observation) == lab.truth(account)


# What is none of our business


@pytest.fixture(params=["good", None], ids=["token", "anonymous"])
def leaking(request: pytest.FixtureRequest, make_lab: Callable[..., Lab]) -> Any:
    """A GitHub that shows more than it was asked for."""
    lab = make_lab(token=request.param)
    account, friend = lab.add("octocat", 2), lab.add("friend", 1)
    secret = lab.world.add_repository(account, "secret", private=True, stargazers=7)
    shared = lab.world.repositories(friend)[0]
    lab.world.add_collaborator(shared, account)

    def leak(request: httpx.Request) -> httpx.Response:
        # As if the token were the account's own, and our filters were not heard.
        lab.world.show_repository(secret)
        if request.url.path == "/graphql":
            text = request.content.decode()
            text = text.replace("[OWNER]", "[OWNER, COLLABORATOR]").replace("privacy: PUBLIC,", "")
            asked = httpx.Request("POST", request.url, headers=request.headers, content=text)
        else:
            url = request.url.copy_set_param("type", "all")
            asked = httpx.Request("GET", url, headers=request.headers)
        asked.headers["content-length"] = str(len(asked.content))
        answer = lab.simulator.handle(asked)
        lab.world.hide_repository(secret)
        node_id = new_id(NodeType.REPOSITORY, secret.id)
        content = answer.json()
        for item in _objects(content):
            if item.get("id") in (node_id, secret.id):
                item.update({"isPrivate": True, "private": True})
        return httpx.Response(answer.status_code, headers={}, json=content)

    github = lab.github(leak)
    return lab, account, secret, github


def _objects(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return [found for item in content for found in _objects(item)]
    if isinstance(content, dict):
        return [content, *(found for item in content.values() for found in _objects(item))]
    return []


def test_private_repositories_are_never_seen_even_when_github_leaks_them(leaking: Any) -> None:
    lab, account, secret, github = leaking

    observation = github.observe(target(account))

    assert secret.id not in {seen.id for seen in observation.seen}
    assert counts(observation) == lab.truth(account)


def test_a_leaked_repository_that_was_public_before_is_gone(leaking: Any) -> None:
    lab, account, secret, github = leaking

    observation = github.observe(target(account, known=known([secret])))

    assert secret.id not in {seen.id for seen in observation.seen}
    assert counts(observation) == lab.truth(account)


def test_the_owner_of_the_token_gets_no_private_rows(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(tokens=None)
    account = lab.add("octocat", 2)
    lab.world.viewer = account
    lab.world.add_repository(account, "secret", private=True)

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.expected == 2


# Names

NAMES = [
    ("a\x00b", "a b"),
    ("a\x1b[31mb\r\nc", "a [31mb c"),
    ("🎉 party 👩‍👩‍👧", "🎉 party 👩‍👩‍👧"),
    ("x" * 10_000, "x" * 255),
    ("  spaced\t out ", "spaced out"),
    ("\u2028line", "line"),
]


@pytest.mark.parametrize(("name", "stored"), NAMES)
def test_a_name_is_made_fit_to_be_stored(either: Lab, name: str, stored: str) -> None:
    account = either.add("octocat", 1)
    either.simulator.fail(Fault(FaultKind.NAME, text=name, login="octocat"), times=None)
    either.simulator.fail(Fault(FaultKind.NAME, text=name, repository="r0"), times=None)

    observation = either.observe(account)

    assert observation.account is not None
    assert observation.account.name == stored
    assert [seen.name for seen in observation.seen] == [stored]


@pytest.mark.parametrize("name", [None, "", "\x00", 7])
def test_the_login_stands_in_for_a_name(name: Any) -> None:
    assert clean_name(name, "octocat") == "octocat"


def test_half_a_character_is_left_out() -> None:
    assert clean_name("a\ud83cb", "octocat").encode() == b"ab"


@pytest.mark.parametrize("login", ["", "a\x00b", "a b", "x" * 10_000, "\ud83c", None])
def test_a_login_that_cannot_be_one_is_no_answer(either: Lab, login: str | None) -> None:
    account = either.add("octocat", 1)
    asked = target(account)

    def odd(request: httpx.Request) -> httpx.Response:
        content = either.simulator.handle(request).json()
        for item in _objects(content):
            if item.get("login") == "octocat":
                item["login"] = login
        return httpx.Response(200, content=json.dumps(content))

    github = either.github(odd)
    with pytest.raises(TryAgain, match="login"):
        github.observe(asked)
