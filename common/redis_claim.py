"""Which installation a Redis belongs to: two that share their queues take each other's tasks.

Workers and beat write the id of their installation, the row of table ``installation``, beside the
queues, and do not start beside the id of another. Each fan-out writes it again, so that a Redis
that was emptied has an owner within a minute. A copy of a database has the same id.
"""

from uuid import UUID

import redis

from common.errors import SetupError
from common.redis_client import own_key

_KEY = "repopulse:installation"


def claim(client: "redis.Redis", installation: UUID) -> None:
    """Write that a Redis belongs to an installation, if it belongs to none.

    :raise SetupError: it belongs to another
    :raise redis.RedisError: Redis does not answer
    """
    client.set(own_key(client, _KEY), str(installation), nx=True)
    owner = get_owner(client)
    if owner not in (None, str(installation)):
        raise SetupError(f"Redis {describe(client)}")


def get_owner(client: "redis.Redis") -> str | None:
    """Return the id of the installation to which a Redis belongs; None if that is not recorded.

    :raise redis.RedisError: Redis does not answer
    """
    owner = client.get(own_key(client, _KEY))
    return owner.decode(errors="replace") if isinstance(owner, bytes) else None


def describe(client: "redis.Redis") -> str:
    """Return the predicate of a sentence about a Redis of another installation."""
    key = own_key(client, _KEY)
    return (
        "is used by another installation, and each would take the other's tasks: set REDIS_PREFIX"
        f" or another database in REDIS_URL, or, if the other is gone, delete the key {key}"
    )


def release(client: "redis.Redis") -> None:
    """Let a Redis belong to the installation that starts next.

    :raise redis.RedisError: Redis does not answer
    """
    client.delete(own_key(client, _KEY))
