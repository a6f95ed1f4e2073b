import base64
import json

import httpx
import pytest

from simulator import Account, App, GitHubSimulator, World
from tests.simulator.clients import client_of
from tests.simulator.conftest import Clock


def test_pages_are_linked_by_the_account_id(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    for number in range(5):
        world.add_repository(octocat, f"r{number}")

    response = client.get("/users/OctoCat/repos", params={"per_page": 2})
    names = [item["name"] for item in response.json()]
    assert response.headers["link"] == (
        '<https://api.github.com/user/583231/repos?per_page=2&page=2>; rel="next", '
        '<https://api.github.com/user/583231/repos?per_page=2&page=3>; rel="last"'
    )
    while "next" in response.links:
        response = client.get(response.links["next"]["url"])
        names += [item["name"] for item in response.json()]

    assert names == ["r0", "r1", "r2", "r3", "r4"]
    assert set(response.links) == {"prev", "first"}
    assert "link" not in client.get("/users/octocat/repos").headers


def test_a_list_shows_public_repositories_without_their_watchers(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "open", stargazers=42, forks=9, watchers=14)
    world.add_repository(octocat, "secret", private=True)

    [item] = client.get("/users/octocat/repos").json()

    assert (item["name"], item["stargazers_count"], item["watchers_count"]) == ("open", 42, 42)
    assert not {"subscribers_count", "network_count"} & set(item)


def test_a_single_repository_shows_its_watchers(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    repository = world.add_repository(octocat, "open", stargazers=42, forks=9, watchers=14)

    for path in ("/repos/octocat/OPEN", f"/repositories/{repository.id}"):
        content = client.get(path).json()
        assert (content["watchers_count"], content["subscribers_count"]) == (42, 14)


@pytest.mark.parametrize("change", ["rename", "transfer", "rename owner"])
def test_an_old_name_redirects_to_the_id(
    client: httpx.Client, world: World, octocat: Account, change: str
) -> None:
    repository = world.add_repository(octocat, "old")
    if change == "rename":
        world.rename_repository(repository, "new")
    elif change == "transfer":
        world.transfer(repository, world.add_account("hubot"))
    else:
        world.rename_account(octocat, "octodog")
        assert client.get("/users/octocat").status_code == 404

    response = client.get("/repos/octocat/old")

    assert response.status_code == 301
    assert response.json()["message"] == "Moved Permanently"
    assert response.headers["location"] == f"https://api.github.com/repositories/{repository.id}"
    assert client.get(response.headers["location"]).json()["full_name"] == repository.full_name


def test_a_blocked_repository_is_listed_but_cannot_be_read(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    world.block_repository(world.add_repository(octocat, "copied"), "dmca")
    world.block_repository(world.add_repository(octocat, "spam"), "tos")

    dmca, tos = client.get("/repos/octocat/copied"), client.get("/repos/octocat/spam")

    assert (dmca.status_code, dmca.json()["block"]["reason"]) == (451, "dmca")
    assert (tos.status_code, tos.json()["block"]["reason"]) == (403, "tos")
    assert len(client.get("/users/octocat/repos").json()) == 2


def test_only_its_owner_sees_a_private_repository(
    simulator: GitHubSimulator, world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "secret", private=True)

    statuses = []
    for token in ("good", "other", None):
        with client_of(simulator, token) as client:
            statuses.append(client.get("/repos/octocat/secret").status_code)

    assert statuses == [200, 404, 404]


def test_a_conditional_request_is_free_only_with_a_token(simulator: GitHubSimulator) -> None:
    costs = []
    for token in ("good", None):
        with client_of(simulator, token) as client:
            tag = client.get("/users/octocat").headers["etag"]
            assert client.get("/users/octocat", headers={"If-None-Match": tag}).status_code == 304
            costs.append(simulator.requests[-1].cost)

    assert costs == [0, 1]


def test_an_etag_belongs_to_one_token(simulator: GitHubSimulator) -> None:
    tags = set()
    for token in ("good", "other"):
        with client_of(simulator, token) as client:
            tags.add(client.get("/users/octocat").headers["etag"])

    assert len(tags) == 2


def test_only_the_old_version_has_the_old_rate(client: httpx.Client) -> None:
    new = client.get("/rate_limit")
    old = client.get("/rate_limit", headers={"X-GitHub-Api-Version": "2022-11-28"})

    assert "rate" not in new.json()
    assert old.json()["rate"] == old.json()["resources"]["core"]
    assert new.headers["x-github-api-version-selected"] == "2026-03-10"
    assert (
        client.get("/rate_limit", headers={"X-GitHub-Api-Version": "1999-01-01"}).status_code == 400
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"User-Agent": ""}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic good"}, 401),
        ({"Authorization": "token good"}, 200),
    ],
)
def test_a_request_without_a_user_agent_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert client.get("/users/octocat", headers=headers).status_code == status


def test_lists_of_people_are_closed(client: httpx.Client, world: World) -> None:
    world.add_repository(world.add_account("hubot"), "hello")

    response = client.get("/repos/hubot/hello/stargazers")

    assert response.status_code == 403
    assert response.json()["message"] == (
        "You do not have permission to view the stargazers of this repository"
    )


def test_an_app_gets_tokens_that_end_after_an_hour(
    world: World, octocat: Account, clock: Clock
) -> None:
    app = App(77, installations={5: octocat})
    simulator = GitHubSimulator(world, tokens={}, apps=[app], clock=clock)

    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = {"iss": 77, "iat": int(clock.now) - 60, "exp": int(clock.now) + 500}
    jwt = f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmVk"
    with client_of(simulator, jwt) as client:
        issued = client.post("/app/installations/5/access_tokens")
        assert client.post("/app/installations/6/access_tokens").status_code == 404

    assert issued.status_code == 201
    with client_of(simulator, issued.json()["token"]) as client:
        clock.now += 3_599
        assert client.get("/users/octocat").status_code == 200
        clock.now += 1
        assert client.get("/users/octocat").status_code == 401


def test_the_history_of_stars_adds_up_to_those_still_held() -> None:
    world = World.synthetic(sizes=[8])
    with client_of(GitHubSimulator(world)) as client:
        for number, row in world.truth().items():
            response = client.get(f"/repositories/{number}/stargazers/history")
            weeks = response.json()
            while "next" in response.links:
                response = client.get(response.links["next"]["url"])
                weeks += response.json()
            assert sum(week["total"] for week in weeks) == row.stargazers
            assert all(sum(week["days"]) == week["total"] for week in weeks)
            assert all(min(week["days"]) >= 0 for week in weeks)
            starts = [week["week"] for week in weeks]
            assert starts == sorted(starts, reverse=True)
            assert {day % 604_800 for day in starts} <= {3 * 86_400}
