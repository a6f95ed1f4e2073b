"""Whether a process that lives also works: one that hangs ends nowhere and helps nobody.

Nothing here waits: what was asked is looked at again at the supervisor's next turn. All times are
of the monotonic clock, which neither a sleeping machine nor a corrected clock moves.
"""

import errno
import socket
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from local.room import has_room

PATIENCE = 120.0
"""Seconds without an answer after which a process is said to hang."""

INTERVAL = 15.0
"""Seconds between two questions."""

ANSWER_LIMIT = 5.0
"""Seconds that an answer may take."""


class Watch(ABC):
    """Looks after one process from its start on."""

    well = True
    """Whether it answered when it was asked last."""

    def __init__(self) -> None:
        self._well_at = time.monotonic()
        self._looked_at = self._well_at
        self._asked_at: float | None = None

    def look(self) -> None:
        """Ask where it is time to, or see whether an answer has come; never wait."""
        now = time.monotonic()
        if self._asked_at is None:
            if now - self._looked_at < INTERVAL:
                return
            self._asked_at = now
        answered = self._answered()
        if answered is None and now - self._asked_at < ANSWER_LIMIT:
            return
        self.close()
        self._asked_at = None
        self._looked_at = now
        self.well = bool(answered)
        if answered:
            self._well_at = now

    def excuse(self) -> None:
        """Start counting anew: it could not have answered, or we could not have heard it."""
        self._well_at = time.monotonic()

    @property
    def overdue(self) -> bool:
        """Whether it has been silent for too long."""
        return time.monotonic() - self._well_at > PATIENCE

    @abstractmethod
    def _answered(self) -> bool | None:
        """Ask, if nothing is asked yet; None where the answer may still come."""

    @abstractmethod
    def close(self) -> None:
        """Forget what was asked."""


@dataclass(frozen=True)
class Question:
    """Something to say to a port: whatever comes back shows that the process works."""

    host: str
    port: int
    request: bytes

    def watch(self) -> Watch:
        """Return a watch that asks it."""
        return _Asking(self)


@dataclass(frozen=True)
class Pulse:
    """A file that the process touches every few seconds while it works."""

    file: Path

    def watch(self) -> Watch:
        """Return a watch that looks at its time of change."""
        return _Feeling(self.file)


def http_question(host: str, port: int, path: str) -> Question:
    """Return a question to an HTTP server."""
    return Question(host, port, f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())


class _Asking(Watch):
    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question
        self._socket: socket.socket | None = None
        self._unsent = b""

    def _answered(self) -> bool | None:
        try:
            if self._socket is None:
                self._connect()
            assert self._socket is not None  # noqa: S101 - for the type checker
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            return bool(self._socket.recv(4096))
        except BlockingIOError:
            return None
        except OSError as error:
            # macOS says so of a connection that is still being made.
            return None if error.errno == errno.ENOTCONN else False

    def _connect(self) -> None:
        family, kind, _, _, address = socket.getaddrinfo(
            self._question.host, self._question.port, type=socket.SOCK_STREAM
        )[0]
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)
        self._unsent = self._question.request
        self._socket.connect_ex(address)

    def close(self) -> None:
        """Close the connection over which it asked."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Feeling(Watch):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._seen = self._changed()

    def _answered(self) -> bool:
        # Not how old it is: the clock may have been set meanwhile.
        before, self._seen = self._seen, self._changed()
        return self._seen != before

    def close(self) -> None:
        """Leave the file where it is."""

    def _changed(self) -> int | None:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return None

    @property
    def overdue(self) -> bool:
        """Whether the file is old, though it could be touched."""
        if not super().overdue:
            return False
        if not has_room(self._file.parent):
            self.excuse()
            return False
        return True
