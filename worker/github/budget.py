"""What GitHub allows us, shared by all workers through Redis.

Before each request a worker asks for leave; after it, it settles: gives the leave back and teaches
what the answer told. Both are one atomic script (``acquire.lua``, ``settle.lua``), so any number of
workers keep to the requests in flight, to the points a minute and to the hour's quota together, and
nobody asks while GitHub has said to wait. Redis holds no truth here: emptied or restarted, it knows
nothing of the window, lets a single request through and learns the rest from its answer.
"""

import hashlib
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis

from worker.github.answers import Answer, Meaning
from worker.github.errors import Limited, TryAgain

_PER_MINUTE = {"core": 800, "graphql": 1800}
"""Points a minute: GitHub allows 900 and 2,000, and counts a little differently than we do."""

_LOST_AFTER = 60.0
"""Seconds after which a request in flight is given up: its worker was killed."""

_RESERVE = 0.05
"""The part of an hour's quota that is kept back for loads, which a person is waiting for."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The right to send one request; to be settled, whatever comes of it."""

    resource: str
    token: str


def credential_name(credential: str | None) -> str:
    """Return a name for a credential that tells nothing of it: each has a budget of its own."""
    if credential is None:
        return "anonymous"
    return hashlib.sha256(credential.encode()).hexdigest()[:16]


class Budget:
    """The shared budget of one credential.

    :param concurrency: requests in flight at once, all workers together
    :param patience: seconds that a caller waits for a place among those in flight
    :param now: epoch seconds; by default Redis' own clock, which all workers share
    """

    def __init__(
        self,
        client: "redis.Redis",
        credential: str | None,
        *,
        concurrency: int = 1,
        patience: float = 30.0,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = credential_name(credential)
        self._hourly = {"core": 60 if credential is None else 5000, "graphql": 5000}
        self._concurrency = concurrency
        self._patience = patience
        self._now = now
        self._sleep = sleep
        self._acquire = client.register_script(_script("acquire.lua"))
        self._settle = client.register_script(_script("settle.lua"))

    def acquire(self, resource: str, *, cost: int = 1, is_load: bool = False) -> Leave:
        """Get leave for one request, waiting a little while others are in flight.

        :param resource: ``core`` or ``graphql``
        :param cost: points that the request is expected to cost
        :param is_load: may use what is kept back for loads
        :raise Limited: nobody may ask now
        :raise TryAgain: others were in flight all the while, or Redis does not answer
        """
        leave = Leave(resource, f"{uuid.uuid4().hex}:{resource}:{cost}")
        deadline = time.monotonic() + self._patience
        reserve = 0 if is_load else int(self._hourly[resource] * _RESERVE)
        while True:
            granted, wait, reason = self._run(
                self._acquire,
                resource,
                [
                    leave.token,
                    cost,
                    self._concurrency,
                    _PER_MINUTE[resource],
                    reserve,
                    _LOST_AFTER,
                ],
            )
            if granted:
                return leave
            why = reason.decode()
            if why != "busy":
                raise Limited(why.removeprefix("limited: ") or "rate limit", float(wait))
            if time.monotonic() > deadline:
                raise TryAgain("other requests were in flight all the while")
            self._sleep(float(wait) * random.uniform(0.5, 1.5))  # noqa: S311 - spread, no secret

    def settle(self, leave: Leave, answer: Answer) -> float:
        """Give leave back and learn from the answer.

        :return: seconds that everybody waits from now on, 0 where nobody has to
        """
        quota = answer.quota
        if quota is not None and quota.resource != leave.resource:
            quota = None
        outcome = {Meaning.LIMITED: "limited", Meaning.TRY_AGAIN: "failed"}.get(
            answer.meaning, "ok"
        )
        told: list[Any] = (
            [quota.resource, quota.limit, quota.remaining, quota.resets_in]
            if quota is not None
            else ["", 0, 0, 0]
        )
        wait = self._run(
            self._settle,
            leave.resource,
            [
                leave.token,
                *told,
                outcome,
                "" if answer.wait is None else answer.wait,
                answer.reason,
            ],
        )
        return float(wait)

    def _run(self, script: Any, resource: str, arguments: list[Any]) -> Any:
        moment = "" if self._now is None else f"{self._now():.3f}"
        prefix = f"repopulse:github:{self._name}"
        try:
            return script(
                keys=[f"{prefix}:{resource}", f"{prefix}:in_flight", f"{prefix}:block"],
                args=[moment, *arguments],
            )
        except redis.RedisError as error:
            raise TryAgain(f"Redis does not answer: {error}") from error


def _script(name: str) -> str:
    return files("worker.github").joinpath(name).read_text()
