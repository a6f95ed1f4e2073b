"""The addresses of a GitHub, by the address of its REST API."""

import pytest
from pydantic import ValidationError

from common.github_server import read_server
from common.settings import Settings


@pytest.mark.parametrize(
    ("rest", "graphql", "pages", "name"),
    [
        (
            "https://api.github.com",
            "https://api.github.com/graphql",
            "https://github.com",
            "github.com",
        ),
        (
            "https://api.octocorp.ghe.com",
            "https://api.octocorp.ghe.com/graphql",
            "https://octocorp.ghe.com",
            "octocorp.ghe.com",
        ),
        (
            "https://github.example.com/api/v3",
            "https://github.example.com/api/graphql",
            "https://github.example.com",
            "github.example.com",
        ),
        (
            "https://github.example.com/api/v3/",
            "https://github.example.com/api/graphql",
            "https://github.example.com",
            "github.example.com",
        ),
        (
            "http://10.0.0.7:8443/behind/a/proxy/api/v3",
            "http://10.0.0.7:8443/behind/a/proxy/api/graphql",
            "http://10.0.0.7:8443/behind/a/proxy",
            "10.0.0.7",
        ),
        ("http://simulator:5002", "http://simulator:5002/graphql", None, "simulator"),
        (
            "https://api.github.com.example.com",
            "https://api.github.com.example.com/graphql",
            None,
            "api.github.com.example.com",
        ),
        ("https://API.GitHub.com", "https://API.GitHub.com/graphql", "https://github.com", None),
    ],
)
def test_addresses_follow_from_that_of_the_rest_api(
    rest: str, graphql: str, pages: str | None, name: str | None
) -> None:
    server = read_server(rest)

    assert server.graphql == graphql
    assert server.pages == pages
    assert server.name == (name or "github.com")
    assert server.rest == rest.rstrip("/")
    assert server.is_enterprise_server is ("/api/v3" in rest)


@pytest.mark.parametrize(
    ("address", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/", "https://api.github.com"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
    ],
)
def test_address_of_the_pages_is_refused_with_that_of_the_api(address: str, api: str) -> None:
    with pytest.raises(ValidationError, match=f"the API is at {api}"):
        Settings(github_api_url=address)
