"""The pulse: when a sweep last came to its end, noted in Redis.

The sweep is a task like others, so a young pulse proves that beat sends and that workers take. Both
times are Redis' own: clocks of hosts that differ change nothing.
"""

import redis

_KEY = "repopulse:pulse"


def note(client: "redis.Redis") -> None:
    """Note that a sweep comes to its end now.

    :raise redis.RedisError: Redis does not answer
    """
    client.set(_KEY, _now(client))


def age(client: "redis.Redis") -> float | None:
    """Return the seconds since the last note, or None where there is none.

    :raise redis.RedisError: Redis does not answer
    """
    noted = client.get(_KEY)
    # Not below zero where that clock was set back.
    return None if noted is None else max(0.0, _now(client) - float(noted))


def _now(client: "redis.Redis") -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1_000_000
