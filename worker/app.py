"""The Celery app of workers, beat and Flower: ``celery -A worker.app``."""

import logging
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from common.broker import Task, make_celery
from common.log import configure
from common.settings import get_settings
from worker import heartbeat, kombu_fix, tasks
from worker.process import Process, open_process

log = logging.getLogger(__name__)

_process: Process | None = None


def process() -> Process:
    """Return this process's resources, made at the first call."""
    global _process  # noqa: PLW0603 - one a process is the point
    if _process is None:
        _process = open_process(get_settings())
    return _process


def _beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the daily fan-out and, each minute, the same task as a sweep.

    Beat loses a run when Redis is down at that minute; the sweep makes up for it.
    """
    settings = get_settings()
    return {
        "daily fan-out": {
            "task": Task.FAN_OUT,
            "schedule": crontab(minute=settings.scan_at.minute, hour=settings.scan_at.hour),
            "options": {"expires": 55},
        },
        "sweep": {
            "task": Task.FAN_OUT,
            "schedule": timedelta(seconds=settings.sweep_interval),
            # A sweep that waited a minute has a younger one behind it.
            "options": {"expires": max(1.0, settings.sweep_interval - 5)},
        },
    }


def _make_app() -> Celery:
    kombu_fix.apply()
    settings = get_settings()
    celery = make_celery(settings)
    celery.conf.update(
        beat_schedule=_beat_schedule(),
        # Beat looks at least this often, so that its heartbeat is seen.
        beat_max_loop_interval=10,
        worker_concurrency=settings.worker_concurrency,
        repopulse_settings=settings,
    )
    tasks.register(celery, process)
    heartbeat.register(celery, settings)
    return celery


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure(get_settings())


@worker_process_init.connect
def _open(**_: object) -> None:
    # A child starts with nothing of its parent's: sockets that two processes share mix up answers.
    global _process  # noqa: PLW0603
    _process = None


@worker_process_shutdown.connect
def _close(**_: object) -> None:
    if _process is not None:
        _process.close()


app = _make_app()
