"""``/users/{id}/unfollow``: what unfollowing a user deletes, and the button that does it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.layout import page, redirect
from api.queries import deletion, names
from api.queries.deletion import Deletion
from api.v1.fields import Login, UserId
from api.v1.users import get_tracked_user, untrack
from common.users import TrackedUser

router = APIRouter()


@router.get("/users/{user_id}/unfollow")
def ask(request: Request, database: Database, user_id: UserId) -> Response:
    """Say what would be deleted, and ask whether to."""

    def look(connection: Connection) -> tuple[TrackedUser, Deletion]:
        return get_tracked_user(connection, user_id), deletion.preview(connection, user_id)

    user, deleted = read(database, look)
    return page(request, "unfollow.html", user=user, deleted=deleted)


@router.post("/users/{user_id}/unfollow")
def unfollow(database: Database, user_id: UserId, _form: LoggedInForm) -> Response:
    """Delete the user and the history, and redirect to a page that says so."""
    return redirect(f"/unfollowed/{untrack(database, user_id).login}")


@router.get("/unfollowed/{login}")
def show_unfollowed(
    request: Request, database: Database, login: Annotated[Login, Path()]
) -> Response:
    """Say that a login is not followed; redirect to the user if it is."""
    user = read(database, lambda connection: names.find_user(connection, login))
    if user is not None:
        return redirect(f"/u/{user.login}")
    return page(request, "unfollowed.html", login=login)
