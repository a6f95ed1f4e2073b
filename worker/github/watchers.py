"""Whether GitHub shows watchers by GraphQL: one scan finds out, all workers know.

In July 2026 GitHub closed the lists of stargazers overnight. If it does so with watchers, each
query for them hides the whole repository, so all workers leave them out, and try again now and
then.
"""

import logging

import redis

log = logging.getLogger(__name__)

RETRY_AFTER = 6 * 3600
"""Seconds after which a scan queries watchers again."""


class WatcherAccess:
    """What all workers know about one credential's access to watchers.

    :param name: the credential's fingerprint, see ``common.credentials``
    """

    def __init__(self, client: "redis.Redis", name: str) -> None:
        self._client = client
        self._key = f"repopulse:github:{name}:watchers_closed"

    def graphql_watchers_available(self) -> bool:
        """Return whether to query watchers by GraphQL."""
        try:
            return self._client.exists(self._key) == 0
        except redis.RedisError:
            # The request itself will fail because of Redis.
            return True

    def mark_unavailable(self, reason: str) -> None:
        """Note that GitHub refused the watchers of all repositories of a user."""
        try:
            is_news = self._client.set(self._key, "1", nx=True, ex=RETRY_AFTER)
        except redis.RedisError:
            return
        if is_news:
            log.warning(
                "GitHub refuses watchers by GraphQL (%s): they come from REST, one request for each"
                " repository, for the next %d hours; then GraphQL is tried again",
                reason,
                RETRY_AFTER // 3600,
            )
