"""GitHub's GraphQL API: plans (parsed and priced queries), the schema, its resolvers and views."""

from simulator.graphql.api import GraphQLApi
from simulator.graphql.plan import Plan
from simulator.graphql.schema import SMALL_SCHEMA, LargeIds, load_schema

__all__ = ["SMALL_SCHEMA", "GraphQLApi", "LargeIds", "Plan", "load_schema"]
