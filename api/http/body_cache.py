"""Bodies that were sent before, by ETag.

An ETag covers everything in its body, so no body is ever stale.
"""

from contextlib import suppress
from threading import Lock

from cachetools import LRUCache


class BodyCache:
    """The latest bodies, up to some bytes in total."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._bodies: LRUCache[str, bytes] = LRUCache(maxsize=max_bytes, getsizeof=len)
        self._lock = Lock()

    def get(self, tag: str) -> bytes | None:
        """Return the body of an ETag, if it is kept."""
        with self._lock:
            return self._bodies.get(tag)

    def put(self, tag: str, body: bytes) -> None:
        """Keep a body, unless it is larger than the cache."""
        with self._lock, suppress(ValueError):
            self._bodies[tag] = body
