"""What GitHub allows us, shared by all workers through Redis.

Before each request a worker asks for leave; after it, it settles: gives the leave back and teaches
what the answer told. Both are one atomic script (``acquire.lua``, ``settle.lua``), so any number of
workers keep to the requests in flight, to the points a minute and to the hour's quota together, and
nobody asks while GitHub has said to wait, or refuses the credential. Redis holds no truth here:
emptied or restarted, it knows nothing of the window, lets a single request through and learns the
rest from its answer.
"""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis

from common.credentials import REFUSAL_SECONDS, block_key, quota_key, refusal_key
from worker.github.answers import Answer, Meaning
from worker.github.errors import CredentialsRefused, Limited, RedisUnavailable, TryAgain

PACE = {"core": (780, 100), "graphql": (1700, 200)}
"""Points a minute, and how many more at once after a pause: together less than the 900 and 2,000
that GitHub allows in any minute."""

_LOST_AFTER = 40.0
"""Seconds after which a request in flight is given up: its worker was killed. A request that lives
is given up by its own worker after thirty, see ``wire.DEADLINE``."""

_RESERVE = 0.05
"""The part of an hour's quota that is kept back for loads, which a person is waiting for."""

_REDIS_AWAY = 15.0
"""Seconds to stay away where Redis, without which nobody may ask, does not answer."""

_LOOK_AGAIN = 0.5
"""Seconds after which somebody who waits for a place asks again unwoken: a worker that is killed
frees its place without a word."""

_CROWDED = 15.0
"""Seconds to stay away after waiting in vain for a place among the requests in flight."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The right to send one request; to be settled, whatever comes of it."""

    resource: str
    token: str


class Budget:
    """The shared budget of one credential.

    :param name: the credential's name, see ``common.credentials``
    :param concurrency: requests in flight at once, all workers together
    :param patience: seconds that a caller waits for a place among those in flight
    :param pace: by resource, points a minute and how many more at once
    :param now: epoch seconds; by default Redis' own clock, which all workers share
    :param sleep: for tests, waits so many seconds in place of whatever is waited for
    """

    def __init__(
        self,
        client: "redis.Redis",
        name: str,
        *,
        concurrency: int = 1,
        patience: float = 30.0,
        pace: dict[str, tuple[int, int]] | None = None,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._concurrency = concurrency
        self._patience = patience
        self._pace = pace or PACE
        self._now = now
        self._sleep = sleep
        self._freed = f"repopulse:github:{name}:freed"
        self._acquire = client.register_script(_script("acquire.lua"))
        self._settle = client.register_script(_script("settle.lua"))

    def acquire(self, resource: str, *, cost: int = 1, is_load: bool = False) -> Leave:
        """Get leave for one request, waiting a little while others are in flight.

        :param resource: ``core`` or ``graphql``
        :param cost: points that the request is expected to cost
        :param is_load: may use what is kept back for loads
        :raise Limited: nobody may ask now, others were in flight all the while, or Redis does not
            answer, which is no failure of whoever is asked for
        :raise CredentialsRefused: GitHub refused the credential, and nobody may ask with it
        """
        leave = Leave(resource, f"{uuid.uuid4().hex}:{resource}:{cost}")
        left = self._patience
        arguments = [
            leave.token,
            cost,
            self._concurrency,
            *self._pace[resource],
            0 if is_load else _RESERVE,
            _LOST_AFTER,
        ]
        while True:
            try:
                told, told_wait, reason = self._run(self._acquire, resource, arguments)
            except TryAgain as error:
                raise RedisUnavailable(str(error), _spread(_REDIS_AWAY)) from error
            wait = float(told_wait)
            match told.decode():
                case "granted":
                    return leave
                case "limited":
                    raise Limited(reason.decode(errors="replace") or "rate limit", wait)
                case "refused":
                    raise CredentialsRefused("GitHub refuses the credentials", min(wait, 300.0))
            if left <= 0:
                raise Limited("other requests were in flight all the while", _spread(_CROWDED))
            is_paced = told == b"paced"
            pause = (wait if is_paced else _LOOK_AGAIN) * random.uniform(0.5, 1.5)  # noqa: S311
            left -= self._wait(min(pause, left), for_place=not is_paced)

    def _wait(self, seconds: float, *, for_place: bool) -> float:
        """Wait so long, or until a place is free; return how long it was.

        :raise Limited: Redis does not answer
        """
        if self._sleep is not None:
            self._sleep(seconds)
            return seconds
        began = time.monotonic()
        if for_place:
            try:
                # Without an end where it is zero.
                self._client.blpop([self._freed], timeout=max(seconds, 0.01))
            except redis.RedisError as error:
                raise RedisUnavailable(
                    f"Redis does not answer: {error}", _spread(_REDIS_AWAY)
                ) from error
        else:
            time.sleep(seconds)
        return time.monotonic() - began

    def settle(self, leave: Leave, answer: Answer) -> float:
        """Give leave back and learn from the answer.

        :return: seconds to wait before this resource is asked again, 0 where nobody has to
        """
        quota = answer.quota
        if quota is not None and quota.resource != leave.resource:
            quota = None
        outcome = "ok"
        if answer.meaning is Meaning.LIMITED:
            outcome = "spent" if answer.of_resource and answer.wait is not None else "limited"
        elif answer.meaning is Meaning.TRY_AGAIN:
            outcome = "failed"
        told: list[Any] = (
            [quota.limit, quota.remaining, quota.resets_in] if quota is not None else ["", 0, 0]
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

    def refuse(self) -> bool:
        """Note that GitHub refuses the credential: nobody asks with it for some hours.

        :return: whether that is news
        """
        try:
            return bool(self._client.set(refusal_key(self._name), "1", nx=True, ex=REFUSAL_SECONDS))
        except redis.RedisError as error:
            raise TryAgain(f"Redis does not answer: {error}") from error

    def _run(self, script: Any, resource: str, arguments: list[Any]) -> Any:
        moment = "" if self._now is None else f"{self._now():.3f}"
        prefix = f"repopulse:github:{self._name}"
        keys = [
            quota_key(self._name, resource),
            f"{prefix}:in_flight",
            block_key(self._name),
            refusal_key(self._name),
            self._freed,
        ]
        try:
            return script(keys=keys, args=[moment, *arguments])
        except redis.RedisError as error:
            raise TryAgain(f"Redis does not answer: {error}") from error


def _spread(seconds: float) -> float:
    """Return up to twice as long, so that not everybody comes back at the same moment."""
    return seconds * random.uniform(1, 2)  # noqa: S311 - spread, no secret


def _script(name: str) -> str:
    return files("worker.github").joinpath(name).read_text()
