"""``/metrics``' view of a snapshot: gauges of this moment, and what processes counted.

What a server would tell that does not answer is absent.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from api.http.traffic import to_metrics
from api.queries.progress import Progress
from api.status.github import unreachable_seconds
from api.status.snapshot import OVERDUE_HOURS, RedisStatus, StatusSnapshot
from common import counters
from common.counters import field


def render(snapshot: StatusSnapshot, requests: Mapping[str, float] | None) -> bytes:
    """Return the metrics of a snapshot and of requests, in Prometheus' text format.

    :param requests: what all processes counted; None if that is not known
    """
    registry = CollectorRegistry()
    registry.register(_Families(snapshot, requests))
    return generate_latest(registry)


class _Families:
    """What ``prometheus_client`` collects."""

    def __init__(self, snapshot: StatusSnapshot, requests: Mapping[str, float] | None) -> None:
        self._snapshot = snapshot
        self._requests = requests

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of each part that was read."""
        if self._requests is not None:
            yield from to_metrics(self._requests)
        if self._snapshot.progress is not None:
            yield from _progress(self._snapshot.progress)
        if self._snapshot.overdue is not None:
            yield GaugeMetricFamily(
                "repopulse_overdue_users",
                f"Users without a scan for {OVERDUE_HOURS} hours; those not found at GitHub do not"
                " count",
                value=self._snapshot.overdue,
            )
        if self._snapshot.future_users is not None:
            yield GaugeMetricFamily(
                "repopulse_future_users",
                "Users of whom a clock that was ahead has left rows of days to come",
                value=self._snapshot.future_users,
            )
        if self._snapshot.redis is not None:
            yield from _redis(self._snapshot.redis)
            yield from _counted(self._snapshot.redis.counters)
            yield GaugeMetricFamily(
                "repopulse_workers",
                "Workers that said within 20 seconds that they run",
                value=len(self._snapshot.redis.workers),
            )


def _progress(progress: Progress) -> Iterator[Metric]:
    yield _labelled(
        "repopulse_users",
        "Tracked users: all; recorded today, not found at GitHub, due; of the recorded those"
        " incomplete, of those not found the vanished, of the due those waiting, and failing",
        "what",
        {
            "followed": progress.followed,
            "recorded": progress.recorded,
            "incomplete": progress.incomplete,
            "not_found": progress.not_found,
            "vanished": progress.vanished,
            "due": progress.due,
            "waiting": progress.waiting,
            "failing": progress.failing,
        },
    )
    yield GaugeMetricFamily(
        "repopulse_star_histories_waiting",
        "Star histories that are to be read when nothing else is to be done",
        value=progress.histories,
    )
    if progress.complete is not None:
        age = (progress.now - progress.complete.completed_at).total_seconds()
        yield GaugeMetricFamily(
            "repopulse_complete_fan_out_age_seconds",
            "Time since a sweep last found no user left due on a day; absent before",
            value=max(0.0, age),
        )


def _redis(redis: RedisStatus) -> Iterator[Metric]:
    yield _labelled(
        "repopulse_queue_messages", "Messages that wait in Redis", "queue", redis.queues.waiting
    )
    yield GaugeMetricFamily(
        "repopulse_unfinished_messages",
        "Messages that a worker has taken and not finished",
        value=redis.queues.taken,
    )
    if redis.sweep_age is not None:
        yield GaugeMetricFamily(
            "repopulse_sweep_age_seconds",
            "Time since a sweep last ended; absent before the first",
            value=redis.sweep_age,
        )
    if redis.clock_error is not None:
        yield GaugeMetricFamily(
            "repopulse_clock_error_seconds",
            "How far the database's clock was ahead of GitHub's at the last scan, or behind it if"
            " negative; absent while not known",
            value=redis.clock_error.ahead.total_seconds(),
        )
    yield GaugeMetricFamily(
        "repopulse_github_unreachable_seconds",
        "Time since requests to GitHub get no usable answer, for any worker; 0 while they do",
        value=unreachable_seconds(redis),
    )
    yield GaugeMetricFamily(
        "repopulse_github_credentials_refused",
        "1 while GitHub refuses the credentials and no requests are sent",
        value=int(redis.is_refused),
    )
    if redis.token_expires_in is not None:
        yield GaugeMetricFamily(
            "repopulse_github_token_expiry_seconds",
            "Time until the token expires; absent if GitHub did not say or it does not expire",
            value=redis.token_expires_in.total_seconds(),
        )
    yield _labelled(
        "repopulse_github_points_remaining",
        "What GitHub said is left of the hour; absent while it is not known",
        "resource",
        {resource: allowance.remaining for resource, allowance in redis.allowances.items()},
    )
    yield _labelled(
        "repopulse_github_reset_seconds",
        "Time until GitHub's hour begins again; absent while it is not known",
        "resource",
        {
            resource: max(0.0, (allowance.resets_at - redis.now).total_seconds())
            for resource, allowance in redis.allowances.items()
        },
    )


def _counted(counts: dict[str, float]) -> Iterator[Metric]:
    """Return the workers' counters, also those at 0: then a first failure is an increase."""

    def count(counter: str, *labels: str) -> float:
        return counts.get(field(counter, *labels), 0.0)

    scans = CounterMetricFamily(
        "repopulse_scans", "Scans of a user, settled or rescheduled, by outcome", labels=["outcome"]
    )
    for outcome in counters.OUTCOMES:
        scans.add_metric([outcome], count(counters.SCANS, outcome))
    yield scans
    yield CounterMetricFamily(
        "repopulse_rows_written",
        "Daily rows that were new or changed",
        value=count(counters.ROWS),
    )
    requests = CounterMetricFamily(
        "repopulse_github_requests",
        "Requests to GitHub by what the answer meant",
        labels=["resource", "meaning"],
    )
    durations = HistogramMetricFamily(
        "repopulse_github_request_duration_seconds",
        "Time from a request to GitHub to the end of its answer",
        labels=["resource"],
    )
    for resource in counters.RESOURCES:
        for meaning in counters.MEANINGS:
            requests.add_metric([resource, meaning], count(counters.REQUESTS, resource, meaning))
        total = 0.0
        buckets = []
        for bound in counters.BOUNDS:
            total += count(counters.DURATIONS, resource, bound)
            buckets.append((bound, total))
        durations.add_metric([resource], buckets, sum_value=count(counters.SECONDS, resource))
    yield requests
    yield durations


def _labelled(name: str, text: str, label: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        gauge.add_metric([value], number)
    return gauge
