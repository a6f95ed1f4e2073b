"""``/login`` and ``/logout``: giving the key, and taking it away."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.pages.doors import OwnForm, doors_of
from api.pages.layout import page, redirect

router = APIRouter()

_OWN_ADDRESS = re.compile(r"/(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?")

Next = Annotated[str, Query(alias="next", max_length=100)]


def _own_address(address: str) -> str:
    """Return where to go on: one of our own pages, whatever somebody put into a link."""
    return address if _OWN_ADDRESS.fullmatch(address) else "/"


async def ask_for_key(_request: Request, _error: Exception) -> Response:
    """Send whoever acts without the key to where it is asked for."""
    return redirect("/login")


@router.get("/login")
def show_login(request: Request, after: Next = "/") -> Response:
    """Ask for the key."""
    if doors_of(request).are_open(request):
        return redirect(_own_address(after))
    return page(request, "login.html", after=_own_address(after), problem=None)


@router.post("/login")
def log_in(request: Request, form: OwnForm) -> Response:
    """Take the key, or say that it is not the right one."""
    doors = doors_of(request)
    after = _own_address(form.get("next", "/"))
    if doors.needs_key and not doors.fits(form.get("key", "")):
        return page(
            request,
            "login.html",
            status_code=401,
            after=after,
            problem="This is not the key: it is the setting API_KEY of whoever runs this.",
        )
    answer = redirect(after)
    if doors.needs_key:
        doors.admit(request, answer)
    return answer


@router.post("/logout")
def log_out(request: Request, _form: OwnForm) -> Response:
    """Forget the key."""
    answer = redirect("/")
    doors_of(request).dismiss(answer)
    return answer
