"""``API_KEY``: calls that write need it; calls that read do not."""

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from tests import factories
from tests.api.conftest import MakeClient

KEY = "correct horse ✓"
RAW = KEY.encode()

USER = {"id": 5, "login": "allien", "name": "allien"}


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client(api_key=SecretStr(KEY))


@pytest.mark.parametrize(
    "headers",
    [
        {b"Authorization": b"Bearer " + RAW},
        {b"authorization": b"bearer " + RAW},
        {b"X-API-Key": RAW},
        {b"X-API-Key": RAW, b"Authorization": b"Bearer wrong"},
    ],
)
def test_the_key_allows_writing(client: TestClient, headers: dict[bytes, bytes]) -> None:
    assert client.put("/v1/users", json=USER, headers=headers).status_code == 201
    assert client.delete("/v1/users/5", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"Authorization": b"Bearer"},
        {b"Authorization": b"Bearer "},
        {b"Authorization": b"Bearer wrong"},
        {b"Authorization": b"Basic " + RAW},
        {b"Authorization": RAW},
        {b"X-API-Key": b""},
        {b"X-API-Key": RAW[:-1]},
        {b"X-API-Key": RAW + b"x"},
        {b"X-API-Key": b"\xff\xfe"},
        {b"X-API-Key": KEY.upper().encode()},
    ],
)
def test_a_missing_and_a_wrong_key_are_the_same_401(
    client: TestClient, connection: Connection, headers: dict[bytes, bytes]
) -> None:
    user = factories.add_user(connection)
    for answer in (
        client.put("/v1/users", json=USER, headers=headers),
        client.put("/v1/users", json={"login": "allien"}, headers=headers),
        client.delete(f"/v1/users/{user.id}", headers=headers),
        client.delete("/v1/users/4711", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json() == {
            "detail": "this call needs the API key: Authorization: Bearer <key>,"
            " or X-API-Key: <key>"
        }
    assert [shown["id"] for shown in client.get("/v1/users").json()] == [user.id]


def test_reading_needs_no_key(client: TestClient, connection: Connection) -> None:
    user = factories.add_user(connection)
    for path in (
        "/v1/users",
        f"/v1/users/{user.id}",
        f"/v1/users/{user.id}/stats",
        f"/v1/users/{user.id}/scans",
        "/healthz",
        "/readyz",
        "/docs",
        "/openapi.json",
    ):
        assert client.get(path).status_code == 200, path


def test_without_the_setting_no_key_is_needed(make_client: MakeClient) -> None:
    assert make_client().put("/v1/users", json=USER).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_without_a_key_cross_site_requests_are_blocked(
    make_client: MakeClient, method: str
) -> None:
    address = {"PUT": "/v1/users", "POST": "/v1/users/1/scan", "DELETE": "/v1/users/1"}[method]

    answer = make_client().request(
        method, address, headers={"Sec-Fetch-Site": "cross-site"}, json={"id": 1, "login": "a"}
    )

    assert answer.status_code == 403
    assert answer.json() == {"detail": "Cross-site request blocked."}
