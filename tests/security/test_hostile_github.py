"""No answer of GitHub breaks the client, and none leads to another host."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import httpx
import pytest
import redis
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from common.repositories import KnownRepository
from common.settings import Settings
from tests.servers import Servers
from tests.worker.github.lab import FakeClock
from worker.github.client import GitHub, make_github
from worker.github.errors import GitHubError
from worker.github.observation import Target

TOKEN = "marked-token-of-no-usual-form"
HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

OWNER = {"id": 1, "node_id": "U_1", "login": "octocat", "name": "Octo", "public_repos": 1}
REPOSITORY = {
    "id": 7,
    "node_id": "R_7",
    "name": "thing",
    "private": False,
    "fork": False,
    "archived": False,
    "owner": {"id": 1, "login": "octocat"},
    "stargazers_count": 42,
    "forks_count": 9,
    "subscribers_count": 3,
}
NODE = {
    "id": "R_7",
    "databaseId": 7,
    "name": "thing",
    "isPrivate": False,
    "isFork": False,
    "isArchived": False,
    "owner": {"id": "U_1"},
    "stargazerCount": 42,
    "forkCount": 9,
    "watchers": {"totalCount": 3},
}
ACCOUNT = {
    "__typename": "User",
    "id": "U_1",
    "login": "octocat",
    "databaseId": 1,
    "name": "Octo",
    "repositories": {
        "totalCount": 1,
        "pageInfo": {"hasNextPage": False, "endCursor": "Y3Vyc29y"},
        "nodes": [NODE],
    },
}
RATE = {"cost": 1, "limit": 5000, "remaining": 4990, "used": 10, "resetAt": "2026-11-23T13:00:00Z"}
GOOD: dict[str, Any] = {
    "account": OWNER,
    "list": [REPOSITORY],
    "repository": REPOSITORY,
    "graphql": {
        "data": {"node": ACCOUNT, "nodes": [NODE], "repositoryOwner": ACCOUNT, "rateLimit": RATE},
    },
}
"""A good answer of each kind that the client requests."""

TEXTS = st.text() | st.sampled_from(
    [
        "",
        "\x00",
        "\ud800",
        "a\r\nb",
        "\x1b[2J",
        "\u202e",
        "../..",
        "x" * 10_000,
        "1e400",
        "RATE_LIMITED",
    ]
)
NUMBERS = st.integers() | st.sampled_from([-1, 0, 2**31, 2**63, 10**300]) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
ERRORS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["NOT_FOUND", "FORBIDDEN", "RATE_LIMITED"]) | VALUES,
            "message": TEXTS | VALUES,
            "path": st.lists(st.sampled_from(["node", "nodes", "watchers", 0]) | VALUES) | VALUES,
        },
    )
    | VALUES,
    max_size=3,
)


def places(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every part of a value."""
    found = [here]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*here, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*here, index))
    return found


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Make good answers with one to three parts overwritten."""
    world = {"": deepcopy(GOOD)}
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(world[""], ("",))[1:]))
        inner: Any = world
        for step in way:
            inner = inner[step]
        inner[last] = draw(VALUES)
    made = world[""]
    if draw(st.booleans()) and isinstance(made["graphql"], dict):
        made["graphql"]["errors"] = draw(ERRORS)
    return made


class FakeGitHub:
    """GitHub as a function; it keeps the requests."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request)

    def check(self) -> None:
        """Check that only GitHub was requested, with our token, and not without an end."""
        for request in self.requests:
            assert (request.url.scheme, request.url.host, request.url.port) == (
                "https",
                "api.github.com",
                None,
            )
            assert request.headers.get("authorization") in (f"Bearer {TOKEN}", None)
            assert request.headers["host"] == "api.github.com"
        assert len(self.requests) < 100


def kind_of(request: httpx.Request) -> str:
    path = request.url.path
    if path == "/graphql":
        return "graphql"
    if path.endswith("/repos"):
        return "list"
    return "repository" if path.startswith("/repo") else "account"


def github(servers: Servers, asked: FakeGitHub, *, token: str | None = TOKEN) -> GitHub:
    clock = FakeClock()
    client = redis.Redis.from_url(servers.redis_url)
    client.flushall()
    return make_github(
        Settings(github_token=SecretStr(token) if token else None),
        client,
        transport=httpx.MockTransport(asked),
        now=clock,
        sleep=clock.sleep,
    )


def outcomes(hub: GitHub) -> list[Any]:
    """Make all calls of the client, in turn; return their values or errors."""
    known = [
        KnownRepository(7, "thing", "R_7", is_listed_today=False, is_recorded_today=False),
        KnownRepository(8, "other", None, is_listed_today=False, is_recorded_today=False),
    ]
    targets = [Target(1, "octocat", "U_1", known), Target(1, "octocat", None)]
    found: list[Any] = []
    for target in targets:
        try:
            found.append(hub.observe(target))
        except GitHubError as error:
            found.append(error)
    try:
        found.append(hub.find_account("octocat"))
    except GitHubError as error:
        found.append(error)
    hub.close()
    return found


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in texts(inner)]
    return []


