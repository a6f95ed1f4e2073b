"""A file that a worker's or beat's own loop touches: health that is more than a process id.

The worker's file is touched by its consumer loop, and only while it is connected to the broker; a
loop that hangs, or that lost Redis, stops touching it. Beat's is touched at each tick.
"""

import time
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps

from common.settings import Settings

_INTERVAL = 10.0
STALE_AFTER = 60.0
"""Seconds without a touch after which the process counts as stuck."""


def path_of(settings: Settings, *, is_beat: bool) -> Path:
    """Return where the heartbeat file of this host's worker or beat is."""
    return settings.data_dir / ("beat.heartbeat" if is_beat else "worker.heartbeat")


def is_alive(path: Path) -> bool:
    """Tell whether the file was touched lately."""
    try:
        return time.time() - path.stat().st_mtime < STALE_AFTER
    except FileNotFoundError:
        return False


def touch(path: Path) -> None:
    """Say that the process is at work; a full or read-only disk must not stop it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return


def register(app: Celery, settings: Settings) -> None:
    """Let the workers of an app touch their file."""
    path = path_of(settings, is_beat=False)

    class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
        """Lives and dies with the consumer's connection to the broker."""

        requires = ("celery.worker.consumer.tasks:Tasks",)
        timer: Any = None

        def start(self, consumer: Any) -> None:
            touch(path)
            self.timer = consumer.timer.call_repeatedly(_INTERVAL, touch, (path,))

        def stop(self, _consumer: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

        shutdown = stop

    app.steps["consumer"].add(HeartbeatStep)
