"""A query that was parsed, validated and priced, before it is executed."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
    value_from_ast_untyped,
)

from simulator.graphql.cost import NODE_LIMIT, Estimate, Estimator
from simulator.graphql.errors import format_error
from simulator.limits import CostModel

CACHED_DOCUMENTS = 512


@dataclass(frozen=True)
class Prepared:
    """A document that was parsed and validated."""

    document: DocumentNode | None
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    errors: list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """A query with its price, ready to be executed."""

    prepared: Prepared
    operation: OperationDefinitionNode | None
    operation_name: str | None
    variables: dict[str, Any]
    estimate: Estimate
    cost: int
    dry_run: bool
    errors: list[dict[str, Any]]
    bad_request: str | None = None


class Planner:
    """Makes plans from the bodies of requests."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        # A client sends the same few documents again and again.
        self._prepare = lru_cache(maxsize=CACHED_DOCUMENTS)(self._parse)

    def plan(self, body: bytes, cost_model: CostModel) -> Plan:
        """Read a request's body, and price its query."""
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _refused_plan("Problems parsing JSON")
        if not isinstance(content, dict) or not isinstance(content.get("query"), str):
            return _refused_plan("A query attribute must be specified and must be a string.")
        variables = content.get("variables") or {}
        if not isinstance(variables, dict):
            return _refused_plan("Variables must be an object.")
        name = content.get("operationName")
        prepared = self._prepare(content["query"])
        operation = prepared.operations.get(name)
        errors = prepared.errors
        if operation is None and not errors:
            errors = [{"message": f"No operation named {json.dumps(name)}"}]
        if operation is None or errors:
            return Plan(prepared, None, name, variables, Estimate(), 1, False, errors)
        defaults = {
            definition.variable.name.value: _literal(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        given = {**defaults, **variables}
        estimate = Estimator(self._schema, prepared.fragments, given).walk(operation)
        if estimate.nodes > NODE_LIMIT:
            message = (
                f"This query requests up to {estimate.nodes:,} possible nodes which exceeds the"
                f" maximum limit of {NODE_LIMIT:,}."
            )
            errors = [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]
        cost = estimate.cost(cost_model)
        dry_run = _is_dry_run(operation, given)
        return Plan(prepared, operation, name, variables, estimate, cost, dry_run, errors)

    def _parse(self, query: str) -> Prepared:
        try:
            document = parse(query, no_location=False)
        except GraphQLError as error:
            return Prepared(None, {}, {}, [format_error(error)])
        errors = validate(self._schema, document)
        operations: dict[str | None, OperationDefinitionNode] = {}
        fragments = {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                operations[definition.name.value if definition.name else None] = definition
            elif isinstance(definition, FragmentDefinitionNode):
                fragments[definition.name.value] = definition
        if len(operations) == 1:
            operations.setdefault(None, next(iter(operations.values())))
        return Prepared(document, operations, fragments, [format_error(error) for error in errors])


def _refused_plan(message: str) -> Plan:
    nothing = Prepared(None, {}, {}, [])
    return Plan(nothing, None, None, {}, Estimate(), 1, False, [], bad_request=message)


def top_level_fields(operation: OperationDefinitionNode) -> list[FieldNode]:
    """Return the fields that a query selects at its top."""
    return [s for s in operation.selection_set.selections if isinstance(s, FieldNode)]


def _is_dry_run(operation: OperationDefinitionNode, variables: dict[str, Any]) -> bool:
    return any(
        argument.name.value == "dryRun" and _literal(argument.value, variables) is True
        for node in top_level_fields(operation)
        if node.name.value == "rateLimit"
        for argument in node.arguments or ()
    )


def _literal(node: Any, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)
