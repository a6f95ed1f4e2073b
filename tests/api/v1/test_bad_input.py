"""Invalid input is answered with a 4xx that says what is wrong: no 5xx and no hang."""

# ruff: noqa: RUF001 - digits of other alphabets are bad input

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.app import create_app
from common.settings import Settings
from tests.servers import Databases, Servers

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(databases: Databases, servers: Servers) -> Iterator[TestClient]:
    """One application for all tests: invalid input changes nothing."""
    with databases.fresh() as database_url:
        settings = Settings(
            database_url=SecretStr(database_url), redis_url=SecretStr(servers.redis_url)
        )
        with TestClient(create_app(settings)) as made:
            yield made
            assert made.get("/v1/users").json() == []


def put(client: TestClient, body: object) -> list[dict[str, object]]:
    answer = client.put("/v1/users", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422, answer.text
    faults: list[dict[str, object]] = answer.json()["detail"]
    return faults


@pytest.mark.parametrize(
    "user_id", [0, -1, 2**63, 10**30, True, False, 1.0, 1.5, "1", "", [1], {"a": 1}, float("nan")]
)
def test_put_rejects_an_id_out_of_range(client: TestClient, user_id: object) -> None:
    (fault,) = put(client, {"id": user_id, "login": "allien", "name": "x"})

    assert fault["loc"] == ["body", "id"]


@pytest.mark.parametrize(
    "login",
    [
        *("", " ", "_a", "a" * 40, "a b", " a", "a\n", "a\x00", "../orgs/x", "x/repos?p=1#"),
        *("é", "１", "a.b", "a@b", "\ud800", 1, None, ["a"], True),
    ],
)
def test_put_rejects_an_invalid_login(client: TestClient, login: object) -> None:
    for body in ({"login": login}, {"id": 5, "login": login}):
        assert put(client, body)


def test_an_invalid_login_is_answered_with_the_rules(client: TestClient) -> None:
    (fault,) = put(client, {"login": "../orgs/x"})

    assert fault == {
        "type": "login",
        "loc": ["body", "login"],
        "msg": "a login must be 1 to 39 letters, digits, hyphens or underscores,"
        " and not begin with an underscore",
        "input": "../orgs/x",
    }


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\nb", "\x7f", "x\x85x", "x" * 256, "\ud800", 5, ["x"]]
)
def test_put_rejects_an_invalid_name(client: TestClient, name: object) -> None:
    (fault,) = put(client, {"id": 5, "login": "allien", "name": name})

    assert fault["loc"] == ["body", "name"]


@pytest.mark.parametrize(
    "body", [{}, {"id": 5}, {"id": 5, "name": "x"}, {"login": "allien", "name": "x"}, {"name": "x"}]
)
def test_an_incomplete_account_is_answered_with_what_to_send(
    client: TestClient, body: object
) -> None:
    (fault,) = put(client, body)

    assert fault["msg"] == (
        'send {"id", "login", "name"} with GitHub\'s account id, or {"login"} alone'
    )


@pytest.mark.parametrize("key", ["type", "Login", "", "\x00", "\ud800", "k" * 5000])
def test_put_rejects_an_unknown_key(client: TestClient, key: str) -> None:
    assert put(client, {"id": 5, "login": "allien", key: 1})


@pytest.mark.parametrize("body", [None, [], "x", 5, True, [{"login": "allien"}]])
def test_put_rejects_a_body_that_is_not_an_object(client: TestClient, body: object) -> None:
    assert put(client, body)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"\x00", b"\xff\xfe{}", b"{'login': 'x'}", b'{"login": "\xff"}'),
        *(b"[" * 15_000, b'{"id":' + b"9" * 5000 + b"}"),
    ],
    ids=range(8),
)
def test_put_rejects_invalid_json(client: TestClient, body: bytes) -> None:
    answer = client.put("/v1/users", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data"},
        {"content-type": "nonsense"},
    ],
)
def test_put_requires_the_json_content_type(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.put("/v1/users", content=b'{"login": "allien"}', headers=headers)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == (
        "send JSON, with the header Content-Type: application/json"
    )


def test_a_large_body_is_413(client: TestClient) -> None:
    body = b'{"login": "' + b"a" * 20_000 + b'"}'

    answer = client.put("/v1/users", content=body, headers=JSON)

    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "the body is larger than 16 KiB"},
    )


def test_a_large_body_of_unknown_length_is_413(client: TestClient) -> None:
    answer = client.put("/v1/users", content=(b"x" * 1000 for _ in range(50)), headers=JSON)

    assert answer.status_code == 413


def test_the_response_does_not_repeat_large_input(client: TestClient) -> None:
    bodies: list[object] = [
        {"login": "a" * 15_000},
        {"id": 5, "login": "a", "x" * 15_000: 1},
        {"id": 5, "login": "a"} | {f"k{number}": "v" * 10 for number in range(500)},
        {"login": ["a" * 15_000]},
    ]
    for body in bodies:
        answer = client.put("/v1/users", content=json.dumps(body), headers=JSON)
        assert answer.status_code == 422
        assert len(answer.content) < 4000


@pytest.mark.parametrize("user_id", ["0", "-1", "x", str(2**63), "9" * 5000, "1.5", "%00", "1e3"])
@pytest.mark.parametrize("path", ["/v1/users/{}", "/v1/users/{}/stats", "/v1/lookups/{}"])
def test_an_invalid_id_in_a_path_is_422(client: TestClient, path: str, user_id: str) -> None:
    assert client.get(path.format(user_id)).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=x", "limit=", "limit=10001", "limit=1.5"),
        *("after=-1", "after=x", f"after={2**63}"),
    ],
)
def test_an_invalid_page_is_422(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/users?{query}").status_code == 422


@pytest.mark.parametrize("which", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "day",
    [
        *("2022-02-30", "2022-6-1", "20220610", "1654819200", "2022-06-10T00:00:00", "", "today"),
        *("0000-01-01", "10000-01-01", "-001-01-01", "٢٠٢٢-٠٦-١٠", "2022-06-10\n", "\x00"),
    ],
)
def test_an_invalid_date_is_422(client: TestClient, which: str, day: str) -> None:
    answer = client.get("/v1/users/1/stats", params={which: day})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", which]
