"""What is seen of an account on an Enterprise Server, and with an address that is not one."""

from collections.abc import Callable

import httpx
import pytest

from common import problems
from simulator import Fault, FaultKind, enterprise_server
from simulator.node_ids import NodeType, new_id
from tests.worker.github.lab import Lab, counts, known, target
from worker import reach
from worker.github.errors import Limited, TryAgain
from worker.github.wire import make_http_client

API = "https://github.example.com/api/v3"
NO_GRAPHQL = r"no GraphQL API at this address \(HTTP 404\): check GITHUB_API_URL"

MakeLab = Callable[..., Lab]


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    return make_lab(api=API, edition=enterprise_server())


def test_scan_takes_one_request_to_the_graphql_api(lab: Lab) -> None:
    account = lab.add("octocat", 3)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert lab.paths() == ["/api/graphql"]


def test_scan_of_an_account_on_ghe_com(make_lab: MakeLab) -> None:
    lab = make_lab(api="https://api.octocorp.ghe.com")
    account = lab.add("octocat", 3)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert lab.observe(account, node_id=None).expected == 3
    assert lab.paths() == ["/graphql", f"/user/{account.id}", "/graphql"]


def test_account_is_found_by_login_and_by_id(lab: Lab) -> None:
    account = lab.add("octocat", 1)

    assert lab.github().find_account("octocat").id == account.id
    assert lab.github().show_account(account.id).login == "octocat"
    assert lab.observe(account, node_id=None).expected == 1
    assert lab.paths() == [
        "/api/graphql",
        f"/api/v3/user/{account.id}",
        f"/api/v3/user/{account.id}",
        "/api/graphql",
    ]


@pytest.mark.parametrize("versions", [(), ("2022-11-28",), ("2022-11-28", "2026-03-10")])
def test_scan_without_a_token_reads_the_rest_api_of_each_release(
    make_lab: MakeLab, versions: tuple[str, ...]
) -> None:
    lab = make_lab(token=None, api=API, edition=enterprise_server(versions=versions))
    account = lab.add("octocat", 120)

    assert counts(lab.observe(account)) == lab.truth(account)
    assert all(path.startswith("/api/v3/") for path in lab.paths())


def test_version_of_the_rest_api_is_asked_of_github_com_alone() -> None:
    for address in ("https://api.github.com", "https://api.octocorp.ghe.com"):
        assert make_http_client(address).headers["x-github-api-version"] == "2026-03-10"
    assert "x-github-api-version" not in make_http_client(API).headers


def test_requests_in_flight_are_those_of_the_setting(lab: Lab) -> None:
    lab.observe(lab.add("octocat", 1))
    budget = lab.budget(concurrency=5, patience=0)

    for _ in range(5):
        budget.acquire("graphql")
    with pytest.raises(Limited, match="in flight"):
        budget.acquire("graphql")


def test_anonymous_requests_to_two_servers_have_a_budget_each(make_lab: MakeLab) -> None:
    server = make_lab(token=None, api=API, edition=enterprise_server())
    server.observe(server.add("octocat", 1))
    public = make_lab(token=None)
    public.simulator.fail(Fault(FaultKind.PRIMARY_LIMIT, seconds=600), times=None)

    with pytest.raises(Limited):
        public.observe(public.add("octocat", 1))

    assert public.name == "anonymous"
    assert server.observe(server.add("hubot", 1)).expected == 1


# Internal repositories


def test_internal_repository_is_not_recorded(lab: Lab) -> None:
    account = lab.add("octo-org", 2, type="Organization")
    lab.world.add_repository(account, "handbook", internal=True, stargazers=7)

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert observation.expected == len(observation.seen) == 2
    assert observation.shortfalls == ()


def test_internal_repository_in_a_list_of_the_rest_api_is_not_recorded(lab: Lab) -> None:
    account = lab.add("octo-org", 2, type="Organization")
    lab.world.add_repository(account, "handbook", internal=True, stargazers=7)
    # The owner's policy refuses GraphQL: REST is asked with the same token.
    lab.simulator.fail(Fault(FaultKind.SAML), times=None, match="graphql")

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert {seen.name for seen in observation.seen} == {"r0", "r1"}
    assert "/api/v3/users/octo-org/repos" in lab.paths()


def test_repository_that_becomes_internal_is_gone(lab: Lab) -> None:
    account = lab.add("octo-org", 2, type="Organization")
    repositories = lab.world.repositories(account)
    repositories[0].private = repositories[0].internal = True

    observation = lab.observe(account, known=known(repositories))

    assert observation.gone == (repositories[0].id,)
    assert [seen.id for seen in observation.seen] == [repositories[1].id]


def test_repository_that_is_internal_and_not_private_is_not_recorded(lab: Lab) -> None:
    account = lab.add("octo-org", 1, type="Organization")
    (repository,) = lab.world.repositories(account)
    # As no server is known to answer.
    repository.internal = True

    seen = lab.transport().get(f"/repositories/{repository.id}").usable()
    observation = make_anonymous_observation(lab, account.id)

    assert (seen["private"], seen["visibility"]) == (False, "internal")
    assert observation == {}


def make_anonymous_observation(lab: Lab, account_id: int) -> dict[int, object]:
    settings = lab.settings.model_copy(update={"github_token": None})
    account = lab.world.account_by_id(account_id)
    assert account is not None
    return dict(counts(lab.observe(account, lab.github(settings=settings))))


# Addresses that are not right


def test_address_without_a_graphql_api_is_named_as_the_reason(make_lab: MakeLab) -> None:
    lab = make_lab(api="https://github.example.com", edition=enterprise_server())
    account = lab.add("octocat", 1)

    with pytest.raises(TryAgain, match=NO_GRAPHQL):
        lab.observe(account)
    with pytest.raises(TryAgain, match=NO_GRAPHQL):
        lab.github().find_account("octocat")
    # Once more at once, and no smaller pages.
    assert len(lab.paths()) == 4


def test_address_without_a_rest_api_makes_no_account_gone(make_lab: MakeLab) -> None:
    for token in ("good", None):
        lab = make_lab(
            api="https://github.example.com/api", edition=enterprise_server(), token=token
        )
        account = lab.add("octocat", 1)

        with pytest.raises(TryAgain, match="HTTP 404 without JSON: check GITHUB_API_URL"):
            lab.observe(account, node_id=None)


def test_redirect_from_http_to_https_names_the_setting(lab: Lab) -> None:
    account = lab.add("octocat", 1)
    settings = lab.settings.model_copy(update={"github_api_url": API.replace("https:", "http:")})

    def to_https(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"location": str(request.url.copy_with(scheme="https"))})

    github = lab.github(to_https, settings=settings)

    with pytest.raises(TryAgain, match="check GITHUB_API_URL"):
        github.find_account("octocat")
    with pytest.raises(TryAgain, match="check GITHUB_API_URL"):
        lab.observe(account, github, node_id=None)
    # The last answer of the REST API was a redirect, which alone is no problem.
    reach.publish(lab.redis)
    (problem,) = problems.read(lab.redis, problems.GITHUB).problems
    assert problem.why == "URL on another host from GitHub: check GITHUB_API_URL"


def test_account_that_is_not_there_is_no_wrong_address(lab: Lab) -> None:
    account = lab.add("octocat", 1)
    missing = target(account, node_id=new_id(NodeType.USER, 999))

    observation = lab.github().observe(missing)

    assert counts(observation) == lab.truth(account)
