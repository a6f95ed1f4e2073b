"""The simulated releases: drafts only for those who may write, pages, orders."""

from datetime import UTC, datetime, timedelta

import httpx

from simulator import Account, GitHubSimulator, World
from simulator.releases import draft, published
from tests.simulator.clients import ask, client_of

QUERY = """
query($first: Int, $after: String) {
  repository(owner: "octocat", name: "hello") {
    releases(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { tagName isDraft publishedAt }
    }
  }
}
"""


def test_releases_come_newest_first_and_page_by_page(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    repository = world.add_repository(octocat, "hello")
    start = datetime(2020, 1, 1, tzinfo=UTC)
    repository.releases += [published(f"v{n}", start + timedelta(n)) for n in range(5)]
    # It is not published on the simulated day yet.
    repository.releases.append(published("v9", world.now + timedelta(2)))

    seen, after = [], None
    while True:
        answer = ask(client, QUERY, first=2, after=after)
        found = answer["data"]["repository"]["releases"]
        assert found["totalCount"] == 5
        seen += [node["tagName"] for node in found["nodes"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]

    assert seen == ["v4", "v3", "v2", "v1", "v0"]
    assert "errors" in ask(client, QUERY, first=101)
    assert "errors" in ask(client, QUERY)


def test_a_draft_is_shown_to_those_who_may_write(world: World, octocat: Account) -> None:
    repository = world.add_repository(octocat, "hello")
    repository.releases.append(draft("v1", datetime(2020, 1, 1, tzinfo=UTC)))
    visitor = world.add_account("visitor")
    simulator = GitHubSimulator(world, tokens={"owner": octocat, "other": visitor})

    def shown(token: str) -> list[object]:
        answer = ask(client_of(simulator, token), QUERY, first=10)
        return [
            (node["tagName"], node["isDraft"], node["publishedAt"])
            for node in answer["data"]["repository"]["releases"]["nodes"]
        ]

    assert shown("owner") == [("v1", True, None)]
    assert shown("other") == []
