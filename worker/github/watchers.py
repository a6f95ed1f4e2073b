"""Whether GitHub tells watchers by GraphQL at all: found out by one scan, known to all workers.

In July 2026 GitHub closed the lists of stargazers overnight. Where it does so with watchers, each
query for them hides the whole repository, so all workers leave them out, and ask now and then.
"""

import logging

import redis

log = logging.getLogger(__name__)

ASKED_AGAIN_AFTER = 6 * 3600
"""Seconds after which one scan asks for watchers again."""


class Watchers:
    """What all workers know of it, for one credential.

    :param name: the credential's name, see ``common.credentials``
    """

    def __init__(self, client: "redis.Redis", name: str) -> None:
        self._client = client
        self._key = f"repopulse:github:{name}:watchers_closed"

    def are_open(self) -> bool:
        """Tell whether to ask for watchers."""
        try:
            return self._client.exists(self._key) == 0
        except redis.RedisError:
            # The request itself will say that Redis does not answer.
            return True

    def close(self, reason: str) -> None:
        """Note that GitHub refused the watchers of every repository of somebody."""
        try:
            is_news = self._client.set(self._key, "1", nx=True, ex=ASKED_AGAIN_AFTER)
        except redis.RedisError:
            return
        if is_news:
            log.warning(
                "GitHub refuses watchers by GraphQL (%s): they come from REST, one request for each"
                " repository, for the next %d hours; then GraphQL is asked again",
                reason,
                ASKED_AGAIN_AFTER // 3600,
            )
