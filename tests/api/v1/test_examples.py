"""The examples in ``/docs``: those of requests work in the demo, those of errors are real."""

import re
from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection
from starlette.testclient import TestClient

from api.app import create_app
from api.http.describe import example_of
from api.v1 import schemas
from common import clock
from common.settings import Settings
from local.seed import ACCOUNTS, FOLLOWED
from simulator.entities import Account
from simulator.world import World
from tests import factories
from tests.api.conftest import MakeClient

SCHEMA: dict[str, Any] = create_app(Settings()).openapi()


@pytest.fixture(scope="module")
def world() -> World:
    """The accounts of the demo."""
    return World.synthetic(accounts=ACCOUNTS, day=date(2026, 11, 28))


def account_of(world: World, login: str) -> Account:
    account = world.account(login)
    assert account is not None, login
    return account


def test_the_accounts_to_follow_are_in_the_demo_and_not_followed_yet(world: World) -> None:
    body = SCHEMA["paths"]["/v1/users"]["put"]["requestBody"]["content"]["application/json"]
    examples = [example["value"] for example in body["examples"].values()]
    free = world.accounts[FOLLOWED:]

    assert len(examples) == 2
    for example in examples:
        account = account_of(world, example["login"])
        assert account in free
        assert example.get("id", account.id) == account.id
        assert example.get("name", account.name) == account.name


def test_the_followed_user_and_the_repository_are_in_the_demo(world: World) -> None:
    user, repository = example_of(schemas.User), example_of(schemas.Repository)
    account = account_of(world, user["login"])

    assert account in world.accounts[:FOLLOWED]
    assert user == {"id": account.id, "login": account.login, "name": account.name}
    assert [(each.id, each.name) for each in world.repositories(account)] == [
        (repository["id"], repository["name"])
    ]
    assert repository["full_name"] == f"{user['login']}/{repository['name']}"
    assert repository["user_id"] == user["id"]


def test_the_ids_of_paths_are_those_of_the_examples() -> None:
    ids = {
        parameter["name"]: parameter["schema"]["examples"]
        for operations in SCHEMA["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path"
    }

    assert ids["user_id"] == [example_of(schemas.User)["id"]]
    assert ids["repo_id"] == [example_of(schemas.Repository)["id"]]


def test_an_example_of_a_table_is_the_same_as_csv() -> None:
    content = SCHEMA["paths"]["/v1/users/{user_id}/repos"]["get"]["responses"]["200"]["content"]
    (row,) = content["application/json"]["example"]
    head, cells = content["text/csv"]["example"].strip("\r\n").split("\r\n")
    table = dict(zip(head.split(","), cells.split(","), strict=True))

    assert table["full_name"] == row["full_name"]
    assert table["fork"] == "false"
    assert table["absent_since"] == ""
    assert table["stargazers"] == str(row["latest"]["stargazers"])
    assert table["stargazers_7d"] == str(row["changes"]["7"]["stargazers"])
    assert table["stargazers_365d"] == ""


ERRORS = [
    ("get", "/v1/users", "422", "/v1/users?limit=0", {}),
    ("get", "/v1/users/{user_id}", "404", "/v1/users/5", {}),
    ("get", "/v1/users/{user_id}", "422", "/v1/users/0", {}),
    ("get", "/v1/lookups/{lookup_id}", "404", "/v1/lookups/5", {}),
    ("get", "/v1/lookups/{lookup_id}", "422", "/v1/lookups/0", {}),
    ("get", "/v1/repos", "422", "/v1/repos?full_name=safe-queue", {}),
    ("get", "/v1/repos/{repo_id}", "404", "/v1/repos/5", {}),
    ("get", "/v1/repos/{repo_id}", "422", "/v1/repos/0", {}),
    (
        *("get", "/v1/users/{user_id}/stats", "422"),
        *("/v1/users/1428904/stats?date_from=2026-11-02&date_to=2026-11-01", {}),
    ),
    (
        *("get", "/v1/users/{user_id}/stats", "406"),
        *("/v1/users/1428904/stats", {"Accept": "image/png"}),
    ),
    ("get", "/v1/users/{user_id}/repos", "422", "/v1/users/1428904/repos?fork=yes", {}),
    ("get", "/v1/users/{user_id}/growth", "422", "/v1/users/1428904/growth?by=stars", {}),
    ("get", "/v1/growth", "422", "/v1/growth?by=stars", {}),
    ("get", "/v1/portfolio", "422", "/v1/portfolio?metric=stars", {}),
    (
        *("get", "/v1/users/{user_id}/chart.svg", "422"),
        *("/v1/users/1428904/chart.svg?width=100&strict=1", {}),
    ),
    ("get", "/v1/imports/{import_id}", "404", "/v1/imports/5", {}),
    ("post", "/v1/imports", "422", "/v1/imports?format=xls&name=a", {}),
    (
        "get",
        "/v1/repos/{repo_id}/badge.svg",
        "422",
        "/v1/repos/5/badge.svg?metric=stars&strict=1",
        {},
    ),
    (
        *("post", "/v1/users/{user_id}/scan", "403"),
        *("/v1/users/1428904/scan", {"Sec-Fetch-Site": "cross-site"}),
    ),
]


@pytest.mark.parametrize(("method", "path", "status", "url", "headers"), ERRORS)
def test_the_example_of_an_error_is_what_the_api_answers(
    client: TestClient,
    connection: Connection,
    *,
    method: str,
    path: str,
    status: str,
    url: str,
    headers: dict[str, str],
) -> None:
    factories.add_user(connection, 1428904)
    described = SCHEMA["paths"][path][method]["responses"][status]

    response = client.request(method, url, headers=headers)

    assert str(response.status_code) == status
    assert response.json() == described["content"]["application/json"]["example"]


def test_the_example_of_a_missing_key_is_what_the_api_answers(make_client: MakeClient) -> None:
    client = make_client(api_key=SecretStr("secret"))
    described = SCHEMA["paths"]["/v1/users/{user_id}"]["delete"]["responses"]["401"]

    response = client.delete("/v1/users/1428904")

    assert response.json() == described["content"]["application/json"]["example"]


def test_the_example_of_a_scan_requested_too_soon_differs_only_in_the_seconds(
    client: TestClient, connection: Connection
) -> None:
    user = factories.add_user(connection)
    factories.add_scan(connection, user, clock.today(connection))
    described = SCHEMA["paths"]["/v1/users/{user_id}/scan"]["post"]["responses"]["429"]

    response = client.post(f"/v1/users/{user.id}/scan")

    example = described["content"]["application/json"]["example"]["detail"]
    assert response.status_code == 429
    assert re.sub(r"\d+ seconds", "", response.json()["detail"]) == (
        re.sub(r"\d+ seconds", "", example)
    )
