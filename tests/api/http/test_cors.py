"""``CORS_ORIGINS``: scripts of the named sites may read the API, and no others."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from api.app import create_app
from common.settings import Settings

SITE, OTHER = "https://dashboard.example.org", "https://other.example.org"


@pytest.fixture
def reader(settings: Settings) -> Iterator[TestClient]:
    allowed = settings.model_copy(update={"cors_origins": (SITE,)})
    with TestClient(create_app(allowed)) as client:
        yield client


def preflight(client: TestClient, origin: str, method: str, headers: str = "") -> int:
    return client.options(
        "/v1/users",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        }
        if headers
        else {"Origin": origin, "Access-Control-Request-Method": method},
    ).status_code


def test_a_named_site_may_read_and_see_the_headers_it_needs(reader: TestClient) -> None:
    answer = reader.get("/v1/users", headers={"Origin": SITE})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-credentials" not in answer.headers
    assert {"Link", "ETag", "Location", "Retry-After"} <= set(
        answer.headers["access-control-expose-headers"].split(", ")
    )


def test_an_error_can_be_read_too(reader: TestClient) -> None:
    answer = reader.get("/v1/users/1", headers={"Origin": SITE})

    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == SITE


@pytest.mark.parametrize("headers", [{}, {"Origin": OTHER}, {"Origin": "null"}])
def test_other_sites_may_not_read_and_caches_know_that_it_depends(
    reader: TestClient, headers: dict[str, str]
) -> None:
    answer = reader.get("/v1/users", headers=headers)

    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


def test_a_browser_is_allowed_to_read_with_an_etag(reader: TestClient) -> None:
    assert preflight(reader, SITE, "GET", "if-none-match") == 200
    assert preflight(reader, OTHER, "GET", "if-none-match") == 400


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_a_browser_is_not_allowed_to_write(reader: TestClient, method: str) -> None:
    assert preflight(reader, SITE, method) == 400


def test_without_the_setting_no_site_may_read(client: TestClient) -> None:
    answer = client.get("/v1/users", headers={"Origin": SITE})

    assert "access-control-allow-origin" not in answer.headers
    assert preflight(client, SITE, "GET") == 405


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        (
            "https://a.example, http://b.example:8080/",
            ("https://a.example", "http://b.example:8080"),
        ),
    ],
)
def test_origins_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)

    assert Settings().cors_origins == origins


@pytest.mark.parametrize(
    "text",
    [
        *("a.example", "https://a.example/path", "ftp://a.example", "https://"),
        "https://a.example;script-src",
    ],
)
@pytest.mark.parametrize("name", ["CORS_ORIGINS", "EMBED_ORIGINS"])
def test_what_is_no_origin_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(ValidationError, match="must be origins like https"):
        Settings()
