from typing import Any

import httpx
import pytest

from simulator import Account, Fault, FaultKind, GitHubSimulator, Match, World
from tests.simulator.clients import REPOSITORIES, ask, client_of

LISTING = {"login": "octocat", "first": 10}


@pytest.fixture(autouse=True)
def _repositories(world: World, octocat: Account) -> None:
    for number in range(3):
        world.add_repository(octocat, f"r{number}", stargazers=number, watchers=number)


def nodes(content: dict[str, Any]) -> list[Any]:
    found: list[Any] = content["data"]["repositoryOwner"]["repositories"]["nodes"]
    return found


def post(client: httpx.Client) -> httpx.Response:
    return client.post("/graphql", json={"query": REPOSITORIES, "variables": LISTING})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("saml", "SAML enforcement"),
        ("ip", "the `octocat` organization has an IP allow list enabled"),
        ("classic", "`octocat` forbids access via a personal access token (classic)"),
        ("lifetime", "forbids access via a fine-grained personal access tokens"),
        ("app", "OAuth App access restrictions"),
    ],
)
def test_a_policy_refuses_credentials_and_nobody_without_one(
    client: httpx.Client, simulator: GitHubSimulator, octocat: Account, text: str, said: str
) -> None:
    simulator.world.add_account("hexacat")
    simulator.fail(Fault(FaultKind.POLICY, login="octocat", text=text), times=None)
    repository = simulator.world.repositories(octocat)[0]
    paths = (
        "/users/octocat",
        f"/user/{octocat.id}",
        "/users/octocat/repos",
        f"/repositories/{repository.id}",
        "/repos/octocat/r0",
    )
    anonymous = client_of(simulator, token=None)

    for path in paths:
        refused = client.get(path)
        assert refused.status_code == 403
        assert said in refused.json()["message"]
        assert ("x-github-sso" in refused.headers) == (text == "saml")
        assert anonymous.get(path).status_code == 200
    assert client.get("/users/hexacat").status_code == 200
    content = post(client).json()
    assert content["data"]["repositoryOwner"] is None
    assert content["errors"][0]["type"] == "FORBIDDEN"
    assert said in content["errors"][0]["message"]


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault(FaultKind.PRIMARY_LIMIT), 200, '"RATE_LIMITED"'),
        (Fault(FaultKind.PRIMARY_LIMIT, type="RATE_LIMIT"), 200, '"graphql_rate_limit"'),
        (Fault(FaultKind.SECONDARY_LIMIT, status=200), 200, "secondary rate limit"),
        (Fault(FaultKind.SECONDARY_LIMIT, text="2026"), 403, "scraping GitHub"),
        (Fault(FaultKind.SECONDARY_LIMIT, text="abuse", status=429), 429, "abuse detection"),
        (Fault(FaultKind.SERVER_ERROR, status=504), 504, "Something went wrong"),
        (Fault(FaultKind.SERVER_ERROR, status=200), 200, "Something went wrong"),
        (Fault(FaultKind.TIMED_OUT), 200, '"timedout"'),
        (Fault(FaultKind.HTML_PAGE), 502, "<!DOCTYPE html>"),
        (Fault(FaultKind.UNAUTHORIZED), 401, "Bad credentials"),
        (Fault(FaultKind.API_VERSION, status=410), 410, "no longer supported"),
        (Fault(FaultKind.NOT_FOUND), 200, '"NOT_FOUND"'),
        (Fault(FaultKind.RESOURCE_LIMITS), 200, '"RESOURCE_LIMITS_EXCEEDED"'),
        (Fault(FaultKind.HEAVY_PAGE, limit=9), 502, "Something went wrong"),
        (Fault(FaultKind.SAML), 200, '"saml_failure":true'),
        (Fault(FaultKind.ANSWER, status=418, text="teapot"), 418, "teapot"),
    ],
)
def test_a_fault_applies_to_one_query(
    client: httpx.Client, simulator: GitHubSimulator, fault: Fault, status: int, text: str
) -> None:
    simulator.fail(fault)

    response = post(client)

    assert response.status_code == status
    assert text in response.text
    assert simulator.requests[-1].fault == fault.kind
    assert len(nodes(post(client).json())) == 3


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault(FaultKind.PRIMARY_LIMIT, status=429), 429, "API rate limit exceeded"),
        (Fault(FaultKind.SERVER_ERROR), 502, "Server Error"),
        (Fault(FaultKind.NOT_FOUND), 404, "Not Found"),
        (Fault(FaultKind.COUNTS, value=-1), 200, '"subscribers_count":-1'),
        (Fault(FaultKind.COUNTS, value=10**15, field="forks"), 200, "1000000000000000"),
        (Fault(FaultKind.NAME, text="a\x00b"), 200, r"a\u0000b"),
    ],
)
def test_a_fault_applies_to_one_rest_call(
    client: httpx.Client, simulator: GitHubSimulator, fault: Fault, status: int, text: str
) -> None:
    simulator.fail(fault)

    response = client.get("/repos/octocat/r0")

    assert response.status_code == status
    assert text in response.text
    assert client.get("/repos/octocat/r0").json()["forks_count"] == 0


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", httpx.ReadError),
        ("disconnect", httpx.RemoteProtocolError),
        ("short_body", httpx.RemoteProtocolError),
        ("connect_error", httpx.ConnectError),
        ("timeout", httpx.ReadTimeout),
    ],
)
def test_a_broken_connection_raises_what_a_client_meets(
    client: httpx.Client, simulator: GitHubSimulator, kind: str, error: type[Exception]
) -> None:
    simulator.fail(kind)

    with pytest.raises(error):
        client.get("/users/octocat")
    assert client.get("/users/octocat").status_code == 200


