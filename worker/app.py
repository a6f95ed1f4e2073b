"""The Celery app of the workers: ``celery -A worker.app``."""

import gc
import logging

from celery import Celery
from celery.signals import (
    setup_logging,
    task_postrun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
)

from common.broker import make_celery
from common.log import configure
from common.settings import get_settings
from common.start import Starter, reported_failure
from worker import billiard_fix, heartbeat, metrics, reach, redis_check, tasks, tracebacks
from worker.process import Process, open_process

log = logging.getLogger(__name__)

_process: Process | None = None


def process() -> Process:
    """Return this process's resources; the first call makes them.

    :raise SetupError: the database records another GitHub
    """
    global _process  # noqa: PLW0603 - one per process
    if _process is None:
        opened = open_process(get_settings())
        try:
            with reported_failure(Starter.WORKER):
                # Again: the database may not have answered when the worker started.
                opened.check()
        except BaseException:
            opened.close()
            raise
        _process = opened
    return _process


def _make_app() -> Celery:
    billiard_fix.apply()
    settings = get_settings()
    celery = make_celery(settings)
    celery.conf.worker_concurrency = settings.worker_concurrency
    tasks.register(celery, process)
    redis_check.register(celery, settings)
    heartbeat.register(celery, settings)
    return celery


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure(get_settings())
    tracebacks.install()


@worker_init.connect
def _share_memory(**_: object) -> None:
    # All that is loaded now stays: hidden from the garbage collector its pages stay shared with the
    # children, which saves some megabytes each.
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def _open(**_: object) -> None:
    # A child must not use its parent's sockets: shared ones mix up answers.
    global _process  # noqa: PLW0603
    _process = None


@task_postrun.connect
def _publish(**_: object) -> None:
    if _process is not None:
        metrics.publish(_process.redis)
        reach.publish(_process.redis)


@worker_process_shutdown.connect
def _close(**_: object) -> None:
    if _process is not None:
        _process.close()


app = _make_app()
