"""The schema, with the resolvers in place.

`databaseId` is a 32-bit Int in GitHub's schema. What GitHub does with a larger id is not known, so
by default the simulator does what the GraphQL specification says: null, and an error.
"""

import gzip
from enum import StrEnum
from functools import cache
from pathlib import Path

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema

from simulator.graphql.resolvers import RESOLVERS

SMALL_SCHEMA = Path(__file__).parent.with_name("schema.graphql")
"""The part of GitHub's schema that the simulator knows; GitHub's whole schema works too."""


class LargeIds(StrEnum):
    """How a databaseId is answered that does not fit 32 bits."""

    NULL = "null"
    """Null with an error, as GraphQL's specification has it."""
    NUMBER = "number"
    """The number, as if GitHub had widened the type."""


@cache
def load_schema(path: Path, large_ids: LargeIds = LargeIds.NULL) -> GraphQLSchema:
    """Return the schema of a file, plain or gzipped, with its resolvers; built once."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    if large_ids is LargeIds.NUMBER:
        text = text.replace("databaseId: Int\n", "databaseId: BigInt\n") + "\nscalar BigInt\n"
    schema = build_schema(text, assume_valid=True, no_location=True)
    for type_name, resolvers in RESOLVERS.items():
        kind = schema.get_type(type_name)
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for field_name, resolver in resolvers.items():
                kind.fields[field_name].resolve = resolver
    return schema
