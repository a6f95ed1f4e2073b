from typing import Any

import httpx

from simulator import GitHubSimulator

REPOSITORIES = """
query($login: String!, $first: Int!, $after: String) {
  rateLimit { cost remaining nodeCount }
  repositoryOwner(login: $login) {
    repositories(first: $first, after: $after, ownerAffiliations: [OWNER], privacy: PUBLIC) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id databaseId name stargazerCount forkCount watchers { totalCount } }
    }
  }
}
"""


def client_of(simulator: GitHubSimulator, token: str | None = "good") -> httpx.Client:
    headers = {"X-GitHub-Api-Version": "2026-03-10"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(
        transport=simulator.transport(), base_url="https://api.github.com", headers=headers
    )


def ask(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content
