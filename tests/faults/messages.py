"""The messages in Redis: those in the queues, and those that a worker has taken."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.broker import Queue
from tests.faults.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a task."""

    task: str
    arguments: list[Any]
    countdown: float
    """Seconds until it may run; 0 if it may run at once."""
    is_taken: bool


def messages(cluster: Cluster) -> list[Message]:
    """Return all messages."""
    return list(_messages(cluster))


def _messages(cluster: Cluster) -> Iterator[Message]:
    with cluster.redis() as client:
        for queue in Queue:
            for waiting in client.lrange(queue, 0, -1):
                yield _read(json.loads(waiting), is_taken=False)
        for taken in client.hvals("unacked"):
            # Stored with the exchange and the routing key by which it would be redelivered.
            yield _read(json.loads(taken)[0], is_taken=True)


def _read(message: dict[str, Any], *, is_taken: bool) -> Message:
    headers = message["headers"]
    eta = headers["eta"]
    countdown = (
        (datetime.fromisoformat(eta) - datetime.now(UTC)).total_seconds() if eta is not None else 0
    )
    arguments = json.loads(base64.b64decode(message["body"]))[0]
    return Message(headers["task"], arguments, countdown, is_taken)
