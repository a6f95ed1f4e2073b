"""``/``: the followed users with their totals, what moved, and how today's collection is going."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database
from api.http.transactions import read
from api.pages import recent_movers
from api.pages.layout import page
from api.pages.pasted import Pasted
from api.pages.recent_movers import RecentMovers
from api.pages.trend import Trend
from api.queries import portfolio, series
from api.queries.growth import Mover
from api.queries.metric import Metric
from api.queries.portfolio import Column, Holding, Portfolio, Standing
from api.queries.progress import Progress, get_progress
from api.queries.repository_sort import Order
from api.status.checks import Level
from api.status.readiness import read_readiness
from api.status.snapshot import Status, StatusReader
from common import lookups
from common.lookups import Lookup

router = APIRouter()

_USERS_PER_PAGE = 50
_MAX_PENDING = 20
_TREND = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Which users the visitor chose to see, and how.

    :param words: a text in the login or the name
    :param order: None is the usual order of the column
    :param standing: what became of the scan today; None shows all users
    """

    words: str = ""
    metric: Metric = Metric.STARGAZERS
    sort: Column = Column.STARGAZERS
    order: Order | None = None
    standing: Standing | None = None
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether some users may be left out."""
        return bool(self.words) or self.standing is not None

    @property
    def direction(self) -> Order:
        """The order of the list."""
        return self.order or self.sort.usual_order

    def query(self, **changes: object) -> dict[str, str]:
        """Return the parameters of the page with other options; it starts at the first page."""
        options = {
            "q": self.words,
            "metric": self.metric,
            "sort": self.sort,
            "order": self.order,
            "state": self.standing,
            **changes,
        }
        usual = {"metric": Metric.STARGAZERS, "sort": Column.STARGAZERS, "page": 1}
        return {
            name: str(value)
            for name, value in options.items()
            if value not in (None, "", usual.get(name))
        }

    def url(self, **changes: object) -> str:
        """Return the address of the page with other options, below the root."""
        query = urlencode(self.query(**changes))
        return f"/?{query}" if query else "/"

    def sort_url(self, column: Column) -> str:
        """Return the address that sorts by a column, or turns the order if it is sorted by it."""
        order = None
        if self.sort is column:
            is_usual = self.direction is column.usual_order
            order = _turned(column.usual_order) if is_usual else None
        return self.url(sort=column, order=order) + "#users"

    def aria_sort(self, column: Column) -> str:
        """Return the ``aria-sort`` attribute of a column."""
        if self.sort is not column:
            return "none"
        return "ascending" if self.direction is Order.ASCENDING else "descending"


def _turned(order: Order) -> Order:
    return Order.DESCENDING if order is Order.ASCENDING else Order.ASCENDING


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, read in one transaction.

    :param pending: logins that GitHub is still to be asked about, the newest first
    :param pending_in_all: how many these are
    :param movers: None if there are too many repositories to compare
    """

    progress: Progress
    portfolio: Portfolio
    trends: dict[int, Trend]
    pending: list[Lookup]
    pending_in_all: int
    movers: list[Mover] | None

    def sparkline(self, user: Holding, metric: Metric) -> Markup:
        """Draw the last 31 days of a user."""
        return self.trends[user.id].sparkline(metric, self.progress.today)


def list_options(
    *,
    q: Annotated[str, Query(max_length=100)] = "",
    metric: Metric = Metric.STARGAZERS,
    sort: Column = Column.STARGAZERS,
    order: Order | None = None,
    state: Standing | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> ListOptions:
    """Return what the query string asks to see."""
    return ListOptions(q.strip(), metric, sort, order, state, page)


@router.get("/")
async def show_overview(
    request: Request,
    *,
    database: Database,
    status: Status,
    options: Annotated[ListOptions, Depends(list_options)],
) -> Response:
    """Show the followed users, or some of them."""
    return await overview(request, database, status, options)


async def overview(
    request: Request,
    database: Engine,
    status: StatusReader,
    options: ListOptions | None = None,
    *,
    pasted: str = "",
    problems: Sequence[Pasted] = (),
) -> Response:
    """Return the page.

    :param pasted: the content of the form to follow users
    :param problems: what in it was not accepted
    """
    chosen = options or ListOptions()
    movers: RecentMovers = request.app.state.recent_movers
    readiness = await read_readiness(status)
    content = await run_in_threadpool(
        read, database, lambda connection: _read(connection, chosen, movers)
    )
    return page(
        request,
        "overview.html",
        status_code=422 if problems else 200,
        content=content,
        progress=content.progress,
        portfolio=content.portfolio,
        options=chosen,
        last_page=max(1, -(-content.portfolio.in_all // _USERS_PER_PAGE)),
        level=readiness.level,
        # The sentence about today has these words already.
        told=[
            (part, check)
            for part, check in readiness.told
            if check.level > Level.NOTICE or check.words != content.progress.summary
        ],
        metrics=Metric,
        columns=Column,
        standings=Standing,
        spans=portfolio.SPANS,
        look_back=portfolio.LOOK_BACK,
        days_of_movers=recent_movers.DAYS,
        pasted=pasted,
        problems=problems,
    )


def _read(connection: Connection, options: ListOptions, movers: RecentMovers) -> Content:
    progress = get_progress(connection)
    found = portfolio.read(
        connection,
        metric=options.metric,
        sort=options.sort,
        order=options.order,
        words=options.words,
        standing=options.standing,
        limit=_USERS_PER_PAGE,
        offset=(options.page - 1) * _USERS_PER_PAGE,
    )
    points = series.of_users(
        connection,
        [user.id for user in found.holdings],
        progress.today - _TREND,
        progress.today,
    )
    pending = lookups.pending(connection, limit=_MAX_PENDING)
    are_comparable = found.repositories <= recent_movers.MAX_REPOSITORIES
    return Content(
        progress,
        found,
        {user.id: Trend(points.get(user.id, [])) for user in found.holdings},
        pending,
        lookups.count_pending(connection, most=1000)
        if len(pending) == _MAX_PENDING
        else len(pending),
        movers.read(connection, options.metric, progress, found) if are_comparable else None,
    )
