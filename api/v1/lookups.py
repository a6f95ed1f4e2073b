"""``/v1/lookups``: the state of a login that was not resolved at once."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.v1.fields import MAX_ID
from api.v1.schemas import Lookup
from common import lookups, users

router = APIRouter(prefix="/v1/lookups", tags=["users"], responses=describe.UNAVAILABLE)


def url_of(lookup_id: int) -> str:
    """Return the URL of a lookup."""
    return f"{router.prefix}/{lookup_id}"


@router.get(
    "/{lookup_id}",
    summary="Show the state of a lookup",
    responses=describe.json(
        200, "The lookup: `pending`, `done` with the user, or `failed` with the reason.", Lookup
    )
    | describe.problem(404, "There is no such lookup.", "lookup not found")
    | describe.invalid_minimum("path", "lookup_id", "0", 1),
)
def show_lookup(
    database: Database,
    lookup_id: Annotated[
        int,
        Path(ge=1, le=MAX_ID, description="The id in the `Location` of the 202.", examples=[17]),
    ],
) -> Lookup:
    """Show the state of a login that `PUT /v1/users` answered with 202.

    `pending` until GitHub answered, then `done` with the user (null once that user is deleted), or
    `failed` with the reason.
    """

    def look(connection: Connection) -> Lookup:
        lookup = lookups.get(connection, lookup_id)
        if lookup is None:
            raise NotFoundError("lookup not found")
        user = None if lookup.user_id is None else users.get(connection, lookup.user_id)
        return Lookup.of(lookup, user)

    return read(database, look)
