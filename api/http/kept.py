"""Bodies that were made already, so that what is asked for often is made once."""

from collections import OrderedDict
from threading import Lock


class Kept:
    """Keeps the bodies asked for last, up to so many bytes of them.

    A body's key tells all that is in it: what is kept is never out of date. For many threads.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def has_room_for(self, size: int) -> bool:
        """Tell whether a body of so many bytes would be kept."""
        return size <= self._most_bytes

    def find(self, key: str) -> bytes | None:
        """Return a body, if it is kept."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def keep(self, key: str, body: bytes) -> None:
        """Keep a body, unless it is larger than all there is room for."""
        if not self.has_room_for(len(body)):
            return
        with self._lock:
            if key in self._bodies:
                return
            self._bodies[key] = body
            self._size += len(body)
            while self._size > self._most_bytes:
                _, oldest = self._bodies.popitem(last=False)
                self._size -= len(oldest)
