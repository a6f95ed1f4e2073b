"""The requests that GitHub allows, shared by all workers through Redis.

Before each request a worker acquires a permit; afterwards it settles the permit with what the
answer said about the quota. Each is one atomic script (``acquire.lua``, ``settle.lua``). So all
workers together keep to the requests in flight, the points a minute and the hour's quota, and none
sends a request while GitHub has said to wait or refuses the credential. Redis may be emptied or
restarted at any time: then one request is let through, and its answer tells the rest. A good answer
without a quota says that the server counts no requests, as most Enterprise Servers do not.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis

from common.credentials import (
    REFUSAL_SECONDS,
    block_key,
    expiry_key,
    quota_key,
    refusal_key,
)
from worker.github.errors import CredentialsRefused, Limited, RedisUnavailable, TryAgain
from worker.github.meaning import Answer, Meaning

log = logging.getLogger(__name__)

PACE = {"core": (780, 100), "graphql": (1700, 200)}
"""Points a minute, and the burst after a pause: together less than the 900 and 2,000 points that
GitHub allows in any minute."""

DEADLINE = 30.0
"""Seconds from the grant of a permit to the end of its request. GitHub gives up after ten."""

_LOST_AFTER = 10.0
"""Seconds from that deadline until a request in flight counts as lost, because its worker was
killed: a living worker has ended it, see ``worker.github.sockets``."""

_RESERVE = 0.05
"""The part of an hour's quota that is reserved for loads, because a person is waiting for them."""

_BACKGROUND_RESERVE = 0.3
"""The part that is reserved for scans and loads. They use GraphQL, and REST for accounts, for ids
that GraphQL cannot show, and where it refuses watchers: then each repository takes a request."""

_REDIS_AWAY = 15.0
"""Seconds to wait if Redis does not answer, without which no request is allowed."""

_NO_REDIS = "Redis does not answer"
"""The reason, which is stored and shown. The library's text holds an address; it is only logged."""

_LOOK_AGAIN = 0.5
"""Seconds after which a waiting worker tries again without being woken: a killed worker returns its
permit without waking another."""

_CROWDED = 15.0
"""Seconds to wait after no permit was returned in time."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to send one request to GitHub now; settle it even if the request fails.

    :param ends: the moment of ``time.monotonic()`` at which the request must have ended
    """

    resource: str
    token: str
    ends: float


