"""``/``: who is followed, and whether the collection is healthy."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.dependencies import Owned, Resources
from api.http.transactions import read
from api.pages.layout import page
from api.pages.trend import LOOK_BACK, Trend
from api.queries import series, user_list
from api.queries.metric import Metric
from api.queries.progress import Progress, get_progress
from api.queries.user_list import Listed
from api.status.readiness import OK, check
from api.v1.fields import MAX_ID

router = APIRouter()

_PAGE = 50
"""Users on one page."""

Search = Annotated[str, Query(alias="q", max_length=100)]


@router.get("/")
async def show_overview(
    request: Request,
    resources: Owned,
    part: Search = "",
    after: Annotated[str, Query(max_length=39, pattern="^[A-Za-z0-9_-]*$")] = "",
    after_id: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> Response:
    """Show the followed users, those whose login holds a part."""
    return await overview(request, resources, part=part.strip(), after=(after, after_id))


async def overview(
    request: Request,
    resources: Resources,
    *,
    part: str = "",
    after: tuple[str, int] = ("", 0),
    login: str = "",
    problem: str | None = None,
) -> Response:
    """Return the page; with what is wrong with a login that was to be followed, if anything is."""

    def look(connection: Connection) -> tuple[Progress, list[Listed], dict[int, Trend]]:
        progress = get_progress(connection)
        found = user_list.search(connection, part, limit=_PAGE + 1, after=after)
        totals = series.of_users(
            connection,
            [user.id for user in found[:_PAGE]],
            progress.today - LOOK_BACK,
            progress.today,
        )
        return progress, found, {user.id: Trend(totals.get(user.id, [])) for user in found}

    checks = check(await resources.status.read())
    progress, found, totals = await run_in_threadpool(read, resources.database, look)
    return page(
        request,
        "overview.html",
        status_code=200 if problem is None else 422,
        progress=progress,
        complaints=[f"{name}: {result}" for name, result in checks.items() if result != OK],
        users=found[:_PAGE],
        totals=totals,
        metric=Metric.STARGAZERS,
        is_more=len(found) > _PAGE,
        is_first=after == ("", 0),
        part=part,
        login=login,
        problem=problem,
    )
