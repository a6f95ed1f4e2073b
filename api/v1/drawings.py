"""Pictures that were drawn already, so that what is asked for often is drawn once."""

from collections.abc import Callable
from threading import Lock

from api.http.kept import Kept


class Drawings:
    """Draws pictures, and keeps those asked for last, up to so many bytes of them.

    A picture's key tells all that is drawn. For many threads.
    """

    def __init__(self, most_bytes: int) -> None:
        self._kept = Kept(most_bytes)
        self._lock = Lock()

    def get(self, key: str, draw: Callable[[], str]) -> bytes:
        """Return a picture, drawn now unless it is kept."""
        # Drawn with the lock held: drawing is work for the processor alone, of a millisecond and
        # with ten years of three counts of a tenth of a second, and threads share one processor.
        with self._lock:
            drawn = self._kept.find(key)
            if drawn is None:
                drawn = draw().encode()
                self._kept.keep(key, drawn)
            return drawn
