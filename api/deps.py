"""What endpoints ask for.

There is no connection among it on purpose. An endpoint opens its transaction itself,
``with database.begin() as connection``, because then it is committed before there is an answer,
something can be sent after the commit, and a request never holds a connection while it waits for a
thread: as many requests as there are connections could otherwise wait for each other.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated

from celery import Celery
from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine

from api.metrics import Readings
from api.readiness import Checks
from api.schemas import MAX_ID, Day
from common.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """What the application owns from its start to its end."""

    settings: Settings
    database: Engine
    celery: Celery
    checks: Checks
    readings: Readings


def _resources(request: Request) -> Resources:
    resources: Resources = request.state.resources
    return resources


Owned = Annotated[Resources, Depends(_resources)]


def _database(resources: Owned) -> Engine:
    return resources.database


Database = Annotated[Engine, Depends(_database)]

_bearer = HTTPBearer(auto_error=False, description="Needed where the setting `API_KEY` is set.")
_header = APIKeyHeader(
    name="X-API-Key", auto_error=False, description="The same, for clients without bearer tokens."
)


async def _may_write(
    resources: Owned,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> None:
    wanted = resources.settings.api_key
    if wanted is None:
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

UserId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="GitHub's own account id.", examples=[1428904])
]
DateFrom = Annotated[
    Day | None,
    Query(
        description="The first day, UTC; 29 days before `date_to` where it is not given.",
        examples=["2022-06-01"],
    ),
]
DateTo = Annotated[
    Day | None,
    Query(description="The last day, UTC; today where it is not given.", examples=["2022-06-30"]),
]
