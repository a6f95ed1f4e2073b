"""``/v1/users/{id}/growth``: which repositories moved most in a period."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.dependencies import Database, DateFrom, DateTo, UserId
from api.http.dates import span
from api.http.formats import Table, Wanted
from api.http.transactions import read
from api.queries import growth
from api.queries.metric import Metric
from api.v1 import responses
from api.v1.schemas import Mover
from api.v1.users import followed_user

router = APIRouter(prefix="/v1/users/{user_id}", tags=["history"])

_MOST = 10_000


@router.get(
    "/growth",
    summary="Show what moved most in a period",
    responses=responses.GROWTH_SHOWN
    | responses.NO_USER
    | responses.BAD_ID
    | responses.BAD_GROWTH
    | responses.NO_FORMAT
    | responses.UNAVAILABLE,
)
def show_growth(
    *,
    database: Database,
    wanted: Wanted,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    by: Annotated[
        Metric, Query(description="Which count is compared.", examples=["forks"])
    ] = Metric.STARGAZERS,
    limit: Annotated[
        int, Query(ge=1, le=_MOST, description="At most so many.", examples=[10])
    ] = 10,
) -> Response:
    """Show which of a user's repositories moved most in a period, up or down.

    For each the first and the last recorded day of the period, with the counts of these days:
    where a day at an end is missing, the next one inside counts, and says so. A repository that
    was recorded on fewer than two days of the period is left out.
    """

    def look(connection: Connection) -> tuple[str, list[growth.Mover]]:
        user = followed_user(connection, user_id)
        first, last = span(connection, date_from, date_to)
        movers = growth.movers(connection, user_id, first, last, by=by, limit=limit)
        return f"{user.login}-growth-{by}-{first}-{last}", movers

    name, movers = read(database, look)
    rows = [Mover.model_validate(mover).model_dump(mode="json") for mover in movers]
    return Table(name, rows, Mover.columns()).answer(wanted)
