"""The simulator as an Enterprise Server, as strict as one."""

from collections.abc import Iterator

import httpx
import pytest

from simulator import Account, GitHubSimulator, World, enterprise_server
from tests.simulator.clients import REPOSITORIES

HOST = "https://github.example.com"
LISTING = {"query": REPOSITORIES, "variables": {"login": "octocat", "first": 10}}


@pytest.fixture
def server(world: World, octocat: Account) -> GitHubSimulator:
    world.add_repository(octocat, "hello", stargazers=42)
    return GitHubSimulator(world, tokens={"good": None}, edition=enterprise_server())


@pytest.fixture
def client(server: GitHubSimulator) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


def client_of(server: GitHubSimulator, token: str | None = "good") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(transport=server.transport(), base_url=HOST, headers=headers)


def test_both_apis_are_below_their_paths(client: httpx.Client) -> None:
    assert client.get("/api/v3/users/octocat").json()["login"] == "octocat"
    assert client.post("/api/graphql", json=LISTING).json()["data"]["repositoryOwner"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v3/graphql"),
        ("POST", "/graphql"),
        ("GET", "/users/octocat"),
        ("GET", "/api/users/octocat"),
        ("GET", "/api/v3/rate_limit"),
        ("GET", "/api/v3/repos/octocat/hello/stargazers/history"),
        ("GET", "/api/v3/repos/octocat/hello/stargazers/count"),
    ],
)
def test_other_addresses_are_not_there(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path, json=LISTING).status_code == 404


def test_requests_are_not_counted(client: httpx.Client) -> None:
    rest = client.get("/api/v3/users/octocat")
    graphql = client.post("/api/graphql", json=LISTING)

    for answer in (rest, graphql):
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
        assert answer.headers["x-github-enterprise-version"] == "enterprise-server@3.17.2"
    assert graphql.json()["data"]["rateLimit"] is None
    assert "errors" not in graphql.json()


def test_version_that_it_does_not_know_is_refused(client: httpx.Client) -> None:
    headers = {"X-GitHub-Api-Version": "2026-03-10"}

    refused = client.get("/api/v3/users/octocat", headers=headers)
    by_default = client.get("/api/v3/users/octocat")
    # The header means nothing to the GraphQL API.
    graphql = client.post("/api/graphql", json=LISTING, headers=headers)

    assert refused.status_code == 400
    assert '"2026-03-10", is not a supported version' in refused.json()["message"]
    assert '"2022-11-28" (most recent).' in refused.json()["message"]
    assert by_default.headers["x-github-api-version-selected"] == "2022-11-28"
    assert graphql.status_code == 200


def test_release_without_versions_ignores_the_header(world: World, octocat: Account) -> None:
    old = GitHubSimulator(world, edition=enterprise_server("3.8.0", versions=()))
    with client_of(old) as client:
        answer = client.get("/api/v3/users/octocat", headers={"X-GitHub-Api-Version": "any"})

    assert answer.json()["id"] == octocat.id
    assert "x-github-api-version-selected" not in answer.headers


def test_links_lead_to_the_server(client: httpx.Client) -> None:
    account = client.get("/api/v3/users/octocat").json()
    (repository,) = client.get("/api/v3/users/octocat/repos").json()
    query = '{ repositoryOwner(login: "octocat") { url } }'
    owner = client.post("/api/graphql", json={"query": query}).json()

    assert account["html_url"] == f"{HOST}/octocat"
    assert account["url"] == f"{HOST}/api/v3/users/octocat"
    assert repository["html_url"] == f"{HOST}/octocat/hello"
    assert owner["data"]["repositoryOwner"]["url"] == f"{HOST}/octocat"


def test_internal_repository_is_seen_by_all_but_the_anonymous(
    server: GitHubSimulator, client: httpx.Client, world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "handbook", internal=True, id=77)

    listed = {each["name"]: each for each in client.get("/api/v3/users/octocat/repos").json()}
    single = client.get("/api/v3/repositories/77").json()
    public = client.post("/api/graphql", json=LISTING).json()["data"]["repositoryOwner"]
    query = '{ repository(owner: "octocat", name: "handbook") { isPrivate visibility } }'
    seen = client.post("/api/graphql", json={"query": query}).json()["data"]["repository"]
    with client_of(server, token=None) as anonymous:
        unseen = anonymous.get("/api/v3/repositories/77")
        listed_openly = anonymous.get("/api/v3/users/octocat/repos").json()

    assert listed["handbook"]["private"] is single["private"] is True
    assert listed["handbook"]["visibility"] == "internal"
    assert seen == {"isPrivate": True, "visibility": "INTERNAL"}
    assert public["repositories"]["totalCount"] == 1
    assert unseen.status_code == 404
    assert [each["name"] for each in listed_openly] == ["hello"]
    assert 77 not in world.truth()


def test_private_server_answers_nobody_who_is_not_authenticated(
    world: World, octocat: Account
) -> None:
    edition = enterprise_server(is_private=True)
    private = GitHubSimulator(world, tokens={"good": None}, edition=edition)
    with client_of(private, token=None) as anonymous, client_of(private) as client:
        refused = anonymous.get("/api/v3/users/octocat")
        answered = client.get("/api/v3/users/octocat")

    assert refused.status_code == 401
    assert refused.json()["message"] == "Must authenticate to access this API."
    assert answered.json()["id"] == octocat.id
