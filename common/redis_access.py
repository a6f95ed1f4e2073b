"""Whether a Redis can do the work: it answers a ping long before.

Rights are checked by commands that change nothing. Redis looks at the rights before it looks at the
arguments: a command for which the key has the wrong type, or an argument the wrong form, fails in
another way if the user may run it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import (
    ExecAbortError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from common.redis_client import own_key

_QUEUES = ("control", "load", "scan", "background")

_PROBE = "repopulse:probe"

_ON_PROBE: tuple[tuple[str, ...], ...] = (
    *((name,) for name in ("GET", "HGETALL", "HLEN", "LLEN", "ZCARD", "SMEMBERS", "RPOP", "TTL")),
    *((name, "a") for name in ("HMGET", "HGET", "HDEL", "ZREM", "SREM", "SADD", "LPUSH", "RPUSH")),
    *((name, "a") for name in ("BLPOP", "BRPOP")),
    *(
        (name, "0", "0")
        for name in ("LRANGE", "LTRIM", "ZRANGE", "ZRANGEBYSCORE", "ZREMRANGEBYSCORE")
    ),
    ("HSET", "a", "b"),
    ("HINCRBY", "a", "1"),
    ("HINCRBYFLOAT", "a", "1"),
    ("ZADD", "1", "a"),
    ("EXISTS",),
    ("EXPIRE", "60"),
    ("PEXPIRE", "60000"),
)
"""Commands of our own, of our scripts and of kombu, without their key, which holds a text."""

_WITHOUT_KEY = (
    *(("PING",), ("TIME",), ("EVALSHA", "none", "0")),
    *(("SCRIPT", "LOAD", "return 1"), ("SCRIPT", "EXISTS", "none")),
    *(("UNWATCH",), ("MULTI",), ("EXEC",)),
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a Redis from doing the work.

    :param words: the predicate of a sentence about Redis, with what to do
    :param may_pass: without a change by the operator
    """

    words: str
    may_pass: bool = False


def find_obstacle(client: "redis.Redis", *, is_consumer: bool = False) -> Obstacle | None:
    """Return what keeps a Redis from doing the work, or None.

    :param is_consumer: it is to take messages as well, not only to send them
    :raise redis.RedisError: Redis does not answer
    """
    try:
        return _check_kind(client) or _check_commands(client, is_consumer)
    except NoPermissionError as error:
        # At the connection, such as to select a database.
        return _lacks(_grants(client, [error]))


def _check_kind(client: "redis.Redis") -> Obstacle | None:
    try:
        # Every user may run it.
        told: Any = client.execute_command("HELLO")  # type: ignore[no-untyped-call]
    except ResponseError:
        # A server that is no Redis, and speaks its protocol.
        return None
    # RESP2 has no maps.
    pairs = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
    match pairs.get(b"mode"):
        case b"cluster":
            return Obstacle(
                "is a Redis Cluster, which Celery cannot use: set REDIS_URL to a single server"
                " or to Sentinels"
            )
        case b"sentinel":
            return Obstacle(
                "is a Sentinel: set REDIS_URL to sentinel://host:26379/0?master_name=mymaster"
            )
    return None


def _check_commands(client: "redis.Redis", is_consumer: bool) -> Obstacle | None:
    probe = own_key(client, _PROBE)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.set(probe, "text", ex=60)
        for name, *arguments in _ON_PROBE:
            pipeline.execute_command(name, probe, *arguments)  # type: ignore[no-untyped-call]
        for command in (*_on_keys(client), *_WITHOUT_KEY):
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        # Nobody subscribes to this channel.
        pipeline.publish(_channel(client, "repopulse"), "")
        pipeline.delete(probe)
        answers = pipeline.execute(raise_on_error=False)
    if is_consumer:
        answers += [_watch(client, probe), *_subscribe(client)]
    refusals = [answer for answer in answers if _is_refusal(answer)]
    if refusals:
        return _lacks(_grants(client, refusals))
    return _describe_refused_write(answers[0])


def _on_keys(client: "redis.Redis") -> list[tuple[str, ...]]:
    """Return commands on the keys themselves, which a user may be kept from."""
    return [
        *(("BRPOP", own_key(client, queue), "a") for queue in _QUEUES),
        ("HDEL", own_key(client, "unacked"), "none"),
        ("ZREM", own_key(client, "unacked_index"), "none"),
        ("GET", own_key(client, "unacked_mutex")),
        ("SREM", own_key(client, "_kombu.binding.control"), "none"),
        # Answers to the question which workers there are.
        ("RPOP", own_key(client, "none.reply.celery.pidbox")),
        ("DEL", "repopulse:github:none"),
    ]


def _is_refusal(answer: object) -> bool:
    # That of EXEC is wrapped: "Transaction discarded because of: NOPERM …".
    return isinstance(answer, NoPermissionError) or (
        isinstance(answer, ExecAbortError) and "NOPERM" in str(answer)
    )


def _watch(client: "redis.Redis", key: str) -> NoPermissionError | None:
    with client.pipeline() as pipeline:
        try:
            pipeline.watch(key)  # type: ignore[no-untyped-call]
        except NoPermissionError as error:
            return error
    return None


def _subscribe(client: "redis.Redis") -> list[NoPermissionError]:
    """Subscribe as Celery does; a pattern has to be among the user's as it is, or all are."""
    refusals = []
    for command in ("PSUBSCRIBE", "PUNSUBSCRIBE"):
        with client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
            try:
                pubsub.execute_command(command, _channel(client, "celery.pidbox"))
                pubsub.parse_response(block=False, timeout=2)
            except NoPermissionError as error:
                refusals.append(error)
    return refusals


def _channel(client: "redis.Redis", name: str) -> str:
    database = client.get_connection_kwargs().get("db") or 0
    return own_key(client, f"/{database}.{name}")


def _grants(client: "redis.Redis", refusals: Iterable[Exception]) -> list[str]:
    """Return what is to be granted, as ``ACL SETUSER`` has it; Redis says what was refused."""
    grants: dict[str, None] = {}
    for refusal in refusals:
        text = str(refusal)
        command = re.search(r"'(\S+)' command", text)
        if command:
            grants[f"+{command[1]}"] = None
        elif "channel" in text:
            grants["&*"] = None
        else:
            prefix = own_key(client, "")
            grants |= dict.fromkeys((f"~{prefix}*", "~repopulse:github:*") if prefix else ("~*",))
    return list(grants)


def _lacks(grants: list[str]) -> Obstacle:
    return Obstacle(
        f"refuses what the work needs: ACL SETUSER <the user of REDIS_URL> {' '.join(grants)}"
    )


def _describe_refused_write(answer: object) -> Obstacle | None:
    match answer:
        case OutOfMemoryError():
            return Obstacle("is full: raise its maxmemory", may_pass=True)
        case ReadOnlyError():
            return Obstacle("is a replica, which refuses writes: set REDIS_URL to its master")
        case ResponseError():
            # Such as MISCONF, if it cannot write to its disk.
            return Obstacle(f"refuses writes: {str(answer).partition('.')[0]}", may_pass=True)
    return None
