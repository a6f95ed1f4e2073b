"""Dependencies of the endpoints: resources, the API key, and parameters that several share.

A database connection is not among them on purpose. An endpoint opens its transaction itself, with
``read`` or ``transact`` of ``api.http.transactions``. So it commits before it answers, can send a
task after the commit, and never holds a connection while it waits for a thread, which would let
requests block each other.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from api.status.snapshot import StatusReader
from common.broker import Sender
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """What the application owns from its start to its end."""

    settings: Settings
    database: Engine
    sender: Sender
    status: StatusReader
    registry: CollectorRegistry
    """What the API counts of its own requests."""


# Coroutines, though they wait for nothing: each function would cost a hop into a thread and back.
async def _resources(request: Request) -> Resources:
    resources: Resources = request.state.resources
    return resources


Owned = Annotated[Resources, Depends(_resources)]


async def _database(resources: Owned) -> Engine:
    return resources.database


Database = Annotated[Engine, Depends(_database)]

_bearer = HTTPBearer(auto_error=False, description="Required if the setting `API_KEY` is set.")
_header = APIKeyHeader(
    name="X-API-Key",
    auto_error=False,
    description="The same key, for clients without bearer tokens.",
)


async def _may_write(
    request: Request,
    resources: Owned,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> None:
    wanted = resources.settings.api_key
    if wanted is None:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            # A browser's word: a page of another site uses its visitor to reach us, and needs no
            # leave of ours for a request without a body.
            raise HTTPException(403, "a page of another site sent this: nothing was done")
        return
    key = wanted.get_secret_value().encode()
    given = ((bearer.credentials if bearer else "").strip(), header or "")
    # Headers reach us decoded as Latin-1; the bytes that were sent are compared, both of them.
    if not any([hmac.compare_digest(one.encode("latin-1"), key) for one in given]):  # noqa: C419 - no short cut
        raise HTTPException(
            401,
            "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>",
            headers={"WWW-Authenticate": "Bearer"},
        )


MayWrite = Depends(_may_write)
