"""``/follow``: follow a user by login and show the progress."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError

from api.dependencies import Database, Owned
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.layout import page, redirect
from api.pages.overview import overview
from api.pages.steps import read_steps
from api.status.snapshot import Status
from api.v1.fields import MAX_ID, Login
from api.v1.resolve import Resolved, resolve_login

router = APIRouter(prefix="/follow")

_LOGIN: TypeAdapter[str] = TypeAdapter(Login)

LookupId = Annotated[int, Path(ge=1, le=MAX_ID)]


@router.post("")
async def follow(
    request: Request, resources: Owned, status: Status, form: LoggedInForm
) -> Response:
    """Follow a user; redirect to the user, or to the progress of the lookup."""
    given = form.get("login", "").strip().removeprefix("@")
    try:
        login = _LOGIN.validate_python(given)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        return await overview(
            request, resources.database, status, login=given, problem=f"Not followed: {reason}."
        )
    # The page of the progress waits for a login that is new.
    found = await resolve_login(resources, login, waits_for_new=False)
    if isinstance(found, Resolved):
        return redirect(f"/users/{found.user.id}")
    return redirect(f"/follow/{found.id}")


@router.get("")
def show_form() -> Response:
    """Redirect to the overview, which has the form."""
    return redirect("/")


@router.get("/{lookup_id}")
def show_progress(request: Request, database: Database, lookup_id: LookupId) -> Response:
    """Show the progress; without JavaScript the page reloads itself."""
    steps = read(database, lambda connection: read_steps(connection, lookup_id))
    return page(
        request,
        "follow.html",
        steps=steps,
        progress_path=f"/follow/{lookup_id}/progress",
    )


@router.get("/{lookup_id}/progress")
def get_progress(request: Request, database: Database, lookup_id: LookupId) -> JSONResponse:
    """Return the progress as JSON, for the script of the page."""
    steps = read(database, lambda connection: read_steps(connection, lookup_id))
    root = public_url_of(request).path
    return JSONResponse(steps.as_json(root), headers={"Cache-Control": "no-store"})
