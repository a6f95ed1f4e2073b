"""``/v1/users``: who is followed."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database, MayWrite, Owned, Resources, UserId
from api.http.errors import NotFoundError
from api.http.transactions import read, transact
from api.v1 import responses
from api.v1.loads import send_load
from api.v1.lookups import url_of as lookup_url
from api.v1.schemas import MAX_ID, Lookup, User, UserToFollow
from common import lookups, users
from common.broker import Task
from common.db import first_line
from common.states import LookupState
from common.users import TrackedUser

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/users", tags=["users"])

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.25
"""Seconds between two looks at a login that is being resolved."""

_LARGEST_PAGE = 10_000

_LONGEST_DELETION = 120
"""Seconds that each statement of a deletion may take. Longer than a client waits: a user of many
repositories and years must not be one that cannot be deleted."""

_TO_FOLLOW = Body(
    openapi_examples={
        "login": {
            "summary": "By login: GitHub is asked for the rest",
            "value": {"login": "allien"},
        },
        "account": {"summary": "By id, where id and name are known", "value": responses.USER},
    }
)


@router.put(
    "",
    summary="Follow a user",
    status_code=201,
    dependencies=[MayWrite],
    responses=responses.USER_ADDED
    | responses.USER_KNOWN
    | responses.LOOKUP_PENDING
    | responses.NO_KEY
    | responses.NO_LOGIN
    | responses.TOO_LARGE
    | responses.BAD_BODY
    | responses.UNAVAILABLE,
)
async def follow_user(
    resources: Owned, wanted: Annotated[UserToFollow, _TO_FOLLOW]
) -> JSONResponse:
    """Follow a user.

    Every public repository that a person or an organisation owns is recorded from now on, once a
    day, beginning at once.

    With `id`, `login` and `name` (or without `name`) the user is stored as sent. With `login` alone
    GitHub is asked first; where that takes longer than a few seconds, the answer is 202 and its
    `Location` tells what became of it. Asking again for a user who is followed changes nothing.
    """
    assert wanted.login is not None  # noqa: S101 - the schema saw to it
    if wanted.id is not None:
        user = TrackedUser(wanted.id, wanted.login, wanted.name or wanted.login)
        return _followed(*await run_in_threadpool(_follow, resources, user))
    return await _follow_login(resources, wanted.login)


@router.get(
    "",
    summary="List the followed users",
    responses=responses.USERS_SHOWN | responses.BAD_PAGE | responses.UNAVAILABLE,
)
def list_users(
    database: Database,
    limit: Annotated[
        int, Query(ge=1, le=_LARGEST_PAGE, description="At most so many.", examples=[100])
    ] = _LARGEST_PAGE,
    after: Annotated[
        int, Query(ge=0, le=MAX_ID, description="Only users with a greater id.", examples=[1428904])
    ] = 0,
) -> JSONResponse:
    """List the followed users.

    By ascending id, all of them where they are no more than `limit`; where there are more, follow
    the `Link` header with `rel="next"` until there is none.
    """
    # One more than asked for tells whether there is a next page.
    found = read(database, lambda connection: users.page(connection, limit=limit + 1, after=after))
    page = found[:limit]
    headers = {}
    if len(found) > len(page):
        headers["Link"] = f'<{router.prefix}?limit={limit}&after={page[-1].id}>; rel="next"'
    return JSONResponse([_shown(user) for user in page], headers=headers)


@router.get(
    "/{user_id}",
    summary="Show a user",
    responses=responses.USER_SHOWN | responses.NO_USER | responses.BAD_ID | responses.UNAVAILABLE,
)
def show_user(database: Database, user_id: UserId) -> JSONResponse:
    """Show one followed user."""
    user = read(database, lambda connection: followed_user(connection, user_id))
    return JSONResponse(_shown(user))


@router.delete(
    "/{user_id}",
    summary="Delete a user and its history",
    dependencies=[MayWrite],
    responses=responses.USER_DELETED
    | responses.NO_KEY
    | responses.NO_USER
    | responses.BAD_ID
    | responses.UNAVAILABLE,
)
def delete_user(database: Database, user_id: UserId) -> JSONResponse:
    """Delete a user and all statistics of the user's repositories.

    First the statistics go, then the user, in one transaction. A scan in flight stores nothing
    more.
    """

    def delete(connection: Connection) -> TrackedUser:
        connection.execute(text(f"SET LOCAL statement_timeout = '{_LONGEST_DELETION}s'"))
        user = users.get(connection, user_id)
        if user is None or not users.delete(connection, user_id):
            raise NotFoundError("user not found")
        return user

    user = transact(database, delete)
    log.info("user deleted: %s (%d)", user.login, user.id)
    return JSONResponse(_shown(user))


def followed_user(connection: Connection, user_id: int) -> TrackedUser:
    """Return a followed user.

    :raise NotFoundError: nobody with this id is followed
    """
    user = users.get(connection, user_id)
    if user is None:
        raise NotFoundError("user not found")
    return user


def _shown(user: TrackedUser) -> dict[str, object]:
    return User.of(user).model_dump()


def _followed(user: TrackedUser, is_new: bool) -> JSONResponse:
    return JSONResponse(
        _shown(user),
        status_code=201 if is_new else 200,
        headers={"Location": f"{router.prefix}/{user.id}"},
    )


def _follow(resources: Resources, user: TrackedUser) -> tuple[TrackedUser, bool]:
    """Store a user, then send the first scan; the sweep sends what could not be sent."""
    known = read(resources.database, lambda connection: users.get(connection, user.id))
    if known is not None:
        return known, False
    stored, is_new = transact(
        resources.database,
        lambda connection: users.add(connection, user, lease=resources.settings.load_lease),
    )
    if is_new:
        log.info("user added: %s (%d)", stored.login, stored.id)
        send_load(resources, stored.id, stored.login)
    return stored, is_new


async def _follow_login(resources: Resources, login: str) -> JSONResponse:
    """Ask a worker who bears a login, and wait for the answer a little."""
    asked = await run_in_threadpool(ask, resources, login)
    if isinstance(asked, TrackedUser):
        return _followed(asked, is_new=False)
    lookup, was_sent = asked
    now = asyncio.get_running_loop().time
    deadline = now() + (resources.settings.lookup_wait if was_sent else 0)
    pause = _FIRST_PAUSE
    # Between two looks a waiting request holds neither a thread nor a connection.
    while (left := deadline - now()) > 0:
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        settled = await run_in_threadpool(_look, resources, lookup.id)
        if settled is not None:
            return settled
    return JSONResponse(
        Lookup.of(lookup, None).model_dump(),
        status_code=202,
        headers={"Location": lookup_url(lookup.id)},
    )


def ask(resources: Resources, login: str) -> TrackedUser | tuple[lookups.Lookup, bool]:
    """Return who bears the login; or else the question, and whether a worker has it."""
    user = read(resources.database, lambda connection: users.find_by_login(connection, login))
    if user is not None:
        return user
    lookup, is_new = transact(
        resources.database,
        lambda connection: lookups.get_or_create(
            connection, login, lease=resources.settings.load_lease
        ),
    )
    if not is_new or resources.sender.send(Task.RESOLVE_LOGIN, lookup.id, login=lookup.login):
        return lookup, True
    try:
        transact(
            resources.database,
            lambda connection: lookups.reschedule(connection, lookup.id, reason=None),
        )
    except SQLAlchemyError as error:
        # The question is stored all the same, and due when the lease ends.
        log.warning("lookup %d stays leased: %s", lookup.id, first_line(error))
    return lookup, False


def _look(resources: Resources, lookup_id: int) -> JSONResponse | None:
    """Return the final answer, or None while there is none."""

    def look(
        connection: Connection,
    ) -> tuple[lookups.Lookup | None, TrackedUser | None, bool]:
        lookup = lookups.get(connection, lookup_id)
        if lookup is None or lookup.user_id is None:
            return lookup, None, False
        user = users.get(connection, lookup.user_id)
        return lookup, user, lookups.was_already_tracked(connection, lookup_id)

    lookup, user, was_followed = read(resources.database, look)
    if lookup is None or lookup.state is LookupState.PENDING:
        return None
    if lookup.state is LookupState.FAILED:
        log.info("login not resolved: %s: %s", lookup.login, lookup.reason)
        raise NotFoundError(lookup.reason or f"GitHub has no user {lookup.login}")
    if user is None:
        raise NotFoundError("user not found: deleted again since it was added")
    log.info("login resolved: %s is %s (%d)", lookup.login, user.login, user.id)
    return _followed(user, is_new=not was_followed)
