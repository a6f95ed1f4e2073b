"""``python -m worker.beat``: sends the daily fan-out and the sweep. Any number of them may run."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from celery.signals import setup_logging

from common.broker import Task, make_celery
from common.errors import told_plainly
from common.log import configure
from common.settings import Settings, load_settings
from worker.heartbeat import path_of, touch


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the daily fan-out and, each minute, the same task as a sweep.

    Beat loses a run when Redis is down at that minute; the sweep makes up for it.
    """
    return {
        "daily fan-out": {
            "task": Task.FAN_OUT,
            "schedule": crontab(minute=settings.scan_at.minute, hour=settings.scan_at.hour),
            "options": {"expires": 55},
        },
        "sweep": {
            "task": Task.FAN_OUT,
            "schedule": timedelta(seconds=settings.sweep_interval),
            # A sweep that waited this long has a younger one behind it.
            "options": {"expires": max(1.0, settings.sweep_interval - 5)},
        },
    }


def make_beat(settings: Settings) -> Celery:
    """Make beat's app: names of tasks, and none of their code."""
    app = make_celery(settings)
    app.conf.update(
        beat_schedule=schedule(settings),
        # Look at least this often, so that the heartbeat is seen.
        beat_max_loop_interval=10,
        repopulse_heartbeat=str(path_of(settings, is_beat=True)),
    )
    return app


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """Celery's own scheduler, which also says at each tick that it is alive."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due."""
        touch(Path(self.app.conf.repopulse_heartbeat))
        return super().tick(*args, **kwargs)


def main() -> None:
    """Run until told to stop."""
    settings = load_settings()
    setup_logging.connect(lambda **_: configure(settings), weak=False)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    make_beat(settings).start(
        [
            "--quiet",
            "beat",
            f"--loglevel={settings.log_level}",
            "--scheduler=worker.beat:Scheduler",
            # Only a memory of the last run: lost, the sweep does the same work within a minute.
            f"--schedule={settings.data_dir / 'beat.schedule'}",
            "--pidfile=",
        ]
    )


if __name__ == "__main__":
    with told_plainly():
        main()
