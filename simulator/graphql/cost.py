"""The price of a GraphQL query by GitHub's documented formula, and the nodes it may return."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    value_from_ast_untyped,
)

from simulator.limits import CostModel

NODE_LIMIT = 500_000


@dataclass
class Estimate:
    """The size of a query if every page is full."""

    requests: int = 0
    bounded_requests: int = 0
    nodes: int = 0

    def cost(self, model: CostModel) -> int:
        """Return the price in points."""
        if model is CostModel.UPPER:
            return max(1, math.floor(self.requests / 100 + 0.5))
        return max(1, round(self.bounded_requests / 100))


class Estimator:
    """Walks one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self.estimate = Estimate()

    def walk(self, operation: OperationDefinitionNode) -> Estimate:
        """Estimate an operation."""
        root = self._schema.get_root_type(operation.operation)
        if root is not None:
            self._selections(operation.selection_set, root, 1)
        return self.estimate

    def _selections(self, selections: SelectionSetNode, parent: Any, parents: int) -> None:
        for selection in selections.selections:
            if not self._included(selection):
                continue
            if isinstance(selection, FieldNode):
                self._field(selection, parent, parents)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                kind = self._schema.get_type(condition.name.value) if condition else parent
                self._selections(selection.selection_set, kind, parents)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                kind = self._schema.get_type(fragment.type_condition.name.value)
                self._selections(fragment.selection_set, kind, parents)

    def _field(self, node: FieldNode, parent: Any, parents: int) -> None:
        if not isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
            return
        definition = parent.fields.get(node.name.value)
        if definition is None or node.selection_set is None:
            return
        kind = get_named_type(definition.type)
        arguments = {a.name.value: self._value(a.value) for a in node.arguments or ()}
        if kind.name.endswith("Connection"):
            self.estimate.requests += parents
            size = arguments.get("first") or arguments.get("last")
            if isinstance(size, int):
                self.estimate.bounded_requests += parents
                parents *= max(size, 1)
                self.estimate.nodes += parents
        elif parent is self._schema.query_type and node.name.value == "nodes":
            ids = arguments.get("ids")
            parents *= len(ids) if isinstance(ids, list) else 1
            self.estimate.nodes += parents
        self._selections(node.selection_set, kind, parents)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            condition = directive.arguments[0].value if directive.arguments else None
            value = bool(self._value(condition)) if condition else True
            if directive.name.value == "skip" and value:
                return False
            if directive.name.value == "include" and not value:
                return False
        return True

    def _value(self, node: ValueNode) -> Any:
        return value_from_ast_untyped(node, dict(self._variables))
