"""``/login`` and ``/logout``."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.pages.auth import OwnForm, auth_of
from api.pages.layout import page, redirect

router = APIRouter()

_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?")

Next = Annotated[str, Query(alias="next", max_length=100)]


def _own_path(path: str) -> str:
    """Return the path if it is one of our pages, else ``/``: a link must not lead elsewhere."""
    return path if _OWN_PATH.fullmatch(path) else "/"


async def redirect_to_login(_request: Request, _error: Exception) -> Response:
    """Send a visitor without a session to the login page."""
    return redirect("/login")


@router.get("/login")
def show_login(request: Request, next_path: Next = "/") -> Response:
    """Show the login form."""
    if auth_of(request).is_logged_in(request):
        return redirect(_own_path(next_path))
    return page(request, "login.html", next_path=_own_path(next_path), problem=None)


@router.post("/login")
def log_in(request: Request, form: OwnForm) -> Response:
    """Check the key, start a session and return to the page the visitor came from."""
    auth = auth_of(request)
    next_path = _own_path(form.get("next", "/"))
    response = redirect(next_path)
    if not auth.needs_key:
        return response
    if not auth.check_key(form.get("key", "")):
        return page(
            request,
            "login.html",
            status_code=401,
            next_path=next_path,
            problem="Wrong key. Ask the operator for the API_KEY.",
        )
    auth.log_in(request, response)
    return response


@router.post("/logout")
def log_out(request: Request, _form: OwnForm) -> Response:
    """End the session."""
    response = redirect("/")
    auth_of(request).log_out(request, response)
    return response
