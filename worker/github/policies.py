"""Owners whose policy refuses our credential, as all workers know them.

An organisation's IP allow list, single sign-on or its rule against a kind of token refuses public
data that anybody may read without a token. Such an owner is asked without one instead, within the
60 requests an hour that GitHub allows to an address. All such owners share them, so each takes a
share of an hour for its repositories.
"""

import logging
from collections.abc import Mapping
from typing import Any

import redis

log = logging.getLogger(__name__)

RETRY_AFTER = 20 * 3600
"""Seconds after which an owner is asked with the credential again: once a day."""

_REQUESTS = 50
"""Requests of an hour that the owners share: the others are for accounts and lists."""

_ACTIVE_SECONDS = 2 * 3600
"""Seconds for which an owner that was not read whole counts as one that takes a share: it comes
back each hour."""

SHARE_SECONDS = 3600.0
"""Seconds after which an owner that has used its share takes the next."""


_TEXTS = (
    "ip allow list enabled",
    "organization saml enforcement",
    "forbids access via a",
    "oauth app access restrictions",
)
"""Parts of GitHub's texts about a policy of an organisation or enterprise, as users report them
(NixOS/org#247, refined-github#6951, SalesforceFoundation/NPSP#7247, ossf/scorecard#1504). The third
goes on with the kind of token."""


def is_text_of_one(message: str) -> bool:
    """Return whether a text of GitHub's says that an owner's policy refuses the credential."""
    return any(text in message.lower() for text in _TEXTS)


def is_refusal(fault: Mapping[str, Any]) -> bool:
    """Return whether an error of a GraphQL answer says so, by its text or its mark."""
    extensions, message = fault.get("extensions"), fault.get("message")
    if isinstance(extensions, dict) and extensions.get("saml_failure") is True:
        return True
    return fault.get("type") == "FORBIDDEN" and isinstance(message, str) and is_text_of_one(message)


class OwnerPolicies:
    """The owners that refuse one credential.

    Without Redis nothing is known of them: the request itself will fail because of Redis.

    :param name: the credential's fingerprint, see ``common.credentials``
    """

    def __init__(self, client: "redis.Redis", name: str) -> None:
        self._client = client
        self._prefix = f"repopulse:github:{name}:policy"

    def refusal(self, user_id: int) -> str | None:
        """Return why an owner refuses the credential; None if it did not lately."""
        try:
            reason = self._client.get(self._key(user_id))
        except redis.RedisError:
            return None
        return reason.decode(errors="replace") if isinstance(reason, bytes) else None

    def note(self, user_id: int, login: str, reason: str) -> None:
        """Note that an owner refuses the credential."""
        try:
            is_news = self._client.set(self._key(user_id), reason, nx=True, ex=RETRY_AFTER)
        except redis.RedisError:
            return
        if is_news:
            log.warning(
                "the owner's policy refuses the credential: %s (%d): %s: it is asked without one,"
                " for the next %d hours",
                login,
                user_id,
                reason,
                RETRY_AFTER // 3600,
            )

    def share(self, user_id: int) -> int:
        """Return how many repositories of an owner may be read now, and count the owner in."""
        active = f"{self._prefix}:active"
        try:
            seconds, _ = self._client.time()
            with self._client.pipeline() as pipeline:
                pipeline.zadd(active, {str(user_id): seconds + _ACTIVE_SECONDS})
                pipeline.zremrangebyscore(active, "-inf", seconds)
                pipeline.zcard(active)
                pipeline.expire(active, _ACTIVE_SECONDS)
                owners = pipeline.execute()[2]
        except redis.RedisError:
            return 1
        return max(1, _REQUESTS // int(owners))

    def settle(self, user_id: int) -> None:
        """Note that an owner was read whole, so that the others' shares grow."""
        try:
            self._client.zrem(f"{self._prefix}:active", str(user_id))
        except redis.RedisError:
            # The note expires.
            return

    def _key(self, user_id: int) -> str:
        return f"{self._prefix}:{user_id}"
