"""Count and time the requests that were answered, for ``/metrics``.

The number of label values is bounded whatever clients send: a request is counted under the template
of its route, and one without a route under ``none``.
"""

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from threading import Lock

import redis
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import counters
from common.counters import Counted, field

UNROUTED = "none"
"""The route label of a request that no route matched, or that was refused before routing."""

_METHODS = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, float("inf"))
"""Seconds; 20 is the deadline of a request unless ``LOOKUP_WAIT`` is longer."""

_LABELS = tuple(map(floatToGoString, _BOUNDS))

_REQUESTS = "requests"
"""By method, status and route."""
_DURATIONS = "durations"
"""By method, upper bound and route: requests that took no longer, and longer than the one before.
"""
_SECONDS = "seconds"
"""By method and route: the time of all requests together."""


class Traffic:
    """The requests that this process answered, until they are added to those of all processes."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, float] = defaultdict(float)
        self._lock = Lock()

    def record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        # The last label, because it may contain what separates labels.
        route = getattr(scope.get("route"), "path", None) or UNROUTED
        bound = _LABELS[bisect_left(_BOUNDS, seconds)]
        self._add(
            {
                field(_REQUESTS, method, str(status), route): 1,
                field(_DURATIONS, method, bound, route): 1,
                field(_SECONDS, method, route): seconds,
            }
        )

    def publish(self, client: "redis.Redis") -> None:
        """Add what was counted to Redis, or keep it.

        :raise redis.RedisError: Redis does not answer
        """
        with self._lock:
            counts, self._counts = self._counts, defaultdict(float)
        if not counts:
            return
        try:
            counters.add(client, counts, key=Counted.API)
        except Exception:
            self._add(counts)
            raise

    def _add(self, counts: Mapping[str, float]) -> None:
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count


def to_metrics(counts: Mapping[str, float]) -> Iterator[Metric]:
    """Return the metrics of what all processes counted."""
    requests = CounterMetricFamily(
        "repopulse_http_requests",
        "Requests that were answered",
        labels=["method", "route", "status"],
    )
    durations = HistogramMetricFamily(
        "repopulse_http_request_duration_seconds",
        "Time from a request to the end of its answer",
        labels=["method", "route"],
    )
    for name, count in sorted(counts.items()):
        counter, _, labels = name.partition(":")
        if counter == _REQUESTS:
            method, status, route = labels.split(":", 2)
            requests.add_metric([method, route, status], count)
        elif counter == _SECONDS:
            method, route = labels.split(":", 1)
            durations.add_metric([method, route], _buckets(counts, method, route), count)
    yield requests
    yield durations


def _buckets(counts: Mapping[str, float], method: str, route: str) -> list[tuple[str, float]]:
    total = 0.0
    buckets = []
    for bound in _LABELS:
        total += counts.get(field(_DURATIONS, method, bound, route), 0.0)
        buckets.append((bound, total))
    return buckets


class MeasureRequests:
    """Middleware that records each request; HEAD counts as GET."""

    def __init__(self, app: ASGIApp, *, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status: int | None = None

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        except Exception:
            # An outer middleware answers it with 500.
            status = status or 500
            raise
        finally:
            if status is not None:
                self._traffic.record(scope, status, time.monotonic() - started)
