"""``/v1/users``: follow, list, show and delete users."""

import logging
from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, Engine, text
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database, MayWrite, Owned, Resources
from api.http import describe
from api.http.errors import NotFoundError
from api.http.transactions import read, transact
from api.queries import names
from api.v1 import responses
from api.v1.enqueue import enqueue_load
from api.v1.fields import MAX_ID, MAX_PAGE, Limit, Login, UserId
from api.v1.lookups import url_of as lookup_url
from api.v1.resolve import Resolved, resolve_login
from api.v1.schemas import PendingLookup, User, UserToFollow
from common import users
from common.users import TrackedUser

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/users", tags=["users"], responses=describe.UNAVAILABLE)

_DELETION_TIMEOUT = 120
"""Seconds for each statement of a deletion. Longer than clients wait: otherwise a user with many
repositories and years could never be deleted."""

_BODY = Body(
    openapi_examples={
        "login": {
            "summary": "By login; GitHub supplies id and name",
            "value": {"login": "glacial-falcon"},
        },
        "account": {
            "summary": "By id, login and name",
            "value": {"id": 96794247, "login": "nimble-nebula", "name": "Nimble Nebula"},
        },
    }
)


@router.put(
    "",
    summary="Follow a user",
    status_code=201,
    dependencies=[MayWrite],
    responses=describe.json(
        201,
        "The user is followed from now on, and the first scan is on its way.",
        User,
        headers={"Location": "The URL of the user."},
    )
    | describe.json(200, "The user was already followed; this is the stored user.", User)
    | describe.json(
        202,
        "The login is not resolved yet. The request is stored and will be carried out.",
        PendingLookup,
        headers={"Location": "The URL of the lookup, which shows its state."},
    )
    | responses.NO_KEY
    | describe.problem(404, "GitHub has no such login.", "GitHub has no user alien")
    | describe.problem(413, "The body is larger than 16 KiB.", "the body is larger than 16 KiB")
    | describe.invalid(
        "body",
        "login",
        "../orgs/x",
        "a login must be 1 to 39 letters, digits, hyphens or underscores,"
        " and not begin with an underscore",
        error="login",
    ),
)
async def follow_user(resources: Owned, account: Annotated[UserToFollow, _BODY]) -> JSONResponse:
    """Follow a user.

    From now on, every public repository that the person or organisation owns is recorded once a
    day, starting at once.

    With `id` and `login`, and optionally `name`, the user is stored as sent. With `login` alone the
    API waits a few seconds for GitHub to resolve it; if that takes longer, the answer is 202, and
    its `Location` shows the progress. Repeating the call for a followed user answers 200, also
    while GitHub cannot be asked. A login that another account has taken over since is 201: that
    account is followed too, and the first one stays followed under its id.
    """
    assert account.login is not None  # noqa: S101 - the schema checked it
    if account.id is not None:
        user = TrackedUser(account.id, account.login, account.name or account.login)
        return _tracked(*await run_in_threadpool(_track, resources, user))
    return await _track_login(resources, account.login)


@router.get(
    "",
    summary="List the followed users",
    responses=describe.json(
        200,
        "The users, ordered by id.",
        list[User],
        headers={"Link": 'If there are more: `</v1/users?limit=…&after=…>; rel="next"`.'},
    )
    | describe.invalid_minimum("query", "limit", "0", 1),
)
def list_users(
    database: Database,
    login: Annotated[
        Login | None,
        Query(
            description="Return only the user who has this login, or had it, in any case.",
            examples=["onelonelyrepo"],
        ),
    ] = None,
    limit: Limit = MAX_PAGE,
    after: Annotated[
        int,
        Query(
            ge=0, le=MAX_ID, description="Return only users with a greater id.", examples=[82056671]
        ),
    ] = 0,
) -> JSONResponse:
    """List the followed users, ordered by id.

    If there are more than `limit`, follow the `Link` header with `rel="next"` until there is none.

    With `login` the list has at most one user: the one who has this login or, if none has it, the
    only one who had it. It is empty if the login is not that of a followed user, and if several
    had it. GitHub is not asked; former logins are known from release 0.3.0 on.
    """

    def look(connection: Connection) -> list[TrackedUser]:
        if login is None:
            # One more than requested shows whether there is a next page.
            return users.page(connection, limit=limit + 1, after=after)
        user = names.find_user(connection, login)
        return [user] if user is not None and user.id > after else []

    found = read(database, look)
    page = found[:limit]
    headers = {}
    if len(found) > len(page):
        headers["Link"] = f'<{router.prefix}?limit={limit}&after={page[-1].id}>; rel="next"'
    return JSONResponse([_body(user) for user in page], headers=headers)