def check_storable(outcome: Any) -> None:
    """Check that an outcome can be written to the database and to a log."""
    found = [str(outcome)] if isinstance(outcome, GitHubError) else texts(asdict(outcome))
    for text in found:
        assert not HARMFUL.search(text)
        assert len(text) < 500
    for account in [outcome] if hasattr(outcome, "login") else [getattr(outcome, "account", None)]:
        assert account is None or re.fullmatch(r"[A-Za-z0-9_-]{1,39}(\[bot\])?", account.login)
    for seen in getattr(outcome, "seen", ()):
        assert 0 < seen.id < 2**63
        assert seen.counts is None or all(0 <= n < 2**31 for n in asdict(seen.counts).values())
    assert 0 <= (getattr(outcome, "expected", None) or 0) < 2**31


@pytest.mark.parametrize("token", [TOKEN, None], ids=["token", "anonymous"])
@settings(max_examples=80, deadline=None)
@given(world=answers(), status=st.sampled_from([200, 200, 200, 403, 404, 500]))
@example(GOOD | {"graphql": {"data": {"node": ACCOUNT | {"repositories": {
    "totalCount": 10**30, "pageInfo": {"hasNextPage": True, "endCursor": "\ud800"},
    "nodes": [NODE]}}}}}, 200)  # fmt: skip
@example(GOOD | {"account": {"message": "a\x00b\ud800\x1b[2J"}, "graphql": {"errors": [{
    "type": "\x00", "message": "a\x00b\ud800"}], "data": {"node": ACCOUNT}}}, 403)  # fmt: skip
@example(GOOD | {"account": OWNER | {"login": "../orgs"}}, 200)
def test_no_value_anywhere_breaks_the_client_or_reaches_the_tables(
    servers: Servers, token: str | None, world: dict[str, Any], status: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        # json.dumps writes Infinity and NaN too, which are no JSON, and half a character as \ud800.
        return httpx.Response(status, content=json.dumps(world[kind_of(request)]).encode())

    asked = FakeGitHub(answer)
    for outcome in outcomes(github(servers, asked, token=token)):
        check_storable(outcome)
    asked.check()


HOSTS = st.sampled_from(
    ["api.github.com", "evil.example", "api.github.com.evil.example", "\u0430pi.github.com",
     "127.0.0.1", "[::1]", "api.github.com%00.evil.example", "api。github。com", "",
     "xn--pi-6kc.github.com", "api.github.com.", "API.GITHUB.COM"]
)  # fmt: skip
ADDRESSES = (
    st.tuples(
        st.sampled_from(["https:", "http:", "", "HTTPS:", "ftp:", "file:", "javascript:", "\t"]),
        st.sampled_from(["//", "/", "\\\\", "///", "/\\", "", "\\/"]),
        st.sampled_from(["", "user@", "user:pass@", "api.github.com@", "api.github.com\\@", "@"]),
        HOSTS,
        st.sampled_from(["", "", ":443", ":80", ":0443", ":99999", ":x", ":", ":443@evil.example"]),
        st.sampled_from(
            ["/repositories/7", "", "/\r\nHost: evil", "/\x00", "?page=2", "#x", "/é\ud800",
             "/../..", "/%2e%2e/"]
        ),
    ).map("".join)
    | st.text(max_size=30)
)  # fmt: skip


@pytest.mark.parametrize("token", [TOKEN, None], ids=["token", "anonymous"])
@settings(max_examples=100, deadline=None)
@given(address=ADDRESSES, status=st.sampled_from([301, 302, 307, 308]), is_page=st.booleans())
@example("https://user:pass@api.github.com/repositories/7", 301, False)
@example("//evil.example/", 301, False)
@example("https://api.github.com\\@evil.example/", 302, True)
def test_no_address_leads_to_another_host(
    servers: Servers, token: str | None, address: str, status: int, is_page: bool
) -> None:
    raw = address.encode("utf-8", "surrogatepass")

    def answer(request: httpx.Request) -> httpx.Response:
        kind = kind_of(request)
        if is_page and kind == "list" and len(asked.requests) < 50:
            link = (b"link", b"<" + raw + b'>; rel="next"')
            return httpx.Response(200, headers=[link], json=GOOD["list"])
        if not is_page and kind in ("account", "repository", "list"):
            return httpx.Response(status, headers=[(b"location", raw)], json={})
        return httpx.Response(
            200, json=GOOD[kind] if kind != "graphql" else {"data": {"node": None}}
        )

    asked = FakeGitHub(answer)
    for outcome in outcomes(github(servers, asked, token=token)):
        check_storable(outcome)
    asked.check()
