"""``/v1/lookups``: what became of a login that could not be resolved at once."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import Connection

from api.dependencies import Database
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.v1 import responses
from api.v1.schemas import MAX_ID, Lookup
from common import lookups, users

router = APIRouter(prefix="/v1/lookups", tags=["users"])


def url_of(lookup_id: int) -> str:
    """Return the address of one lookup."""
    return f"{router.prefix}/{lookup_id}"


@router.get(
    "/{lookup_id}",
    summary="Show what became of a login",
    responses=responses.LOOKUP_SHOWN
    | responses.NO_LOOKUP
    | responses.BAD_ID
    | responses.UNAVAILABLE,
)
def show_lookup(
    database: Database,
    lookup_id: Annotated[
        int, Path(ge=1, le=MAX_ID, description="As in the `Location` of the 202.", examples=[17])
    ],
) -> Lookup:
    """Show what became of a login.

    `pending` until GitHub was asked, then `done` with the user (null once that user was deleted),
    or `failed` with the reason.
    """

    def look(connection: Connection) -> Lookup:
        lookup = lookups.get(connection, lookup_id)
        if lookup is None:
            raise NotFoundError("lookup not found")
        user = None if lookup.user_id is None else users.get(connection, lookup.user_id)
        return Lookup.of(lookup, user)

    return read(database, look)
