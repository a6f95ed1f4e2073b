from collections.abc import Iterator

import pytest
import redis

from worker.github.policies import RETRY_AFTER, OwnerPolicies


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
def policies(client: "redis.Redis") -> OwnerPolicies:
    return OwnerPolicies(client, "a-token")


def test_all_workers_know_who_refuses_the_credential(
    client: "redis.Redis", policies: OwnerPolicies
) -> None:
    policies.note(1, "octo-org", "HTTP 403: an IP allow list")

    other = OwnerPolicies(client, "a-token")
    assert other.refusal(1) == "HTTP 403: an IP allow list"
    assert other.refusal(2) is None


def test_another_credential_may_be_accepted(client: "redis.Redis", policies: OwnerPolicies) -> None:
    policies.note(1, "octo-org", "HTTP 403: an IP allow list")

    assert OwnerPolicies(client, "another-token").refusal(1) is None


def test_a_refusal_is_forgotten_within_the_day(
    client: "redis.Redis", policies: OwnerPolicies
) -> None:
    policies.note(1, "octo-org", "refused")
    policies.note(1, "octo-org", "refused again, which does not keep it any longer")

    (key,) = client.scan_iter("*policy:1")
    assert 0 < client.ttl(key) <= RETRY_AFTER < 86400


def test_a_refusal_is_logged_once(
    policies: OwnerPolicies, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        policies.note(1, "octo-org", "HTTP 403: an IP allow list")

    (line,) = [each.getMessage() for each in caplog.records]
    assert "octo-org (1): HTTP 403: an IP allow list" in line


def test_owners_share_the_hour_until_they_are_read_whole(policies: OwnerPolicies) -> None:
    assert policies.share(1) == 50
    assert policies.share(1) == 50
    assert policies.share(2) == 25
    assert policies.share(1) == 25
    policies.settle(1)
    assert policies.share(2) == 50


def test_each_of_very_many_owners_has_a_share(policies: OwnerPolicies) -> None:
    assert [policies.share(owner) for owner in range(1, 201)][-1] == 1
