"""``/v1/growth`` and ``/v1/users/{id}/growth``: what changed most in a period."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.dates import date_range
from api.http.formats import Table
from api.http.negotiation import AcceptedFormat
from api.http.transactions import read
from api.queries import growth
from api.queries.metric import Metric
from api.v1 import responses
from api.v1.fields import DateFrom, DateTo, Limit, UserId
from api.v1.schemas import Mover, NamedMover
from api.v1.users import get_tracked_user

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)


@router.get(
    "/users/{user_id}/growth",
    summary="Show the repositories that changed most",
    responses=describe.table(
        "The largest change first, up or down; of equal changes the lower id first.", Mover
    )
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.invalid_metric("by"),
)
def show_growth(
    *,
    database: Database,
    wanted: AcceptedFormat,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    by: Annotated[
        Metric, Query(description="The count to compare.", examples=["forks"])
    ] = Metric.STARGAZERS,
    limit: Limit = 10,
) -> Response:
    """Show which of a user's repositories changed most in a period, up or down.

    Each repository has the first and the last recorded day of the period, and its counts on those
    days. A repository with fewer than two recorded days in the period is left out.
    """

    def look(connection: Connection) -> tuple[str, list[growth.Mover]]:
        user = get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        movers = growth.movers(connection, user_id, first, last, by=by, limit=limit)
        return f"{user.login}-growth-{by}-{first}-{last}", movers

    name, movers = read(database, look)
    rows = [Mover.model_validate(mover).model_dump(mode="json") for mover in movers]
    return Table(name, rows, Mover.columns()).to_response(wanted)


@router.get(
    "/growth",
    summary="Show the repositories of all users that changed most",
    responses=describe.table(
        "The largest change first, up or down; of equal changes the lower id first.", NamedMover
    )
    | describe.NO_FORMAT
    | responses.invalid_metric("by"),
)
def show_growth_of_all(
    *,
    database: Database,
    wanted: AcceptedFormat,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    by: Annotated[
        Metric, Query(description="The count to compare.", examples=["forks"])
    ] = Metric.STARGAZERS,
    limit: Limit = 10,
) -> Response:
    """Show which repositories of all followed users changed most in a period, up or down.

    As for one user; a repository that moved from one followed user to another has only the days of
    its newest owner. Every repository is compared.
    """

    def look(connection: Connection) -> tuple[str, list[growth.Mover]]:
        first, last = date_range(connection, date_from, date_to)
        movers = growth.movers(connection, None, first, last, by=by, limit=limit)
        return f"growth-{by}-{first}-{last}", movers

    name, movers = read(database, look)
    rows = [NamedMover.model_validate(mover).model_dump(mode="json") for mover in movers]
    return Table(name, rows, NamedMover.columns()).to_response(wanted)
