"""Which workers run: each says so in Redis every few seconds, while it is connected to its queues.

Times are by Redis' clock, which all hosts share.
"""

import redis

from common.redis_client import own_key

SEEN_WITHIN = 20
"""Seconds since it last said so, after which a worker does not count: four times are missed."""

_KEY = "repopulse:workers"

_NOTE = """
-- KEYS[1]  worker -> when it said last that it runs
-- ARGV     worker, seconds after which others are forgotten
local time = redis.call("TIME")
redis.call("ZADD", KEYS[1], time[1], ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", time[1] - ARGV[2])
redis.call("EXPIRE", KEYS[1], ARGV[2])
"""

_READ = """
-- KEYS[1]  as above
-- ARGV     seconds
local time = redis.call("TIME")
return redis.call("ZRANGEBYSCORE", KEYS[1], time[1] - ARGV[1], "+inf")
"""


def note(client: "redis.Redis", worker: str) -> None:
    """Note that a worker runs.

    :raise redis.RedisError: Redis does not answer
    """
    client.register_script(_NOTE)(keys=[own_key(client, _KEY)], args=[worker, SEEN_WITHIN])


def forget(client: "redis.Redis", worker: str) -> None:
    """Note that a worker has ended.

    :raise redis.RedisError: Redis does not answer
    """
    client.zrem(own_key(client, _KEY), worker)


def read(client: "redis.Redis") -> list[str]:
    """Return the names of the workers that run, in order.

    :raise redis.RedisError: Redis does not answer
    """
    script = client.register_script(_READ)
    names = script(keys=[own_key(client, _KEY)], args=[SEEN_WITHIN])
    return sorted(name.decode(errors="replace") for name in names)
