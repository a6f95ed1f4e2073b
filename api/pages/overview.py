"""``/``: the followed users, and how today's collection is going."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database
from api.http.transactions import read
from api.pages.layout import page
from api.pages.pasted import Pasted
from api.pages.trend import LOOK_BACK, Trend
from api.queries import series, user_list
from api.queries.metric import Metric
from api.queries.progress import Progress, get_progress
from api.queries.user_list import Listed
from api.status.checks import Level
from api.status.readiness import read_readiness
from api.status.snapshot import Status, StatusReader
from api.v1.fields import MAX_ID

router = APIRouter()

_USERS_PER_PAGE = 50


@router.get("/")
async def show_overview(
    request: Request,
    *,
    database: Database,
    status: Status,
    search: Annotated[str, Query(alias="q", max_length=100)] = "",
    after: Annotated[str, Query(max_length=39, pattern="^[A-Za-z0-9_-]*$")] = "",
    after_id: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> Response:
    """Show the followed users, or those whose login contains the search text."""
    return await overview(request, database, status, search=search.strip(), after=(after, after_id))


async def overview(
    request: Request,
    database: Engine,
    status: StatusReader,
    *,
    search: str = "",
    after: tuple[str, int] = ("", 0),
    pasted: str = "",
    problems: Sequence[Pasted] = (),
) -> Response:
    """Return the page.

    :param after: login and id of the last user on the previous page
    :param pasted: the content of the form to follow users
    :param problems: what in it was not accepted
    """

    def read_content(connection: Connection) -> tuple[Progress, list[Listed], dict[int, Trend]]:
        progress = get_progress(connection)
        # One more than a page shows, to know whether there is a next page.
        users = user_list.search(connection, search, limit=_USERS_PER_PAGE + 1, after=after)
        totals = series.of_users(
            connection, [user.id for user in users], progress.today - LOOK_BACK, progress.today
        )
        return progress, users, {user.id: Trend(totals.get(user.id, [])) for user in users}

    readiness = await read_readiness(status)
    progress, users, totals = await run_in_threadpool(read, database, read_content)
    return page(
        request,
        "overview.html",
        status_code=422 if problems else 200,
        progress=progress,
        level=readiness.level,
        # The sentence about today has these words already.
        told=[
            (part, check)
            for part, check in readiness.told
            if check.level > Level.NOTICE or check.words != progress.summary
        ],
        users=users[:_USERS_PER_PAGE],
        totals=totals,
        metric=Metric.STARGAZERS,
        look_back=LOOK_BACK.days,
        has_next=len(users) > _USERS_PER_PAGE,
        is_first=after == ("", 0),
        search=search,
        pasted=pasted,
        problems=problems,
    )
