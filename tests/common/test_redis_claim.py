"""Which installation a Redis belongs to."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from common import redis_claim
from common.errors import SetupError
from common.redis_client import Client, make_redis
from common.settings import Settings

OURS, THEIRS = uuid4(), uuid4()


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with make_redis(settings) as opened:
        yield opened


@pytest.fixture
def prefixed(settings: Settings) -> Iterator[Client]:
    with make_redis(settings.model_copy(update={"redis_prefix": "team-a:"})) as opened:
        yield opened


def test_redis_belongs_to_the_first_installation(client: Client) -> None:
    redis_claim.claim(client, OURS)
    redis_claim.claim(client, OURS)

    with pytest.raises(SetupError) as refused:
        redis_claim.claim(client, THEIRS)

    assert "REDIS_PREFIX" in str(refused.value)
    assert "delete the key repopulse:installation" in str(refused.value)
    assert redis_claim.get_owner(client) == str(OURS)


def test_redis_that_was_emptied_belongs_to_the_next(client: Client) -> None:
    redis_claim.claim(client, OURS)
    client.flushall()

    redis_claim.claim(client, THEIRS)

    assert redis_claim.get_owner(client) == str(THEIRS)


def test_each_prefix_has_an_owner_of_its_own(client: Client, prefixed: Client) -> None:
    redis_claim.claim(client, OURS)
    redis_claim.claim(prefixed, THEIRS)

    assert redis_claim.get_owner(client) == str(OURS)
    assert redis_claim.get_owner(prefixed) == str(THEIRS)
    with pytest.raises(SetupError, match="delete the key team-a:repopulse:installation"):
        redis_claim.claim(prefixed, OURS)


def test_redis_that_is_released_belongs_to_the_next(client: Client) -> None:
    redis_claim.claim(client, OURS)
    redis_claim.release(client)

    redis_claim.claim(client, THEIRS)
