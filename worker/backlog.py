"""The backlog: that the last fan-out left users in the table for want of room, noted in Redis.

Whoever finds the queue nearly empty takes the note and sends the next fan-out: beat's sweeps alone
would hand out one queue's length a minute. A note that is lost costs no more than the time to the
next sweep.
"""

import redis

_KEY = "repopulse:backlog"


def note(client: "redis.Redis", *, is_left: bool) -> None:
    """Note whether somebody may be left.

    :raise redis.RedisError: Redis does not answer
    """
    if is_left:
        client.set(_KEY, 1)
    else:
        client.delete(_KEY)


def take(client: "redis.Redis") -> bool:
    """Take the note away; of several who try, one is told that it was there.

    :raise redis.RedisError: Redis does not answer
    """
    return client.delete(_KEY) == 1
