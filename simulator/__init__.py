"""A simulated GitHub API for tests and the demo. It imports nothing of the product.

    world = World(day=date(2026, 11, 23))
    octocat = world.add_account("octocat", name="The Octocat", id=583231)
    world.add_repository(octocat, "hello", stargazers=42, forks=9, watchers=14)
    simulator = GitHubSimulator(world, tokens={"good": octocat}, limits=Limits.tenth())
    simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=60), times=1, match="graphql")
    client = httpx.Client(transport=simulator.transport(), base_url="https://api.github.com")

The same object serves a socket (`with serving(simulator) as url`), and so does
`python -m simulator`. A World has a day: counters are a function of it, and
`world.truth(day)` is what a recorder should have stored. FaultKind describes the faults and their
options, Limits the limits. With `edition=enterprise_server()` it is an Enterprise Server.

A client that is told to wait and sends a request anyway appears in `simulator.violations`. A wait
counts from the moment at which its answer was delivered, so a request then under way is no
violation. A good answer whose headers say that nothing remains counts as an order to wait.

Over HTTP the routes under `/_simulator` control it; they use no budget and are not recorded.
Bodies and answers are JSON; a mistake is a 422 with `{"error": …}`.

    GET    /_simulator            day, requests, points and statuses so far, violations, peak
    GET    /_simulator/day        {"day": "2026-11-23"}
    PUT    /_simulator/day        {"day": "2026-11-24"}
    GET    /_simulator/truth      ?day=…: "repositories": {id: [owner, stars, forks, watchers]}
    GET    /_simulator/requests   every request so far; DELETE forgets them, and the violations
    GET    /_simulator/accounts   id, login, name, type and number of public repositories
    POST   /_simulator/accounts   {"login", "name", "id", "type"}: all but the login may be left out
    POST   /_simulator/repositories  {"owner": login, "name", "stargazers", "private", …}
    POST   /_simulator/mutations  {"kind": …} and, by kind:
             set_counts               repository, stargazers, forks, watchers
             rename_account           login, new_login
             delete_account           login
             convert_to_organization  login
             rename_repository        repository, new_name
             transfer                 repository, new_owner
             delete_repository, hide_repository, show_repository   repository
             block_repository         repository, reason (dmca, tos, unavailable; null lifts it)
           where repository is an id or "owner/name"
    POST   /_simulator/faults     {"kind", options…, "times": 1 or null, "match": null or a string,
                                  or {"resource", "path", "contains", "skip"}}
    GET    /_simulator/faults     those still to come; DELETE forgets them
    PUT    /_simulator/limits     the fields of Limits that differ from GitHub's; budgets start full
    PUT    /_simulator/latency    {"seconds": 0.05}

Where it is not known what GitHub does, the simulator does this:
- `repositoryOwner` of an unknown login is null without an error, unlike `user` and `organization`.
- A databaseId beyond 32 bits is null with an error; LargeIds.NUMBER gives the number instead.
- A blocked repository stays in lists over REST, and is null with FORBIDDEN over GraphQL.
- A user that became an organisation keeps its id, and its old node id no longer resolves.
- `rateLimit(dryRun: true)` costs nothing, and only `rateLimit` is answered.
- Lists of the REST API show internal repositories to all who are authenticated, GraphQL's lists do
  with `privacy: PRIVATE` or `visibility: INTERNAL`.
- Secondary limits are counted per user or installation; GitHub does not say what it counts by.
- The price of a bare `totalCount` connection: both readings, by `Limits.cost_model`.
"""

from simulator.asgi import serving
from simulator.credentials import App
from simulator.edition import GITHUB_COM, Edition, enterprise_server
from simulator.entities import Account, AccountType, BlockReason, Counts, Repository, Truth
from simulator.faults import Fault, FaultKind, Match
from simulator.graphql import LargeIds
from simulator.limits import CostModel, LimitForm, Limits, Resource, Violation
from simulator.outcome import RequestRecord
from simulator.server import GitHubSimulator
from simulator.world import World

__all__ = [
    "GITHUB_COM",
    "Account",
    "AccountType",
    "App",
    "BlockReason",
    "CostModel",
    "Counts",
    "Edition",
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
    "enterprise_server",
    "serving",
]
