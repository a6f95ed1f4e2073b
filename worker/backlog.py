"""A note in Redis: the last fan-out left users in the table, because the queue was full."""

import redis

from common.redis_client import own_key

_KEY = "repopulse:backlog"


def note(client: "redis.Redis", *, is_left: bool) -> None:
    """Leave the note, or remove it if no users are left."""
    if is_left:
        client.set(own_key(client, _KEY), 1)
    else:
        client.delete(own_key(client, _KEY))


def is_noted(client: "redis.Redis") -> bool:
    """Return whether there is a note."""
    return bool(client.exists(own_key(client, _KEY)))


def take(client: "redis.Redis") -> bool:
    """Remove the note; return whether this call removed it, which is true for one caller."""
    return client.delete(own_key(client, _KEY)) == 1
