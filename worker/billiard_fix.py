"""Ignore the time limit's signal in a child whose task has ended.

While Redis is away, a worker neither notices that a task has ended nor checks its time limit. When
Redis is back it checks the limit first and signals the child. The handler of billiard 4
(billiard/pool.py) then raises wherever the child is, such as in its wait for work, which ends the
child with a traceback. This handler raises only while a task runs. The fault test that stops Redis
under a running task checks it.
"""

from billiard import pool
from celery import current_task
from celery.exceptions import SoftTimeLimitExceeded


def _end_task(_number: int, _frame: object) -> None:
    if current_task:
        raise SoftTimeLimitExceeded


def apply() -> None:
    """Use the handler above in children that are forked from now on."""
    pool.soft_timeout_sighandler = _end_task
