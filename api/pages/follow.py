"""``/follow``: follow users by login or pasted address, and show the progress."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from api.dependencies import Database, Owned, Resources
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.layout import page, redirect
from api.pages.overview import overview
from api.pages.pasted import MAX_PASTED, Pasted, read_pasted
from api.pages.steps import Steps, read_steps
from api.queries import names
from api.queries.names import Account
from api.status.snapshot import Status
from api.v1.fields import MAX_ID
from api.v1.resolve import Resolved, resolve_login
from common.lookups import Lookup

router = APIRouter(prefix="/follow")

LookupId = Annotated[int, Path(ge=1, le=MAX_ID)]

_Ids = Annotated[
    list[Annotated[int, Query(ge=1, le=MAX_ID)]],
    Query(default_factory=list, max_length=MAX_PASTED),
]


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of several logins.

    :param users: followed already, or lately found
    :param steps: how far the others are
    """

    users: list[Account]
    steps: list[Steps]

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change any more."""
        return all(steps.is_finished for steps in self.steps)


@router.post("")
async def follow(
    request: Request, resources: Owned, status: Status, form: LoggedInForm
) -> Response:
    """Follow one user or several; redirect to the user, or to the progress.

    If any line contains no login, nobody is followed: the form shows the text and the reasons.
    """
    given = form.get("login", "")
    accounts = read_pasted(given, resources.settings.github)
    problems = _problems(accounts)
    if problems and "\n" in given.strip():
        return _form(request, given.strip(), problems)
    if problems:
        return await overview(
            request, resources.database, status, pasted=given.strip(), problems=problems
        )
    # The page of the progress waits for logins that are new.
    found = await asyncio.gather(*(_resolve(resources, account) for account in accounts))
    if len(found) > 1:
        return redirect("/follow?" + urlencode([_reference(each) for each in found]))
    if isinstance(found[0], Resolved):
        return redirect(f"/users/{found[0].user.id}")
    return redirect(f"/follow/{found[0].id}")


def _problems(accounts: list[Pasted]) -> list[Pasted]:
    """Return what cannot be followed, and why; empty if all can."""
    if not accounts:
        return [Pasted("", None, "enter a login, or the address of an account or a repository")]
    if len(accounts) > MAX_PASTED:
        return [Pasted("", None, f"these are {len(accounts)}, and at most {MAX_PASTED} at once")]
    return [account for account in accounts if account.login is None]


async def _resolve(resources: Resources, account: Pasted) -> Resolved | Lookup:
    assert account.login is not None  # noqa: S101 - the caller has refused the others
    return await resolve_login(resources, account.login, waits_for_new=False)


def _reference(found: Resolved | Lookup) -> tuple[str, int]:
    return ("user", found.user.id) if isinstance(found, Resolved) else ("lookup", found.id)


@router.get("")
def show_several(
    request: Request,
    database: Database,
    user: _Ids,
    lookup: _Ids,
) -> Response:
    """Show what became of several logins; without any, the form for several."""
    if not user and not lookup:
        return _form(request)

    def look(connection: Connection) -> Followed:
        found = names.accounts(connection, user)
        return Followed(
            [found[user_id] for user_id in user if user_id in found],
            [read_steps(connection, lookup_id) for lookup_id in lookup],
        )

    return page(request, "followed.html", followed=read(database, look))


def _form(request: Request, pasted: str = "", problems: Sequence[Pasted] = ()) -> Response:
    status_code = 422 if problems else 200
    return page(request, "several.html", status_code=status_code, pasted=pasted, problems=problems)


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
