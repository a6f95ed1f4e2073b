"""The application: routes, middleware, and the connections it owns."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from typing import TypedDict

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import pages
from api.dependencies import Resources
from api.http import errors, public_url
from api.http.limits import MAX_REQUESTS, RequestLimits, request_deadline
from api.http.middleware import REQUEST_ID_HEADER, BodyLimit, Head, RequestId
from api.http.openapi import DocumentedApi
from api.http.public_url import PublicUrl
from api.http.query import KnownQuery
from api.http.read_only import ReadOnly
from api.http.slots import MAX_COMPARISONS, ComparisonSlots
from api.http.traffic import MeasureRequests, Traffic
from api.pictures.rasterizer import Rasterizer
from api.queries.export import MAX_EXPORTS
from api.status import endpoints
from api.status.shared_traffic import SharedTraffic, sharing
from api.status.snapshot import StatusReader
from api.v1 import (
    all_stats,
    backfills,
    badges,
    cards,
    compare,
    export,
    flow_image,
    growth,
    history,
    images,
    imports,
    lookups,
    notes,
    png_images,
    portfolio,
    repositories,
    scans,
    search,
    stats,
    totals,
    users,
)
from api.v1.error_pictures import ErrorPictures, StrictParameter
from api.v1.upload import MAX_UPLOADS
from common import broker
from common.credentials import choose_credential, fingerprint
from common.db import make_engine
from common.redis_client import make_redis
from common.settings import Settings

_THREADS = 16
"""Requests that run at once. Each has a connection, so none waits for one; the others queue."""

_STATUS_CONNECTIONS = 2
"""For `/readyz` and `/metrics`, which must not wait behind requests."""

_STATEMENT_TIMEOUT = 10
"""Seconds; the largest responses take two or three."""

_EXPOSED_HEADERS = ("Link", "ETag", "Location", "Retry-After", REQUEST_ID_HEADER)
"""Headers that scripts of other sites may read."""


class State(TypedDict):
    """What each request finds in ``request.state``."""

    resources: Resources
    status: StatusReader
    traffic: SharedTraffic
    rasterizer: Rasterizer
    comparisons: ComparisonSlots


def create_app(
    settings: Settings, *, max_requests: int = MAX_REQUESTS, deadline: float | None = None
) -> FastAPI:
    """Create the application; nothing connects before the first request.

    :param max_requests: that run or wait at once
    :param deadline: seconds in which a request is answered; by default as the settings need it
    :raise SetupError: the settings contain two credentials, or an incomplete one, or a public URL
        that cannot be
    """
    credential = fingerprint(choose_credential(settings), settings.github.name)
    traffic = Traffic()

    def lifespan(_app: FastAPI) -> AbstractAsyncContextManager[State]:
        return _open_resources(settings, credential, traffic)

    url = PublicUrl(settings.public_url)
    app = DocumentedApi(lifespan, public_path=url.path)
    app.state.public_url = url
    # The last one added is the outermost.
    if settings.read_only:
        app.add_middleware(ReadOnly)
    app.add_middleware(BodyLimit)
    app.add_middleware(
        RequestLimits,
        max_requests=max_requests,
        deadline=deadline or request_deadline(settings),
    )
    if settings.cors_origins:
        # For reading: no cookie is accepted, and a browser asks before any other method.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD"),
            allow_headers=("If-None-Match",),
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(MeasureRequests, traffic=traffic)
    app.add_middleware(ErrorPictures)
    app.add_middleware(Head)
    app.add_middleware(RequestId)
    errors.install(app)
    for module in (
        users,
        scans,
        lookups,
        repositories,
        search,
        stats,
        all_stats,
        totals,
        growth,
        portfolio,
        history,
        notes,
        backfills,
        export,
        imports,
    ):
        app.include_router(module.router, dependencies=[KnownQuery])
    for module in (images, png_images, cards, badges, flow_image):
        app.include_router(module.router, dependencies=[StrictParameter])
    for module in (compare, endpoints):
        app.include_router(module.router)
    pages.install(app, settings)
    public_url.install(app, url)
    return app


@asynccontextmanager
async def _open_resources(
    settings: Settings, credential: str, traffic: Traffic
) -> AsyncIterator[State]:
    """Create the engine and the clients of Redis, and close them when the application ends."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    with ExitStack() as stack:
        database = make_engine(
            settings.database,
            process="api",
            pool_size=_THREADS,
            max_overflow=_STATUS_CONNECTIONS + MAX_EXPORTS + MAX_UPLOADS + MAX_COMPARISONS,
            statement_timeout=_STATEMENT_TIMEOUT,
        )
        stack.callback(database.dispose)
        redis = make_redis(settings)
        stack.callback(redis.close)
        celery = broker.make_celery(settings, is_api=True)
        sender = broker.Sender(celery)
        stack.callback(sender.close)
        status = StatusReader(
            database,
            redis,
            credential_name=credential,
            github=settings.github.name,
            sweep_interval=settings.sweep_interval,
            is_read_only=settings.read_only,
        )
        stack.callback(status.close)
        async with sharing(traffic, redis) as shared_traffic:
            yield {
                "resources": Resources(settings, database, sender),
                "status": status,
                "traffic": shared_traffic,
                "rasterizer": Rasterizer(),
                "comparisons": ComparisonSlots(),
            }
