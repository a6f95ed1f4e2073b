"""A file that a worker's or beat's own loop writes: health that is more than a process id.

The worker's file is written by its consumer loop, and only while it is connected to the broker; a
loop that hangs, or that lost Redis, stops writing it. Beat's is written at each tick. What it says
is for ``worker/health.py``: whose it is, whether tasks run, and when a message was last taken.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps
from celery.signals import task_received
from celery.worker import state

from common.settings import Settings

INTERVAL = 5.0
"""Seconds between two touches of a worker's file."""

STALE_AFTER = 60.0
"""Seconds without a touch after which the process counts as stuck."""


@dataclass(frozen=True)
class Heartbeat:
    """What a process last said of itself."""

    process: int
    """Its id; of a worker's parent, which takes the messages."""
    touched_at: float
    """In epoch seconds, like the next."""
    taken_at: float | None = None
    """When it last took a message."""
    is_busy: bool = False
    """Whether a child of it works on a task."""


def path_of(settings: Settings, *, is_beat: bool) -> Path:
    """Return where the heartbeat file of this host's worker or beat is."""
    return settings.data_dir / ("beat.heartbeat" if is_beat else "worker.heartbeat")


def is_alive(path: Path, stale_after: float = STALE_AFTER) -> bool:
    """Tell whether the file was touched within so many seconds."""
    try:
        # A clock that was set back must not make a stuck process look well until it catches up.
        return abs(time.time() - path.stat().st_mtime) < stale_after
    except FileNotFoundError:
        return False


def read(path: Path) -> Heartbeat | None:
    """Return what the file says, or None where there is none that can be understood."""
    try:
        return Heartbeat(touched_at=path.stat().st_mtime, **json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def touch(path: Path, *, taken_at: float | None = None, is_busy: bool = False) -> None:
    """Say that the process is at work; a full or read-only disk must not stop it."""
    said = {"process": os.getpid(), "taken_at": taken_at, "is_busy": is_busy}
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever reads it meanwhile reads the old one.
        new.write_text(json.dumps(said))
        new.replace(path)
    except OSError:
        with suppress(OSError):
            path.touch()


def register(app: Celery, settings: Settings) -> None:
    """Let the workers of an app write their file."""
    path = path_of(settings, is_beat=False)
    taken_at: float | None = None

    def note_taken(**_: object) -> None:
        nonlocal taken_at
        taken_at = time.time()

    task_received.connect(note_taken, weak=False)

    def say() -> None:
        # Taken and not begun is not busy: a message that no child gets must not look like work.
        touch(path, taken_at=taken_at, is_busy=bool(state.active_requests))

    class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
        """Lives and dies with the consumer's connection to the broker."""

        requires = ("celery.worker.consumer.tasks:Tasks",)
        timer: Any = None

        def start(self, consumer: Any) -> None:
            say()
            self.timer = consumer.timer.call_repeatedly(INTERVAL, say)

        def stop(self, _consumer: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

        shutdown = stop

    app.steps["consumer"].add(HeartbeatStep)
