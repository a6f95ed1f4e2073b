"""``python -m worker.beat``: send the daily fan-out and the sweep. Several may run at once."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from celery.signals import setup_logging
from kombu.exceptions import KombuError, OperationalError

from common import environment
from common.broker import Queue, Task, make_celery, queue_lengths, send
from common.errors import SetupError, exit_with_message
from common.log import configure
from common.settings import Settings, load_settings
from common.start import Starter, check_redis, claim_redis, report_success, reported_failure
from worker.heartbeat import path_of, write

log = logging.getLogger(__name__)

_MAX_WAITING = 2
"""Fan-outs that may wait in the queue: a third would find nothing to do."""


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the daily fan-out and the sweep, which does the same work each minute.

    Beat loses a run if Redis is down at that minute; the next sweep makes up for it.
    """
    return {
        "daily fan-out": {
            "task": Task.FAN_OUT,
            "schedule": crontab(minute=settings.scan_at.minute, hour=settings.scan_at.hour),
        },
        "sweep": {
            "task": Task.SWEEP,
            "schedule": timedelta(seconds=settings.sweep_interval),
        },
    }


def make_beat(settings: Settings) -> Celery:
    """Make beat's app, which knows the tasks by name only."""
    app = make_celery(settings)
    app.conf.update(
        beat_schedule=schedule(settings),
        # Tick at least this often, so that the heartbeat file stays fresh.
        beat_max_loop_interval=10,
        repopulse_heartbeat=str(path_of(settings, is_beat=True)),
    )
    return app


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """Celery's own scheduler, which also touches the heartbeat file at each tick."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send the entries that are due."""
        write(Path(self.app.conf.repopulse_heartbeat))
        return super().tick(*args, **kwargs)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one fan-out or sweep, unless enough of them wait already.

        They have no expiry instead: the host that takes the message would apply it by its own
        clock, and with a minute's difference between two hosts every sweep would be expired.
        """
        del producer
        try:
            with self.app.connection_or_acquire() as connection:
                lengths = queue_lengths(connection.default_channel.client)
        except (OperationalError, KombuError, redis.RedisError, OSError) as error:
            log.warning("broker does not answer, the next sweep follows: %s", error)
            return
        if lengths.waiting[Queue.CONTROL] < _MAX_WAITING:
            send(self.app, Task(entry.task))


def _make_directory(path: Path) -> None:
    """Make the directory of beat's own files.

    :raise SetupError: it cannot be made
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"invalid setting: DATA_DIR: {path} cannot be made: {error.strerror}"
        ) from error


def main() -> None:
    """Run until terminated."""
    with reported_failure(Starter.BEAT):
        settings = load_settings()
        beat = make_beat(settings)
        _make_directory(settings.data_dir)
        check_redis(settings)
    claim_redis(settings)
    report_success(settings, Starter.BEAT)
    setup_logging.connect(lambda **_: configure(settings), weak=False)
    configure(settings)
    environment.log_warnings(log)
    beat.start(
        [
            "--quiet",
            "beat",
            f"--loglevel={settings.log_level}",
            "--scheduler=worker.beat:Scheduler",
            # The time of the last run; if it is lost, the sweep does the work within a minute.
            f"--schedule={settings.data_dir / 'beat.schedule'}",
            "--pidfile=",
        ]
    )


if __name__ == "__main__":
    with exit_with_message():
        main()
