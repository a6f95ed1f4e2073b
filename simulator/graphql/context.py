"""What a resolver knows about the query that it answers."""

from dataclasses import dataclass, field

from graphql import GraphQLResolveInfo

from simulator.faults import Fault, FaultKind
from simulator.graphql.plan import Plan
from simulator.limits import RateStatus
from simulator.messages import Call
from simulator.world import World


@dataclass
class Context:
    """The query that is executed, and what its answer depends on."""

    world: World
    call: Call
    plan: Plan
    rate: RateStatus | None
    force_new_ids: bool
    faults: dict[FaultKind, list[Fault]] = field(default_factory=dict)


Info = GraphQLResolveInfo[Context]
