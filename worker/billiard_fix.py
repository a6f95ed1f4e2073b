"""Leave a child alone whose task has ended.

A worker that waits for a Redis which is away neither hears that a task has ended nor looks at its
time limit. When Redis is back it looks at the limit first and signals the child, and the handler of
billiard 4 (billiard/pool.py) raises wherever the child is: in its wait for work, which ends it with
a traceback. Here the signal means something only while a task is at work. The fault test that stops
Redis under a running task is the guard.
"""

from billiard import pool
from celery import current_task
from celery.exceptions import SoftTimeLimitExceeded


def _end_task(_number: int, _frame: object) -> None:
    if current_task:
        raise SoftTimeLimitExceeded


def apply() -> None:
    """Let children that are forked from now on use the handler above."""
    pool.soft_timeout_sighandler = _end_task
