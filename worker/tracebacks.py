"""Which errors are told in one line: those that are no fault of any code that a traceback shows."""

import logging
import warnings
from typing import Any

import redis
from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from billiard.util import get_logger
from kombu.exceptions import OperationalError

_PLAIN = (
    # Caught in our tasks; this one came when the task had just ended, and met Celery's own code.
    SoftTimeLimitExceeded,
    # A child that did not heed its time limit, and was killed with its task.
    TimeLimitExceeded,
    # A child that was killed, for want of memory perhaps.
    WorkerLostError,
    # Redis is away, or refuses: its disk may be full.
    redis.RedisError,
    # The same, as Kombu says it to whoever sends a message.
    OperationalError,
)


class WithoutTraceback(logging.Filter):
    """Leaves the message of such an error, and drops pages of Celery's own frames."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.exc_info and isinstance(_inner(record.exc_info[1]), _PLAIN):
            record.exc_info = None
        return True


def _inner(error: Any) -> Any:
    # What a child sends to its parent is wrapped, to carry the child's traceback.
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def leave_out() -> None:
    """Tell such errors in one line from now on, wherever this process' lines go."""
    # The pool's own lines went past every handler of ours, bare; and only its warnings are news.
    pool = get_logger()
    pool.propagate = True
    pool.setLevel(logging.WARNING)
    # Celery tells it a second time, as a warning with a traceback for its text.
    warnings.filterwarnings(
        "ignore", "Exception raised outside body: SoftTimeLimitExceeded", RuntimeWarning
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(WithoutTraceback())
