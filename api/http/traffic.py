"""Count and time the requests that were answered, for ``/metrics``.

The number of label values is bounded whatever clients send: a request is counted under the template
of its route, and one without a route under ``none``.
"""

import time

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNROUTED = "none"
"""The route label of a request that no route matched, or that was refused before routing."""

_METHODS = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Seconds; 20 is the deadline of a request unless ``LOOKUP_WAIT`` is longer."""


class RequestMetrics:
    """The metrics of requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # The ``_created`` series would double the number of series, and nothing here reads them.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._requests = Counter(
            "repopulse_http_requests",
            "Requests that were answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self._durations = Histogram(
            "repopulse_http_request_duration_seconds",
            "Time from a request to the end of its answer",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request that was answered."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", None) or UNROUTED
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)


class MeasureRequests:
    """Middleware that records each request; HEAD counts as GET."""

    def __init__(self, app: ASGIApp, *, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

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
                self._metrics.record(scope, status, time.monotonic() - started)
