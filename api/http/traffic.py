"""The requests that were served: how many, how they ended, how long they took.

A label's values are few whatever clients send: a route is its template, never an address, and what
led to no route is one of its own.
"""

import time

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNROUTED = "none"
"""The route of what led to none, or was refused before anybody looked."""

_METHODS = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
"""Seconds; twenty is the longest that a request may take where ``LOOKUP_WAIT`` is no longer."""


class Traffic:
    """Counts requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # When each series began is of use to nobody here, and doubles them.
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

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", None) or UNROUTED
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)


class Measured:
    """Measures each request; HEAD counts as the GET that it is."""

    def __init__(self, app: ASGIApp, *, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status: int | None = None

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_look)
        except Exception:
            # A fault of ours, answered further out.
            status = status or 500
            raise
        finally:
            if status is not None:
                self._traffic.note(scope, status, time.monotonic() - begun)
