"""Owners whose policy refuses the token: read without it, and never at an Enterprise Server."""

from collections.abc import Callable

import pytest

from simulator import Account, Fault, FaultKind, Limits
from simulator.policies import TEXTS
from tests.worker.github.lab import Lab, counts
from worker.github.errors import Limited, PolicyRefusal


def refuse(lab: Lab, account: Account, text: str = "ip") -> None:
    lab.simulator.fail(Fault(FaultKind.POLICY, login=account.login, text=text), times=None)


def requests(lab: Lab, *, authenticated: bool) -> list[str]:
    return [
        request.path for request in lab.simulator.requests if request.authenticated is authenticated
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_an_owner_that_refuses_the_token_is_read_without_it(lab: Lab, text: str) -> None:
    account = lab.add("octo-org", 3, type="Organization")
    refuse(lab, account, text)

    observation = lab.observe(account)

    assert counts(observation) == lab.truth(account)
    assert (observation.expected, observation.wait) == (3, None)
    assert lab.simulator.violations == []


def test_an_owner_that_was_never_scanned_is_read_without_the_token(lab: Lab) -> None:
    account = lab.add("octo-org", 3)
    refuse(lab, account)

    assert counts(lab.observe(account, node_id=None)) == lab.truth(account)


def test_the_refused_way_is_not_tried_again(lab: Lab) -> None:
    account = lab.add("octo-org", 3)
    refuse(lab, account)
    lab.observe(account)
    lab.simulator.reset_records()

    # By another worker.
    assert counts(lab.observe(account, lab.github())) == lab.truth(account)

    assert requests(lab, authenticated=True) == []


def test_other_owners_are_read_with_the_token(lab: Lab) -> None:
    refusing, other = lab.add("octo-org", 3), lab.add("octocat", 3)
    refuse(lab, refusing)
    lab.observe(refusing)
    lab.simulator.reset_records()

    assert counts(lab.observe(other)) == lab.truth(other)

    assert requests(lab, authenticated=False) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.SECONDARY_LIMIT, retry_after=60),
        Fault(FaultKind.PRIMARY_LIMIT),
        Fault(FaultKind.UNAUTHORIZED),
        Fault(FaultKind.ANSWER, status=403, text='{"message": "…", "block": {"reason": "tos"}}'),
        Fault(FaultKind.ANSWER, status=403, text='{"message": "Resource not accessible"}'),
        Fault(FaultKind.ANSWER, status=403, text="Please send a User-Agent"),
        Fault(FaultKind.NOT_FOUND),
        Fault(FaultKind.SERVER_ERROR),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.text}",
)
def test_only_a_policy_leads_there(lab: Lab, fault: Fault) -> None:
    account = lab.add("octo-org", 3)
    lab.simulator.fail(fault, times=None)

    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is no matter here
        lab.observe(account)

    assert requests(lab, authenticated=False) == []


def test_an_enterprise_server_is_never_asked_without_the_token(lab: Lab) -> None:
    account = lab.add("octo-org", 3)
    refuse(lab, account)
    for address in ("https://github.example.com", "https://api.github.com.example.com"):
        settings = lab.settings.model_copy(update={"github_api_url": address})
        github = lab.github(settings=settings)

        with pytest.raises(PolicyRefusal):
            lab.observe(account, github)
        with pytest.raises(PolicyRefusal):
            github.find_account("octo-org")

    assert requests(lab, authenticated=False) == []
    assert len(requests(lab, authenticated=True)) > 0


def test_a_login_is_found_without_the_token(lab: Lab) -> None:
    account = lab.add("octo-org", 3)
    refuse(lab, account)

    assert lab.github().find_account("octo-org").id == account.id


def test_an_hour_is_not_exceeded_and_the_reason_is_kept(lab: Lab) -> None:
    account = lab.add("octo-org", 100)
    refuse(lab, account)

    observation = lab.observe(account)

    assert len(counts(observation)) == 50
    assert observation.expected == 100
    assert observation.wait is not None
    assert 0 < observation.wait <= 3601
    (reason,) = observation.shortfalls
    assert "IP allow list" in reason.reason
    assert "read without the token" in reason.reason


def test_repositories_that_always_fail_do_not_take_the_whole_share(lab: Lab) -> None:
    account = lab.add("octo-org", 80)
    refuse(lab, account)
    repositories = lab.world.repositories(account)
    for repository in repositories[:60]:
        lab.world.block_repository(repository)

    assert counts(lab.observe(account))


def test_two_owners_share_an_hour(lab: Lab) -> None:
    first, second = lab.add("one", 100), lab.add("two", 100)
    for account in (first, second):
        refuse(lab, account)
    lab.observe(lab.add("three", 1))
    lab.observe(second)
    lab.clock.now += 3600

    read = [len(counts(lab.observe(account))) for account in (first, second)]

    assert read == [25, 25]


def test_an_hour_that_is_used_up_is_a_wait_with_the_reason(
    make_lab: Callable[..., Lab],
) -> None:
    lab = make_lab(limits=Limits(unauthenticated=2))
    first, second = lab.add("one", 10), lab.add("two", 10)
    for account in (first, second):
        refuse(lab, account)
    lab.observe(first)

    with pytest.raises(Limited, match="IP allow list") as raised:
        lab.observe(second)

    assert 0 < raised.value.wait <= 3601
    assert lab.simulator.violations == []


def test_while_github_makes_the_token_wait_nothing_is_asked_without_it(lab: Lab) -> None:
    account, other = lab.add("octo-org", 3), lab.add("octocat", 1)
    refuse(lab, account)
    lab.observe(account)
    lab.simulator.fail(Fault(FaultKind.SECONDARY_LIMIT, retry_after=600))
    with pytest.raises(Limited):
        lab.observe(other)
    lab.simulator.reset_records()

    with pytest.raises(Limited):
        lab.observe(account)

    assert lab.simulator.requests == []


def test_what_is_asked_without_the_token_keeps_its_concurrency(lab: Lab) -> None:
    account = lab.add("octo-org", 3)
    refuse(lab, account)
    lab.observe(account)
    permit = lab.budget().acquire("graphql")

    with pytest.raises(Limited, match="in flight"):
        lab.observe(account)

    assert permit.token
