"""Log some errors in one line: those for which a traceback would show no faulty code."""

import logging
import warnings
from typing import Any

import redis
from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from billiard.util import get_logger
from kombu.exceptions import OperationalError

_PLAIN = (
    # Caught in our tasks; outside them it came when the task had just ended, in Celery's own code.
    SoftTimeLimitExceeded,
    # A child that ignored its time limit, and was killed with its task.
    TimeLimitExceeded,
    # A child that was killed, perhaps because memory ran out.
    WorkerLostError,
    # Redis is away, or refuses writes because its disk is full.
    redis.RedisError,
    # The same, as Kombu raises it to the sender of a message.
    OperationalError,
)


class WithoutTraceback(logging.Filter):
    """Keeps the message of such an error, and drops the traceback of Celery's own frames."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.exc_info and isinstance(_inner(record.exc_info[1]), _PLAIN):
            record.exc_info = None
        return True


def _inner(error: Any) -> Any:
    # A child wraps an error for its parent, together with the traceback.
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def install() -> None:
    """Log such errors in one line from now on, in all handlers of this process."""
    # By default the pool's own lines bypass our handlers; only its warnings matter.
    pool = get_logger()
    pool.propagate = True
    pool.setLevel(logging.WARNING)
    # Celery repeats it as a warning with a traceback in its text.
    warnings.filterwarnings(
        "ignore", "Exception raised outside body: SoftTimeLimitExceeded", RuntimeWarning
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(WithoutTraceback())