@router.get(
    "/{user_id}",
    summary="Show a user",
    responses=describe.json(200, "The user.", User) | responses.NO_USER | responses.INVALID_USER_ID,
)
def show_user(database: Database, user_id: UserId) -> JSONResponse:
    """Show one followed user."""
    user = read(database, lambda connection: get_tracked_user(connection, user_id))
    return JSONResponse(_body(user))


@router.delete(
    "/{user_id}",
    summary="Delete a user and its history",
    dependencies=[MayWrite],
    responses=describe.json(200, "The user and all of its statistics are deleted.", User)
    | responses.NO_KEY
    | responses.NO_USER
    | responses.INVALID_USER_ID,
)
def delete_user(database: Database, user_id: UserId) -> JSONResponse:
    """Delete a user and all statistics of the user's repositories.

    First the statistics are deleted, then the user, in one transaction. A scan that is under way
    stores nothing more. Repeating the call answers 404.
    """
    return JSONResponse(_body(untrack(database, user_id)))


def get_tracked_user(connection: Connection, user_id: int) -> TrackedUser:
    """Return a tracked user.

    :raise NotFoundError: no user with this id is tracked
    """
    user = users.get(connection, user_id)
    if user is None:
        raise NotFoundError("user not found")
    return user


def untrack(database: Engine, user_id: int) -> TrackedUser:
    """Delete a user with all statistics of the user's repositories, and return what was deleted.

    :raise NotFoundError: no user with this id is tracked
    """

    def delete(connection: Connection) -> TrackedUser:
        connection.execute(text(f"SET LOCAL statement_timeout = '{_DELETION_TIMEOUT}s'"))
        user = users.get(connection, user_id)
        if user is None or not users.delete(connection, user_id):
            raise NotFoundError("user not found")
        return user

    user = transact(database, delete)
    log.info("user deleted: %s (%d)", user.login, user.id)
    return user


def _track(resources: Resources, user: TrackedUser) -> tuple[TrackedUser, bool]:
    """Store a user and send the first scan; return the stored user and whether it is new."""
    known = read(resources.database, lambda connection: users.get(connection, user.id))
    if known is not None:
        return known, False
    stored, is_new = transact(
        resources.database,
        lambda connection: users.add(connection, user, lease=resources.settings.load_lease),
    )
    if is_new:
        log.info("user added: %s (%d)", stored.login, stored.id)
        enqueue_load(resources, stored.id, stored.login)
    return stored, is_new


async def _track_login(resources: Resources, login: str) -> JSONResponse:
    """Have a worker resolve a login, and wait a few seconds for the result."""
    found = await resolve_login(resources, login)
    if isinstance(found, Resolved):
        return _tracked(found.user, found.is_new)
    return JSONResponse(
        PendingLookup.of(found, None).model_dump(),
        status_code=202,
        headers={"Location": lookup_url(found.id)},
    )


def _tracked(user: TrackedUser, is_new: bool) -> JSONResponse:
    return JSONResponse(
        _body(user),
        status_code=201 if is_new else 200,
        headers={"Location": f"{router.prefix}/{user.id}"},
    )


def _body(user: TrackedUser) -> dict[str, object]:
    return User.of(user).model_dump()
