"""The application: what it owns from start to end, and what it is made of."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, TypedDict

import anyio.to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from api import pages
from api.dependencies import Resources
from api.http import describe, errors, openapi
from api.http.limits import MAX_REQUESTS, RequestLimits, request_deadline
from api.http.middleware import BodyLimit, Head, RequestId
from api.http.traffic import MeasureRequests, RequestMetrics
from api.status import endpoints
from api.status.snapshot import StatusReader
from api.v1 import growth, images, lookups, repositories, scans, stats, users
from common import broker
from common.credentials import choose_credential, fingerprint
from common.db import make_engine
from common.settings import Settings
from common.version import VERSION

_THREADS = 16
"""Requests at work at once. Each has a connection, so that none waits for one: the rest queue."""

_LONGEST_STATEMENT = 10
"""Seconds; the largest answers take two or three."""

_STATUS_CONNECTIONS = 2
"""For `/readyz` and `/metrics`, which must not wait behind requests."""

_DESCRIPTION = """
Records the stars, forks and watchers of every public repository of the followed GitHub users once
a day, and serves the history.

`PUT /v1/users` follows a user. The first counts are there moments later, then one row per
repository and UTC day. Missing counts are never made up: a gap stays a gap, and
`GET /v1/users/{id}/scans` gives its reason.

Every call can be repeated safely. Every response has an `X-Request-ID`, which is also in the log.
"""


class State(TypedDict):
    """What a request finds in its state."""

    resources: Resources


class Application(FastAPI):
    """FastAPI with complete examples in its documentation."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI schema of ``/docs``, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe.complete(super().openapi(), self.routes)
        return self.openapi_schema


def create_app(settings: Settings) -> FastAPI:
    """Make the application; nothing connects before the first request.

    :raise SetupError: the settings give two credentials, or half of one
    """
    credential_name = fingerprint(choose_credential(settings))
    registry = CollectorRegistry()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        with ExitStack() as stack:
            database = make_engine(
                settings.database,
                process="api",
                pool_size=_THREADS,
                max_overflow=_STATUS_CONNECTIONS,
                statement_timeout=_LONGEST_STATEMENT,
            )
            stack.callback(database.dispose)
            redis = broker.make_redis(settings)
            stack.callback(redis.close)
            celery = broker.make_celery(settings, is_api=True)
            sender = broker.Sender(celery)
            stack.callback(sender.close)
            status = StatusReader(
                database,
                redis,
                celery,
                credential_name=credential_name,
                sweep_interval=settings.sweep_interval,
            )
            stack.callback(status.close)
            anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
            yield {"resources": Resources(settings, database, sender, status, registry)}

    app = Application(
        title="Repopulse",
        summary="Stars, forks and watchers of GitHub repositories, day by day.",
        description=_DESCRIPTION,
        version=VERSION,
        lifespan=lifespan,
        license_info={"name": "MIT"},
        openapi_tags=[
            {"name": "users", "description": "The followed users."},
            {"name": "history", "description": "The recorded counts and scans."},
            {"name": "images", "description": "Charts and badges to embed in other pages."},
            {"name": "operation", "description": "The state of the service."},
        ],
        # Served by ``api.http.openapi``.
        docs_url=None,
        redoc_url=None,
        # One address for each thing; a redirect would lose the body of a PUT with many clients.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    # The last one added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(
        RequestLimits, max_requests=MAX_REQUESTS, deadline=request_deadline(settings)
    )
    app.add_middleware(MeasureRequests, metrics=RequestMetrics(registry))
    app.add_middleware(Head)
    app.add_middleware(RequestId)
    errors.install(app)
    openapi.install(app)
    for module in (users, scans, lookups, repositories, stats, growth, images, endpoints):
        app.include_router(module.router)
    pages.install(app, settings)
    return app
