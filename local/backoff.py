"""When something that ended may start again: after a pause that grows while it keeps ending."""

import time

BACKOFF_LIMIT = 30.0
"""Seconds between an end and the next start at most."""

SETTLED = 60.0
"""Seconds after which what ends is no longer said to fail at once."""


class Backoff:
    """The pauses of one program or server: 1 s, 2 s, 4 s … 30 s, and 1 s again once it has run."""

    def __init__(self) -> None:
        self.failures = 0
        """Ends in a row, each soon after its start."""
        self._began = 0.0
        self._due_at: float | None = None

    def begin(self) -> None:
        """Note a start."""
        self._began = time.monotonic()
        self._due_at = None

    def end(self) -> float:
        """Note an end, and return the seconds until the next start."""
        now = time.monotonic()
        self.failures = 1 if now - self._began > SETTLED else self.failures + 1
        # Any exponent above this one gives the limit, too, and overflows one day.
        delay: float = min(BACKOFF_LIMIT, 2.0 ** min(self.failures - 1, 10))
        self._due_at = now + delay
        return delay

    def cancel(self) -> None:
        """Forget that it shall start again."""
        self._due_at = None

    @property
    def waiting(self) -> bool:
        """Whether it shall start again, now or later."""
        return self._due_at is not None

    @property
    def due(self) -> bool:
        """Whether the pause is over."""
        return self._due_at is not None and time.monotonic() >= self._due_at