@pytest.mark.parametrize("cut", [0, 5])
def test_an_answer_may_break_after_its_headers(
    client: httpx.Client, simulator: GitHubSimulator, cut: int
) -> None:
    simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=20, cut=cut))

    with client.stream("GET", "/users/octocat") as response:
        assert response.status_code == 403
        assert response.headers["retry-after"] == "20"
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()
    client.get("/users/octocat")

    # What the headers state holds although the body broke.
    assert len(simulator.violations) == 1


def test_a_slow_answer_exceeds_the_clients_timeout(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.SLOW, seconds=5))
    with pytest.raises(httpx.ReadTimeout):
        client.get("/users/octocat", timeout=2)

    simulator.fail(Fault(FaultKind.SLOW, seconds=0.02, pieces=4))
    assert client.get("/users/octocat", timeout=2).json()["id"] == 583231


def test_a_null_node_and_a_missing_alias_come_without_an_error(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.NULL_NODE, repository="r1"))
    content = ask(client, REPOSITORIES, **LISTING)
    assert [node and node["name"] for node in nodes(content)] == ["r0", None, "r2"]
    assert "errors" not in content

    simulator.fail(Fault(FaultKind.MISSING_ALIAS, alias="b"))
    content = ask(client, '{ a: user(login: "octocat") { id } b: user(login: "octocat") { id } }')
    assert set(content["data"]) == {"a"}
    assert "errors" not in content


def test_forbidden_watchers_null_the_whole_repository(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.FORBIDDEN_WATCHERS, repository="octocat/r0"), times=None)

    for _ in range(2):
        content = ask(client, REPOSITORIES, **LISTING)
        assert [node and node["name"] for node in nodes(content)] == [None, "r1", "r2"]
        assert [error["type"] for error in content["errors"]] == ["FORBIDDEN"]

    without = REPOSITORIES.replace("watchers { totalCount }", "")
    assert "errors" not in ask(client, without, **LISTING)


def test_the_last_page_may_claim_to_be_the_last_too_early(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail("no_next_page", times=2)

    connection = ask(client, REPOSITORIES, login="octocat", first=1)["data"]["repositoryOwner"][
        "repositories"
    ]
    assert connection["pageInfo"]["hasNextPage"] is False
    assert connection["totalCount"] == 3
    assert "link" not in client.get("/users/octocat/repos?per_page=1").headers


def test_a_truncated_body_is_not_json(client: httpx.Client, simulator: GitHubSimulator) -> None:
    simulator.fail("truncated")

    with pytest.raises(ValueError, match="line 1"):
        client.get("/users/octocat").json()


def test_a_redirect_loop_leads_back_to_itself(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail("redirect_loop", times=None)

    response = client.get("/users/octocat/repos?page=2")

    assert response.headers["location"] == str(response.url)
    with pytest.raises(httpx.TooManyRedirects):
        client.get("/users/octocat", follow_redirects=True)


def test_a_small_page_does_not_get_the_fault_of_heavy_pages(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.HEAVY_PAGE, limit=50), times=None)

    for first, status in ((100, 502), (51, 502), (50, 200)):
        body = {"query": REPOSITORIES, "variables": {"login": "octocat", "first": first}}
        assert client.post("/graphql", json=body).status_code == status


def test_a_match_chooses_the_requests(client: httpx.Client, simulator: GitHubSimulator) -> None:
    simulator.fail("not_found", match="/users/.*/repos")
    simulator.fail("timed_out", match=Match(contains="hubot", skip=1))

    assert client.get("/users/octocat").status_code == 200
    assert client.get("/users/octocat/repos").status_code == 404
    for expected in (False, True, False):
        content = ask(client, '{ repositoryOwner(login: "hubot") { id } }')
        assert ("errors" in content) == expected


def test_a_permanent_change_does_not_prevent_a_temporary_error(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail("forbidden_watchers", times=None)
    simulator.fail("server_error")

    assert post(client).status_code == 502
    assert nodes(post(client).json()) == [None, None, None]


def test_a_scripted_wait_that_is_ignored_is_a_violation(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, headers=False))

    refused = client.get("/users/octocat")
    assert not [name for name in refused.headers if name.startswith("x-ratelimit")]
    assert simulator.violations == []

    client.get("/users/octocat")
    [violation] = simulator.violations
    assert violation.until == violation.stated_at + 60


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="no option nonsense"):
        Fault.from_json({"kind": "reset", "nonsense": 1})
    with pytest.raises(ValueError, match="not a valid FaultKind"):
        Fault.from_json({"kind": "nonsense"})
