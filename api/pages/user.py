"""``/users/{id}``: total, repositories, movers and scan calendar of one user."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from sqlalchemy import Connection

from api.dependencies import Owned, Resources
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.calendar import Calendar, make_calendar
from api.pages.layout import page, redirect
from api.pages.period import CALENDAR, SHORT, Choice, DateRange, choice
from api.pages.trend import LOOK_BACK, Trend
from api.queries import (
    backfills,
    beginnings,
    growth,
    names,
    repository_list,
    scan_days,
    series,
    user_list,
)
from api.queries.backfills import UserBackfill
from api.queries.beginnings import Beginnings
from api.queries.growth import Mover
from api.queries.metric import Metric
from api.queries.repository_list import Entry
from api.queries.repository_sort import SPANS, Order, Sort, change_of
from api.queries.user_list import Listed
from api.v1.fields import UserId
from api.v1.scans import request_scan
from api.v1.users import get_tracked_user
from common import clock
from common.backfills import why_off

router = APIRouter(prefix="/users/{user_id}")

_REPOSITORIES_PER_PAGE = 100
_MAX_MOVERS = 10
_CALENDAR = timedelta(days=364)

_SORTS = f"^(name|{'|'.join(Metric)}|{'|'.join(map(str, SPANS))})$"
"""Changes are named by their number of days; they are those of the shown metric."""


class RescanResult(StrEnum):
    """The result of a request to scan the user now."""

    SENT = "sent"
    AT_WORK = "at_work"
    TOO_SOON = "too_soon"

    @property
    def text(self) -> str:
        """The message to the visitor."""
        return {
            "sent": "Scan requested. Reload the page in a moment.",
            "at_work": "A scan is already in progress. Reload the page in a moment.",
            "too_soon": "This user was scanned a moment ago. Try again in five minutes.",
        }[self.value]


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What the visitor chose to see.

    :param sort: a column, or the number of days over which the shown metric changed
    """

    metric: Metric
    choice: Choice
    sort: str
    is_ascending: bool
    page: int

    @property
    def other_options(self) -> dict[str, object]:
        """The query parameters of the page, without those of the period."""
        return {
            "metric": self.metric,
            "sort": self.sort,
            "order": "asc" if self.is_ascending else "desc",
        }

    def url(self, **changes: object) -> str:
        """Return the query string of the page with other options; it starts at the first page."""
        period = {} if "period" in changes else self.choice.options
        options = {**self.other_options, **period, **changes}
        return "?" + "&".join(f"{name}={value}" for name, value in options.items())

    def sort_url(self, column: str) -> str:
        """Return the URL that sorts by a column, or reverses the order if it is sorted by it.

        Names start in ascending order, numbers in descending order.
        """
        is_ascending = not self.is_ascending if self.sort == column else column == "name"
        return self.url(sort=column, order="asc" if is_ascending else "desc") + "#repositories"

    def aria_sort(self, column: str) -> str:
        """Return the ``aria-sort`` attribute of a column."""
        if self.sort != column:
            return "none"
        return "ascending" if self.is_ascending else "descending"


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, read in one transaction.

    :param total: the sums of all repositories
    :param entries: the repositories on this page of the table
    :param repositories: the number of all repositories, those that are gone included
    :param trends: of the repositories on this page, by id
    """

    user: Listed
    since: Beginnings
    backfill: UserBackfill
    today: date
    dates: DateRange
    total: Trend
    entries: list[Entry]
    repositories: int
    trends: dict[int, Trend]
    movers: list[Mover]
    calendar: Calendar


def view_options(
    choice: Annotated[Choice, Depends(choice)],
    metric: Metric = Metric.STARGAZERS,
    sort: Annotated[str, Query(pattern=_SORTS)] = "stargazers",
    order: Annotated[str, Query(pattern="^(asc|desc)$")] = "desc",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> ViewOptions:
    """Return what the query string asks to see."""
    return ViewOptions(metric, choice, sort, order == "asc", page)


@router.get("")
def show_user(
    request: Request,
    resources: Owned,
    user_id: UserId,
    options: Annotated[ViewOptions, Depends(view_options)],
    scan: RescanResult | None = None,
) -> Response:
    """Redirect to the page by login, or show the user here if another one has the login now."""

    def has_login(connection: Connection) -> str | None:
        user = get_tracked_user(connection, user_id)
        holder = names.find_user(connection, user.login)
        return user.login if holder is not None and holder.id == user.id else None

    login = read(resources.database, has_login)
    if login is not None:
        query = f"?{request.url.query}" if request.url.query else ""
        return redirect(f"/u/{login}{query}")
    return show_page(request, resources, user_id, options, scan)


def show_page(
    request: Request,
    resources: Resources,
    user_id: int,
    options: ViewOptions,
    scan: RescanResult | None = None,
) -> Response:
    """Return the page of a user.

    :raise NotFoundError: no such user is followed
    """
    off = why_off(resources.settings)
    content = read(
        resources.database, lambda connection: _read(connection, user_id, options, off=off)
    )

    def sparkline(entry: Entry) -> Markup:
        return content.trends[entry.id].sparkline(options.metric, content.today)

    return page(
        request,
        "user.html",
        user=content.user,
        options=options,
        content=content,
        sparkline=sparkline,
        has_next=options.page * _REPOSITORIES_PER_PAGE < content.repositories,
        metrics=Metric,
        periods=SHORT,
        calendar_periods=CALENDAR,
        spans=SPANS,
        look_back=LOOK_BACK.days,
        rescan=scan,
    )


@router.post("/scan")
def scan_now(resources: Owned, user_id: UserId, _form: LoggedInForm) -> Response:
    """Request a scan, and redirect to the scan calendar."""
    asked = request_scan(resources, user_id)
    result = RescanResult.SENT if asked.is_accepted else RescanResult.AT_WORK
    if asked.wait:
        result = RescanResult.TOO_SOON
    return redirect(f"/users/{user_id}?scan={result}#scans")


def _read(
    connection: Connection, user_id: int, options: ViewOptions, *, off: str | None
) -> Content:
    user = user_list.get(connection, user_id)
    if user is None:
        raise NotFoundError("user not found")
    today = clock.today(connection)
    first_day = repository_list.first_day_of_user(connection, user_id)
    since = beginnings.of_user(connection, user_id, first_day)
    if not backfills.are_all_read(connection, user_id):
        # The chart has no total of some of the repositories.
        since = replace(since, reconstructed=None)
    of_metric = since if options.metric is Metric.STARGAZERS else replace(since, reconstructed=None)
    dates = options.choice.until(today, known_since=of_metric.first)
    listed = repository_list.of_user(
        connection,
        user_id,
        _sort_column(options),
        Order.ASCENDING if options.is_ascending else Order.DESCENDING,
        limit=_REPOSITORIES_PER_PAGE,
        offset=(options.page - 1) * _REPOSITORIES_PER_PAGE,
    )
    shown = listed.entries
    movers = growth.movers(
        connection, user_id, dates.first, dates.last, by=options.metric, limit=_MAX_MOVERS
    )
    return Content(
        user=user,
        since=since,
        backfill=backfills.of_user(connection, user_id, off=off),
        today=today,
        dates=dates,
        total=Trend(series.of_user(connection, user_id, today - LOOK_BACK, today)),
        entries=shown,
        repositories=listed.in_all,
        trends=_trends(connection, user_id, shown, today),
        movers=[mover for mover in movers if mover.difference],
        calendar=make_calendar(
            scan_days.every_day(connection, user_id, today - _CALENDAR, today), today
        ),
    )


def _trends(
    connection: Connection, user_id: int, entries: list[Entry], today: date
) -> dict[int, Trend]:
    points = series.of_repositories(
        connection, user_id, [entry.id for entry in entries], today - timedelta(30), today
    )
    return {entry.id: Trend(points.get(entry.id, [])) for entry in entries}


def _sort_column(options: ViewOptions) -> Sort:
    if options.sort.isdecimal():
        return change_of(options.metric, int(options.sort))
    return Sort(options.sort)
