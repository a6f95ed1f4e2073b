"""The small schema is a part of GitHub's own."""

import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)

from simulator import GitHubSimulator, World
from simulator.graphql import SMALL_SCHEMA, load_schema
from tests.simulator.clients import REPOSITORIES, ask, client_of

ROOT = Path(__file__).resolve().parents[2]
WHOLE = Path(
    os.environ.get("GITHUB_SCHEMA") or ROOT.parent / "shared" / "github" / "schema.graphql.gz"
)

pytestmark = pytest.mark.skipif(
    not WHOLE.is_file(),
    reason="GitHub's whole schema is not on this machine; GITHUB_SCHEMA names its path",
)


@pytest.fixture(scope="module")
def whole() -> GraphQLSchema:
    return load_schema(WHOLE)


def test_the_small_schema_is_a_part_of_githubs(whole: GraphQLSchema) -> None:
    differences = []
    for name, small in load_schema(SMALL_SCHEMA).type_map.items():
        if name.startswith("__"):
            continue
        large = whole.type_map.get(name)
        if large is None or type(large) is not type(small):
            differences.append(name)
        elif isinstance(small, (GraphQLObjectType, GraphQLInterfaceType)):
            assert isinstance(large, (GraphQLObjectType, GraphQLInterfaceType))
            inherited = {interface.name for interface in large.interfaces}
            differences += [
                f"{name} is no {interface.name}"
                for interface in small.interfaces
                if interface.name not in inherited
            ]
            for field_name, field in small.fields.items():
                other = large.fields.get(field_name)
                if other is None or str(other.type) != str(field.type):
                    differences.append(f"{name}.{field_name}: {field.type}")
                    continue
                for argument_name, argument in field.args.items():
                    its = other.args.get(argument_name)
                    if its is None or (str(its.type), its.default_value) != (
                        str(argument.type),
                        argument.default_value,
                    ):
                        differences.append(f"{name}.{field_name}({argument_name})")
                differences += [
                    f"{name}.{field_name} requires {argument_name}"
                    for argument_name, argument in other.args.items()
                    if argument_name not in field.args
                    and str(argument.type).endswith("!")
                    and argument.default_value is Undefined
                ]
        elif isinstance(small, GraphQLEnumType):
            assert isinstance(large, GraphQLEnumType)
            if set(small.values) != set(large.values):
                differences.append(name)
        elif isinstance(small, GraphQLInputObjectType):
            assert isinstance(large, GraphQLInputObjectType)
            if {k: str(v.type) for k, v in small.fields.items()} != {
                k: str(v.type) for k, v in large.fields.items()
            }:
                differences.append(name)

    assert differences == []


def test_the_whole_schema_answers_as_the_small_one_does() -> None:
    world = World.synthetic(sizes=[5])
    answers = []
    for schema in (SMALL_SCHEMA, WHOLE):
        with client_of(GitHubSimulator(world, schema=schema)) as client:
            answers.append(ask(client, REPOSITORIES, login=world.accounts[0].login, first=5))

    assert answers[0] == answers[1]
    assert len(answers[0]["data"]["repositoryOwner"]["repositories"]["nodes"]) == 5
