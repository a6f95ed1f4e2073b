"""The heartbeat: a file that the loop of a worker or of beat writes, for ``worker/health.py``.

A worker's consumer loop writes it while it is connected to the broker, so a loop that hangs or has
lost Redis stops writing. Beat writes its file at each tick. The file says which process wrote it,
whether a task runs, and when a message was last taken. At the same time the worker notes in Redis
that it runs, for the API.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from celery import Celery, bootsteps
from celery.signals import task_received
from celery.worker import state

from common import running_workers
from common.redis_client import Client, make_redis
from common.settings import Settings

INTERVAL = 5.0
"""Seconds between two heartbeats of a worker."""

STALE_AFTER = 60.0
"""Seconds without a heartbeat after which a process is unhealthy."""


@dataclass(frozen=True)
class Heartbeat:
    """The last heartbeat of a process; times are epoch seconds."""

    process: int
    """Its id; a worker's main process, which takes the messages."""
    written_at: float
    taken_at: float | None = None
    """When it last took a message."""
    is_busy: bool = False
    """Whether one of its children runs a task."""


def path_of(settings: Settings, *, is_beat: bool) -> Path:
    """Return the path of the heartbeat file of this host's worker or beat."""
    return settings.data_dir / ("beat.heartbeat" if is_beat else "worker.heartbeat")


def is_fresh(path: Path, stale_after: float = STALE_AFTER) -> bool:
    """Return whether a heartbeat was written in the last seconds."""
    try:
        # abs: if the clock was set back, a stuck process must not look healthy until it catches up.
        return abs(time.time() - path.stat().st_mtime) < stale_after
    except FileNotFoundError:
        return False


def read(path: Path) -> Heartbeat | None:
    """Return the last heartbeat, or None if the file is missing or invalid."""
    try:
        return Heartbeat(written_at=path.stat().st_mtime, **json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, *, taken_at: float | None = None, is_busy: bool = False) -> None:
    """Write a heartbeat of this process; a full or read-only disk must not stop it."""
    content = {"process": os.getpid(), "taken_at": taken_at, "is_busy": is_busy}
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed, so that no reader sees half a file.
        new.write_text(json.dumps(content))
        new.replace(path)
    except OSError:
        with suppress(OSError):
            path.touch()


def register(app: Celery, settings: Settings) -> None:
    """Make the workers of an app write their heartbeat."""
    path = path_of(settings, is_beat=False)
    taken_at: float | None = None

    def record_taken(**_: object) -> None:
        nonlocal taken_at
        taken_at = time.time()

    task_received.connect(record_taken, weak=False)

    def beat() -> None:
        # Only running tasks count as busy: a message that was taken and reaches no child is stuck.
        write(path, taken_at=taken_at, is_busy=bool(state.active_requests))

    class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
        """Runs while the consumer is connected to the broker."""

        requires = ("celery.worker.consumer.tasks:Tasks",)
        timer: Any = None
        client: Client | None = None

        def start(self, consumer: Any) -> None:
            self.client = client = make_redis(settings)

            def tell() -> None:
                beat()
                # Where Redis does not answer, the consumer finds that out itself.
                with suppress(redis.RedisError, OSError):
                    running_workers.note(client, consumer.hostname)

            tell()
            self.timer = consumer.timer.call_repeatedly(INTERVAL, tell)

        def stop(self, consumer: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
            if self.client is not None:
                with suppress(redis.RedisError, OSError):
                    running_workers.forget(self.client, consumer.hostname)
                self.client.close()
                self.client = None

        shutdown = stop

    app.steps["consumer"].add(HeartbeatStep)
