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
from sqlalchemy import Engine

from common.broker import Sender
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """What the application owns while it runs."""

    settings: Settings
    database: Engine
    sender: Sender


# Dependencies are coroutines, because FastAPI runs functions in a thread each.
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


async def _check_key(
    request: Request,
    resources: Owned,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> None:
    """Require the API key, or, if none is set, refuse what a browser marks as cross-site.

    Without a key any web page could make its visitor's browser send a request without a body, such
    as a DELETE.
    """
    api_key = resources.settings.api_key
    if api_key is None:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise HTTPException(403, "Cross-site request blocked.")
        return
    expected = api_key.get_secret_value().encode()
    sent = ((bearer.credentials if bearer else "").strip(), header or "")
    # Starlette decodes headers as Latin-1. Both are compared, so that the timing reveals nothing.
    matches = [hmac.compare_digest(key.encode("latin-1"), expected) for key in sent]
    if not any(matches):
        raise HTTPException(
            401,
            "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>",
            headers={"WWW-Authenticate": "Bearer"},
        )


MayWrite = Depends(_check_key)
"""Of endpoints that change something."""
