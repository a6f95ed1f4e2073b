"""A worker for the API's tests: it resolves lookups without GitHub, and shows what was queued."""

import json
from base64 import b64decode
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import redis
from sqlalchemy import Engine, text

from common import lookups, users
from common.broker import Queue
from common.users import TrackedUser


class FakeWorker:
    """Settles the pending lookups of logins that a test named; leaves the others pending."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, TrackedUser] = {}
        self._unknown: dict[str, str] = {}
        self._is_over = Event()
        self._thread = Thread(target=self._work, name="fake worker")

    def knows(self, user: TrackedUser, *, login: str | None = None) -> None:
        """Resolve a login to an account."""
        self._known[login or user.login] = user

    def fails(self, login: str, reason: str) -> None:
        """Fail the lookup of a login."""
        self._unknown[login] = reason

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._is_over.wait(0.01):
            with self._engine.begin() as connection:
                pending = connection.execute(
                    text("SELECT id, login FROM lookups WHERE state = 'pending'")
                ).all()
            # In a later transaction, like a real worker's: a user who was added in one that began
            # before the lookup was stored would count as tracked before the request.
            with self._engine.begin() as connection:
                for lookup_id, login in pending:
                    if user := self._known.get(login):
                        users.add(connection, user)
                        lookups.resolve(connection, lookup_id, user.id)
                    elif reason := self._unknown.get(login):
                        lookups.fail(connection, lookup_id, reason)


def sent(redis_url: str, queue: Queue = Queue.LOAD) -> list[tuple[str, list[Any]]]:
    """Return the messages in a queue as task and arguments, oldest first."""
    with redis.Redis.from_url(redis_url) as client:
        messages = [json.loads(message) for message in client.lrange(queue, 0, -1)]
    return [
        (message["headers"]["task"], json.loads(b64decode(message["body"]))[0])
        for message in reversed(messages)
    ]
