"""Keeps a server running, turn by turn, so that the supervisor never waits for it."""

import time
from collections.abc import Callable, Generator

from local.backoff import Backoff
from local.errors import LocalError
from local.health import Watch
from local.server import EmbeddedServer

REPLACE_LIMIT = 5.0
"""Seconds that a server which hangs has to end by itself before it is killed."""


class Keeper:
    """Starts a server, and starts it again whenever it ended or hangs.

    :param say: tells the person a line
    """

    forgiving = False
    """Whether a start that fails is said and tried again, rather than raised."""

    def __init__(self, server: EmbeddedServer, say: Callable[[str], None]) -> None:
        self.server = server
        self._say = say
        self._backoff = Backoff()
        self._start: Generator[None, None, None] | None = None
        self._watch: Watch | None = None
        self._kill_at: float | None = None
        self._complaint = ""

    @property
    def starting(self) -> bool:
        """Whether a start has begun and the server does not answer yet."""
        return self._start is not None

    @property
    def serving(self) -> bool:
        """Whether the server answered when it was asked last."""
        return self._watch is not None and self._watch.well

    def begin(self) -> None:
        """Begin a start, on the port that the programs know the server by."""
        self._backoff.begin()
        self._kill_at = None
        self._start = self.server.starting(self.server.port)

    def look(self) -> None:
        """Do what is to be done now.

        :raise LocalError: it cannot start, and that is not forgiven
        """
        if self._start is not None:
            self._go_on(self._start)
        elif self._backoff.waiting:
            if self._backoff.due:
                self.begin()
        elif not self.server.running:
            self._note_end()
        elif self._kill_at is not None:
            if time.monotonic() > self._kill_at:
                self.server.kill()
        elif self._watch is not None:
            self.server.trim_log()
            self._watch.look()
            if self._watch.overdue:
                self._replace()

    def excuse(self) -> None:
        """Forget how long the server has been silent."""
        if self._watch is not None:
            self._watch.excuse()

    def abandon(self) -> None:
        """Leave the server as it is: it shall stop, and not start again."""
        if self._start is not None:
            self._start.close()
            self._start = None
        self._backoff.cancel()
        self._end_watch()

    def _go_on(self, start: Generator[None, None, None]) -> None:
        try:
            next(start)
        except StopIteration:
            self._start = None
            self._watch = self.server.health.watch()
            if self._complaint:
                self._say(f"{self.server.name} serves again.")
                self._complaint = ""
        except LocalError as error:
            self._start = None
            if not self.forgiving:
                raise
            self._backoff.end()
            # Once, and not every half minute for as long as it takes.
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._say(f"{error}; trying again until it can.")

    def _note_end(self) -> None:
        status = self.server.process.returncode if self.server.process else None
        self.server.stop()
        self._end_watch()
        delay = self._backoff.end()
        if self._kill_at is None:
            self._say(
                f"{self.server.name} ended with status {status}; "
                f"starting it again in {delay:.0f} s."
            )

    def _replace(self) -> None:
        self._say(f"{self.server.name} does not answer; starting it again.")
        self.server.ask_to_stop()
        self._kill_at = time.monotonic() + REPLACE_LIMIT
        self._end_watch()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
