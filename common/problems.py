"""What keeps workers from their work, as they report it for the API.

Redis has one hash for each part, such as ``github``, with one field for each worker that has a
problem there. A worker reports the problem each time it meets it, and its end at the next success.
Times are by Redis' clock, which all hosts share. If Redis is emptied, the next report counts as the
first.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import redis

from common.redis_client import own_key

GITHUB = "github"
"""Requests to GitHub get no usable answer."""

START = "start"
"""The process cannot start, because of a setting."""

_REPORT = """
-- KEYS[1]  problems of a part: worker -> JSON
-- KEYS[2]  when a worker last had no problem there
-- ARGV     worker, what, why; only the worker if the problem is over
-- Returns 1 if that is news of this worker, else 0.
local time = redis.call("TIME")
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if #ARGV == 1 then
  redis.call("SET", KEYS[2], string.format("%.6f", now), "EX", 604800)
  return redis.call("HDEL", KEYS[1], ARGV[1])
end
local known = redis.call("HGET", KEYS[1], ARGV[1])
local since = known and cjson.decode(known).since or now
redis.call("HSET", KEYS[1], ARGV[1],
  cjson.encode({since = since, seen = now, what = ARGV[2], why = ARGV[3]}))
redis.call("EXPIRE", KEYS[1], 604800)
return known and 0 or 1
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of one worker.

    :param since: when the worker first met it
    :param seen: when the worker last met it
    :param what: the predicate of a sentence about the part: "unreachable"
    :param why: the cause in a few words: "name resolution failed"
    """

    worker: str
    since: datetime
    seen: datetime
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Reports:
    """What all workers reported of one part.

    :param problems: those that did not end, the oldest first
    :param last_success: when any worker last had no problem; None if that is not recorded
    """

    problems: tuple[Problem, ...] = ()
    last_success: datetime | None = None


def report(client: "redis.Redis", part: str, worker: str, what: str, why: str) -> bool:
    """Report a problem of a worker; return whether it had none before.

    :raise redis.RedisError: Redis does not answer
    """
    return _run(client, part, worker, what, why)


def end(client: "redis.Redis", part: str, worker: str) -> bool:
    """Report that a worker has no problem; return whether it had one.

    :raise redis.RedisError: Redis does not answer
    """
    return _run(client, part, worker)


def read(client: "redis.Redis", part: str) -> Reports:
    """Return what workers reported of a part.

    :raise redis.RedisError: Redis does not answer
    """
    stored = client.hgetall(_key(client, part))
    success = client.get(_success_key(client, part))
    found = [_problem(worker, json.loads(value)) for worker, value in stored.items()]
    return Reports(
        tuple(sorted(found, key=lambda problem: problem.since)),
        None if success is None else datetime.fromtimestamp(float(success), UTC),
    )


def _run(client: "redis.Redis", part: str, *arguments: str) -> bool:
    script = client.register_script(_REPORT)
    return bool(script(keys=[_key(client, part), _success_key(client, part)], args=arguments))


def _problem(worker: bytes | str, stored: dict[str, object]) -> Problem:
    return Problem(
        worker=worker if isinstance(worker, str) else worker.decode(errors="replace"),
        since=datetime.fromtimestamp(float(str(stored["since"])), UTC),
        seen=datetime.fromtimestamp(float(str(stored["seen"])), UTC),
        what=str(stored["what"]),
        why=str(stored["why"]),
    )


def _key(client: "redis.Redis", part: str) -> str:
    return own_key(client, f"repopulse:problems:{part}")


def _success_key(client: "redis.Redis", part: str) -> str:
    return f"{_key(client, part)}:last_success"
