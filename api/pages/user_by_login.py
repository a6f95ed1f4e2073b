"""``/u/{login}``: the page of a user, at an address that people can read and type."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.dependencies import Owned
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.pages.layout import redirect
from api.pages.user import RescanResult, ViewOptions, show_page, view_options
from api.queries import names
from api.v1.fields import Login

router = APIRouter()


@router.get("/u/{login}")
def show_user_by_login(
    request: Request,
    resources: Owned,
    login: Annotated[Login, Path()],
    options: Annotated[ViewOptions, Depends(view_options)],
    scan: RescanResult | None = None,
) -> Response:
    """Show the user who has a login; redirect from a former login to the present one."""
    user = read(resources.database, lambda connection: names.find_user(connection, login))
    if user is None:
        raise NotFoundError(f"no followed user is or was called {login}")
    if user.login.lower() != login.lower():
        return redirect(f"/u/{user.login}")
    return show_page(request, resources, user.id, options, scan)
