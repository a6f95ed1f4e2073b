"""``/follow``: add a user by login, and watch what comes of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database, Owned
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.filters import plural, timestamp
from api.pages.layout import page, redirect
from api.pages.overview import overview
from api.queries import scan_days
from api.queries.scan_days import ScanRecord
from api.v1.fields import MAX_ID, Login
from api.v1.users import find_or_look_up
from common import clock, lookups, users
from common.lookups import Lookup
from common.states import LookupState, ScanState
from common.users import TrackedUser

router = APIRouter(prefix="/follow")

_LOGIN: TypeAdapter[str] = TypeAdapter(Login)

LookupId = Annotated[int, Path(ge=1, le=MAX_ID)]


class Stage(StrEnum):
    """How far one step is."""

    TO_COME = "to come"
    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of adding a user, and what there is to say about it."""

    name: str
    stage: Stage
    text: str


@dataclass(frozen=True, slots=True)
class Steps:
    """How far the adding of one user is."""

    login: str
    found: Step
    recorded: Step
    user: TrackedUser | None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen."""
        stages = {self.found.stage, self.recorded.stage}
        return Stage.FAILED in stages or stages == {Stage.DONE}

    @property
    def is_done(self) -> bool:
        """Tell whether the user is recorded."""
        return self.recorded.stage is Stage.DONE

    def shown(self) -> dict[str, object]:
        """Return what the script on the page asks for."""
        return {
            "is_over": self.is_over,
            "user": None if self.user is None else f"/users/{self.user.id}",
            "steps": [
                {"name": step.name, "stage": step.stage, "text": step.text}
                for step in (self.found, self.recorded)
            ],
        }


@router.post("")
async def follow(request: Request, resources: Owned, form: LoggedInForm) -> Response:
    """Follow the user of a login, and send the browser to where it can be watched."""
    given = form.get("login", "").strip().removeprefix("@")
    try:
        login = _LOGIN.validate_python(given)
    except ValidationError as error:
        return await overview(
            request, resources, login=given, problem=f"Not followed: {error.errors()[0]['msg']}."
        )
    asked = await run_in_threadpool(find_or_look_up, resources, login)
    if isinstance(asked, TrackedUser):
        return redirect(f"/users/{asked.id}")
    lookup, _ = asked
    return redirect(f"/follow/{lookup.id}")


@router.get("")
def begin() -> Response:
    """Lead whoever loads the form's address to where the form is."""
    return redirect("/")


@router.get("/{lookup_id}")
def show_progress(request: Request, database: Database, lookup_id: LookupId) -> Response:
    """Show how far the adding is; without a script the page loads itself again."""
    steps = read(database, lambda connection: _look(connection, lookup_id))
    return page(
        request, "follow.html", steps=steps, address=f"/follow/{lookup_id}/progress", stages=Stage
    )


@router.get("/{lookup_id}/progress")
def tell_progress(database: Database, lookup_id: LookupId) -> JSONResponse:
    """Tell the script on the page the same."""
    steps = read(database, lambda connection: _look(connection, lookup_id))
    return JSONResponse(steps.shown(), headers={"Cache-Control": "no-store"})


def _look(connection: Connection, lookup_id: int) -> Steps:
    lookup = lookups.get(connection, lookup_id)
    if lookup is None:
        raise NotFoundError("nobody asked for this login")
    user = None if lookup.user_id is None else users.get(connection, lookup.user_id)
    record = None
    if user is not None:
        today = clock.today(connection)
        # Since yesterday: the day may have ended meanwhile.
        record = next(
            iter(scan_days.records(connection, user.id, today - timedelta(1), today)), None
        )
    return Steps(lookup.login, _found(lookup, user), _recorded(user, record), user)


def _found(lookup: Lookup, user: TrackedUser | None) -> Step:
    name = "Found on GitHub"
    if lookup.state is LookupState.FAILED:
        return Step(name, Stage.FAILED, lookup.reason or "GitHub has no such user")
    if lookup.state is LookupState.PENDING:
        return Step(name, Stage.UNDER_WAY, lookup.reason or "GitHub is being asked")
    if user is None:
        return Step(name, Stage.FAILED, "found, and deleted here again since")
    return Step(name, Stage.DONE, f"{user.name} ({user.login}), account {user.id}")


def _recorded(user: TrackedUser | None, record: ScanRecord | None) -> Step:
    name = "Recorded"
    if user is None:
        return Step(name, Stage.TO_COME, "not yet")
    if record is None:
        return Step(name, Stage.UNDER_WAY, "waits for a worker")
    expected = "?" if record.expected is None else f"{record.expected:,}"
    so_far = f"{record.recorded:,} of {expected} repositories"
    match record.state:
        case ScanState.DONE:
            return Step(name, Stage.DONE, plural(record.recorded, "repository", "repositories"))
        case ScanState.INCOMPLETE:
            return Step(name, Stage.DONE, f"{so_far}: {record.reason}")
        case ScanState.GONE:
            return Step(name, Stage.FAILED, record.reason or "GitHub shows no such account")
        case ScanState.CLAIMED:
            doing = "a worker is reading the repositories" if record.attempts else "waits"
            return Step(name, Stage.UNDER_WAY, f"{doing}; {so_far}" if record.recorded else doing)
    again = f"; next attempt {timestamp(record.next_attempt_at)}" if record.next_attempt_at else ""
    return Step(name, Stage.UNDER_WAY, f"{record.reason or 'waits'}{again}")
