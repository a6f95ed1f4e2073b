"""What this process counted since its last task, until ``common.counters`` has it.

Tasks count in memory, and what they counted is added to Redis when they end: one round trip a task.
If Redis does not answer, the next task adds it. A process that is killed loses the counts of its
current task; no row depends on them.
"""

import logging
from collections import defaultdict

import redis

from common import counters
from common.counters import field
from common.states import ScanState
from worker.github.meaning import Meaning

log = logging.getLogger(__name__)

_counts: defaultdict[str, float] = defaultdict(float)


def count_scan(outcome: ScanState, rows: int) -> None:
    """Count a scan of one user, and the rows that it wrote."""
    _counts[field(counters.SCANS, outcome)] += 1
    _counts[field(counters.ROWS)] += rows


def count_request(resource: str, meaning: Meaning, seconds: float) -> None:
    """Count a request to GitHub.

    :param resource: ``core`` or ``graphql``
    :param seconds: from its start to the end of the answer
    """
    bound = next(bound for bound in counters.BOUNDS if seconds <= float(bound))
    _counts[field(counters.REQUESTS, resource, meaning.name.lower())] += 1
    _counts[field(counters.DURATIONS, resource, bound)] += 1
    _counts[field(counters.SECONDS, resource)] += seconds


def publish(client: "redis.Redis") -> None:
    """Add what was counted to Redis, or keep it if Redis does not answer."""
    if not _counts:
        return
    try:
        counters.add(client, _counts)
    except redis.RedisError as error:
        log.warning("counters not updated, will retry after the next task: %s", error)
        return
    _counts.clear()
