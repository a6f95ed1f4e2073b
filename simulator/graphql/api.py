"""GitHub's GraphQL API, executed by graphql-core against a world."""

from pathlib import Path
from typing import Any

from graphql import FieldNode, execute_sync

from simulator.faults import Fault, FaultKind
from simulator.graphql.context import Context
from simulator.graphql.errors import format_error
from simulator.graphql.plan import Plan, Planner, top_level_fields
from simulator.graphql.resolvers import resolve_field, resolve_type
from simulator.graphql.schema import SMALL_SCHEMA, LargeIds, load_schema
from simulator.graphql.views import rate_view
from simulator.limits import RateStatus
from simulator.messages import Call
from simulator.world import World


class GraphQLApi:
    """Answers GraphQL queries from a world. The caller holds the world's lock."""

    def __init__(
        self,
        world: World,
        schema: Path | None = None,
        large_ids: LargeIds = LargeIds.NULL,
    ) -> None:
        self._world = world
        self._schema = load_schema(schema or SMALL_SCHEMA, large_ids)
        self.plan = Planner(self._schema).plan

    def execute(self, plan: Plan, call: Call, rate: RateStatus | None) -> dict[str, Any]:
        """Execute a query; return the content of the answer.

        :param rate: None if requests are not limited
        """
        if plan.errors or plan.prepared.document is None:
            return {"errors": plan.errors}
        faults: dict[FaultKind, list[Fault]] = {}
        for fault in call.faults:
            faults.setdefault(fault.kind, []).append(fault)
        force = call.headers.get("x-github-next-global-id") == "1"
        context = Context(self._world, call, plan, rate, force, faults)
        if plan.dry_run:
            return {"data": _dry_run(plan, context)}
        result = execute_sync(
            self._schema,
            plan.prepared.document,
            context_value=context,
            variable_values=plan.variables,
            operation_name=plan.operation_name,
            field_resolver=resolve_field,
            type_resolver=resolve_type,
        )
        content: dict[str, Any] = {"data": result.data}
        if result.data is None and result.errors and not result.errors[0].path:
            del content["data"]
        if result.errors:
            content["errors"] = [format_error(error) for error in result.errors]
        return _apply_faults(content, faults)


def _apply_faults(content: dict[str, Any], faults: dict[FaultKind, list[Fault]]) -> dict[str, Any]:
    data = content.get("data")
    if not data:
        return content
    aliases = [alias for alias in data if alias != "rateLimit"]
    for fault in faults.get(FaultKind.RESOURCE_LIMITS, ()):
        alias = fault.alias or aliases[-1]
        data[alias] = None
        content.setdefault("errors", []).append(
            {
                "type": "RESOURCE_LIMITS_EXCEEDED",
                "path": [alias],
                "message": "Resource limits for this query exceeded.",
            }
        )
    for fault in faults.get(FaultKind.MISSING_ALIAS, ()):
        data.pop(fault.alias or aliases[-1], None)
    return content


def _dry_run(plan: Plan, context: Context) -> dict[str, Any]:
    """Return the rateLimit fields alone: nothing else is evaluated."""
    view = rate_view(context)
    data: dict[str, Any] = {}
    for node in top_level_fields(plan.operation) if plan.operation else ():
        if node.name.value == "rateLimit" and node.selection_set is not None:
            asked = [s for s in node.selection_set.selections if isinstance(s, FieldNode)]
            alias = node.alias.value if node.alias else "rateLimit"
            data[alias] = view and {
                s.alias.value if s.alias else s.name.value: view[s.name.value] for s in asked
            }
    return data