class Budget:
    """The shared budget of one credential.

    :param name: the credential's fingerprint, see ``common.credentials``
    :param concurrency: requests in flight at once, all workers together
    :param patience: seconds that a caller waits for a permit
    :param deadline: seconds that a request may take
    :param pace: by resource, points a minute and burst
    :param now: epoch seconds; by default Redis' own clock, which all workers share
    :param sleep: for tests, replaces every wait
    """

    def __init__(
        self,
        client: "redis.Redis",
        name: str,
        *,
        concurrency: int = 1,
        patience: float = 30.0,
        deadline: float = DEADLINE,
        pace: dict[str, tuple[int, int]] | None = None,
        now: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._client = client
        self._name = name
        self._concurrency = concurrency
        self._patience = patience
        self._deadline = deadline
        self._pace = pace or PACE
        self._now = now
        self._sleep = sleep
        self._unsettled: list[tuple[str, list[Any]]] = []
        """What Redis did not take: resources, and arguments of the script."""
        self._freed = f"repopulse:github:{name}:freed"
        self._acquire = client.register_script(_script("acquire.lua"))
        self._settle = client.register_script(_script("settle.lua"))

    def acquire(
        self, resource: str, *, cost: int = 1, is_load: bool = False, is_background: bool = False
    ) -> Permit:
        """Get a permit for one request, waiting a little while other requests are in flight.

        :param resource: ``core`` or ``graphql``
        :param cost: points that the request is expected to cost
        :param is_load: may use what is reserved for loads
        :param is_background: leaves what is reserved for scans and loads
        :raise Limited: no request is allowed now, or no permit was returned in time
        :raise RedisUnavailable: Redis does not answer
        :raise CredentialsRefused: GitHub refused the credential
        """
        token = f"{uuid.uuid4().hex}:{resource}:{cost}"
        left = self._patience
        arguments = [
            token,
            cost,
            self._concurrency,
            *self._pace[resource],
            _reserve(is_load=is_load, is_background=is_background),
            self._deadline + _LOST_AFTER,
        ]
        while True:
            # Before Redis grants the permit, so that the request ends before the permit is lost.
            asked = time.monotonic()
            try:
                self._settle_late()
                verdict, seconds, reason = self._run(self._acquire, resource, arguments)
            except TryAgain as error:
                raise RedisUnavailable(str(error), _spread(_REDIS_AWAY)) from error
            wait = float(seconds)
            match verdict.decode():
                case "granted":
                    return Permit(resource, token, asked + self._deadline)
                case "limited":
                    raise Limited(reason.decode(errors="replace") or "rate limit", wait)
                case "refused":
                    raise CredentialsRefused("GitHub refuses the credentials", min(wait, 300.0))
            if left <= 0:
                raise Limited("other requests were in flight for too long", _spread(_CROWDED))
            is_paced = verdict == b"paced"
            pause = (wait if is_paced else _LOOK_AGAIN) * random.uniform(0.5, 1.5)  # noqa: S311
            left -= self._wait(min(pause, left), for_permit=not is_paced)

    def _wait(self, seconds: float, *, for_permit: bool) -> float:
        """Wait for the given time, or until a permit is returned; return the seconds waited.

        :raise RedisUnavailable: Redis does not answer
        """
        if self._sleep is not None:
            self._sleep(seconds)
            return seconds
        began = time.monotonic()
        if for_permit:
            try:
                # Zero would wait without end.
                self._client.blpop([self._freed], timeout=max(seconds, 0.01))
            except redis.RedisError as error:
                log.warning("Redis does not answer: %s", error)
                raise RedisUnavailable(_NO_REDIS, _spread(_REDIS_AWAY)) from error
        else:
            time.sleep(seconds)
        return time.monotonic() - began

    def settle(self, permit: Permit, answer: Answer) -> float:
        """Return a permit and store what the answer said about the quota.

        :return: seconds to wait before the next request for this resource, or 0
        :raise TryAgain: Redis does not answer; the next ``acquire`` stores it first
        """
        quota = answer.quota
        if answer.meaning is Meaning.CREDENTIALS_REFUSED or (
            # Of a refused credential GitHub tells the quota of this host's address.
            quota is not None and quota.resource != permit.resource
        ):
            quota = None
        outcome = "ok"
        if answer.quota is None and answer.meaning in (Meaning.DATA, Meaning.PARTIAL):
            outcome = "unlimited"
        if answer.meaning is Meaning.LIMITED:
            outcome = "spent" if answer.of_resource and answer.wait is not None else "limited"
        elif answer.meaning is Meaning.TRY_AGAIN:
            outcome = "failed"
        window: list[Any] = (
            [quota.limit, quota.remaining, quota.resets_in] if quota is not None else ["", 0, 0]
        )
        arguments = [
            permit.token,
            *window,
            outcome,
            "" if answer.wait is None else answer.wait,
            answer.reason,
            "" if answer.token_expires is None else answer.token_expires,
        ]
        try:
            return float(self._run(self._settle, permit.resource, arguments))
        except TryAgain:
            self._unsettled.append((permit.resource, arguments))
            raise

    def _settle_late(self) -> None:
        """Store what earlier answers said and Redis did not take: it may be a wait.

        :raise TryAgain: Redis does not answer
        """
        while self._unsettled:
            self._run(self._settle, *self._unsettled[0])
            del self._unsettled[0]

    def refuse(self) -> bool:
        """Note that GitHub refuses the credential: no request is sent with it for some hours.

        :return: whether that was not known yet
        """
        try:
            return bool(self._client.set(refusal_key(self._name), "1", nx=True, ex=REFUSAL_SECONDS))
        except redis.RedisError as error:
            log.warning("Redis does not answer: %s", error)
            raise TryAgain(_NO_REDIS) from error

    def _run(self, script: Any, resource: str, arguments: list[Any]) -> Any:
        now = "" if self._now is None else f"{self._now():.3f}"
        prefix = f"repopulse:github:{self._name}"
        keys = [
            quota_key(self._name, resource),
            f"{prefix}:in_flight",
            block_key(self._name),
            refusal_key(self._name),
            self._freed,
            expiry_key(self._name),
        ]
        try:
            return script(keys=keys, args=[now, *arguments])
        except redis.RedisError as error:
            log.warning("Redis does not answer: %s", error)
            raise TryAgain(_NO_REDIS) from error


def _reserve(*, is_load: bool, is_background: bool) -> float:
    if is_background:
        return _BACKGROUND_RESERVE
    return 0.0 if is_load else _RESERVE


def _spread(seconds: float) -> float:
    """Return up to twice as long, so that workers do not all come back at the same moment."""
    return seconds * random.uniform(1, 2)  # noqa: S311 - spread, no secret


def _script(name: str) -> str:
    return files("worker.github").joinpath(name).read_text()
