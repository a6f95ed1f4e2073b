"""A double of GitHub's API for tests and demonstrations."""

from tests.github_simulator.asgi import running
from tests.github_simulator.credentials import App
from tests.github_simulator.faults import Fault, FaultKind, Match
from tests.github_simulator.graphql import LargeIds
from tests.github_simulator.limits import CostModel, LimitForm, Limits, Resource, Violation
from tests.github_simulator.server import GitHubSimulator, RequestRecord
from tests.github_simulator.world import (
    Account,
    AccountType,
    BlockReason,
    Counts,
    Repository,
    Truth,
    World,
)

__all__ = [
    "Account",
    "AccountType",
    "App",
    "BlockReason",
    "CostModel",
    "Counts",
    "Fault",
    "FaultKind",
    "GitHubSimulator",
    "LargeIds",
    "LimitForm",
    "Limits",
    "Match",
    "Repository",
    "RequestRecord",
    "Resource",
    "Truth",
    "Violation",
    "World",
    "running",
]
