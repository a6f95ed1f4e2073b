"""Each time a worker connects to Redis it makes sure that it can, and may, take the tasks there.

Redis may not have answered when the worker started, and may have been emptied or replaced since.
"""

from typing import Any

from celery import Celery, bootsteps

from common.errors import SetupError
from common.settings import Settings
from common.start import check_redis, claim_redis

_refusal: SetupError | None = None


def register(app: Celery, settings: Settings) -> None:
    """Make the workers of an app end, before they take a message, if they may not."""

    class RedisCheck(bootsteps.StartStopStep):  # type: ignore[misc]
        """Runs when the consumer has connected, before its loop takes messages."""

        requires = ("celery.worker.consumer.connection:Connection",)

        def start(self, _consumer: Any) -> None:
            global _refusal  # noqa: PLW0603 - one per process
            try:
                check_redis(settings)
                claim_redis(settings)
            except SetupError as error:
                _refusal = error
                raise SystemExit from error

    app.steps["consumer"].add(RedisCheck)


def raise_refusal() -> None:
    """Raise why the worker ended, if it was because of Redis: Celery ends without it.

    :raise SetupError: Redis cannot, or may not, be used
    """
    if _refusal is not None:
        raise _refusal
