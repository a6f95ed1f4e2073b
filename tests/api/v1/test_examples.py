"""The examples in ``/docs`` are accounts and repositories of the demo, so that they work there."""

from datetime import date
from typing import Any

import pytest

from api.app import create_app
from api.http.describe import example_of
from api.v1 import schemas
from common.settings import Settings
from local.seed import ACCOUNTS, FOLLOWED
from simulator.entities import Account
from simulator.world import World

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
