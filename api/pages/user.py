"""``/users/{id}``: one user's total, repositories, movers and days."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from sqlalchemy import Connection

from api.dependencies import Database, Owned
from api.http.transactions import read
from api.pages.auth import LoggedInForm
from api.pages.days import Calendar, calendar
from api.pages.layout import page, redirect
from api.pages.period import DateRange, Period
from api.pages.trend import LOOK_BACK, Trend
from api.queries import growth, repository_list, scan_days, series
from api.queries.growth import Mover
from api.queries.metric import Metric
from api.queries.repository_list import SPANS, Entry
from api.queries.repository_sort import Order, Sort, change_of, sort_repositories
from api.queries.series import Point
from api.v1 import scans as scan_calls
from api.v1.fields import UserId
from api.v1.users import get_tracked_user
from common import clock
from common.users import TrackedUser

router = APIRouter(prefix="/users/{user_id}")

_PAGE = 100
"""Repositories on one page."""

_MOVERS = 10
_A_YEAR = timedelta(days=364)

_SORTS = f"^(name|{'|'.join(Metric)}|{'|'.join(map(str, SPANS))})$"
"""Changes are named by their days: they are those of the metric that is shown."""


class Rescan(StrEnum):
    """What became of a scan that the visitor asked for."""

    SENT = "sent"
    AT_WORK = "at_work"
    TOO_SOON = "too_soon"

    @property
    def text(self) -> str:
        """What the visitor is told."""
        return {
            "sent": "A scan was asked for: load the page again in a moment.",
            "at_work": "A scan is on its way already: load the page again in a moment.",
            "too_soon": "There was a scan a moment ago: ask again in five minutes.",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor chose to see."""

    metric: Metric
    period: Period
    sort: str
    """A column, or the number of days over which the shown metric changed."""
    is_ascending: bool
    page: int

    def address(self, **changes: object) -> str:
        """Return the query of the page with something else chosen; the first page of it."""
        chosen = {
            "metric": self.metric,
            "period": self.period,
            "sort": self.sort,
            "order": "asc" if self.is_ascending else "desc",
            **changes,
        }
        return "?" + "&".join(f"{name}={value}" for name, value in chosen.items())

    def sorting(self, sort: str) -> str:
        """Return the query that sorts by something, or the other way round where it does already.

        Names go up first, numbers down.
        """
        is_up = not self.is_ascending if self.sort == sort else sort == "name"
        return self.address(sort=sort, order="asc" if is_up else "desc") + "#repositories"

    def direction(self, sort: str) -> str:
        """Return ``aria-sort`` of a column."""
        if self.sort != sort:
            return "none"
        return "ascending" if self.is_ascending else "descending"


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, of one moment."""

    user: TrackedUser
    today: date
    chosen: DateRange
    total: Trend
    entries: list[Entry]
    """Those of the page that is looked at."""
    repositories: int
    """How many there are in all."""
    lines: dict[int, list[Point]]
    movers: list[Mover]
    calendar: Calendar


def _choice(
    metric: Metric = Metric.STARGAZERS,
    period: Period = Period.QUARTER,
    sort: Annotated[str, Query(pattern=_SORTS)] = "stargazers",
    order: Annotated[str, Query(pattern="^(asc|desc)$")] = "desc",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Choice:
    return Choice(metric, period, sort, order == "asc", page)


@router.get("")
def show_user(
    request: Request,
    database: Database,
    user_id: UserId,
    choice: Annotated[Choice, Depends(_choice)],
    scan: Rescan | None = None,
) -> Response:
    """Show a user."""
    content = read(database, lambda connection: _look(connection, user_id, choice))

    def sparkline(entry: Entry) -> Markup:
        return Trend(content.lines.get(entry.id, [])).sparkline(choice.metric, content.today)

    return page(
        request,
        "user.html",
        user=content.user,
        choice=choice,
        content=content,
        sparkline=sparkline,
        is_more=choice.page * _PAGE < content.repositories,
        metrics=Metric,
        periods=Period,
        spans=SPANS,
        rescan=scan,
    )


@router.post("/scan")
def scan_now(resources: Owned, user_id: UserId, _form: LoggedInForm) -> Response:
    """Scan the user now, and lead back to the calendar, which says what comes of it."""
    asked = scan_calls.request_scan(resources, user_id)
    became = Rescan.SENT if asked.is_accepted else Rescan.AT_WORK
    if asked.wait:
        became = Rescan.TOO_SOON
    return redirect(f"/users/{user_id}?scan={became}#scans")


def _look(connection: Connection, user_id: int, choice: Choice) -> Content:
    user = get_tracked_user(connection, user_id)
    today = clock.today(connection)
    entries = repository_list.of_user(connection, user_id)
    since = min((entry.first_day for entry in entries if entry.first_day), default=None)
    chosen = choice.period.until(today, recorded_since=since)
    order = Order.ASCENDING if choice.is_ascending else Order.DESCENDING
    shown = sort_repositories(entries, _column(choice), order)[
        (choice.page - 1) * _PAGE : choice.page * _PAGE
    ]
    return Content(
        user=user,
        today=today,
        chosen=chosen,
        total=Trend(series.of_user(connection, user_id, today - LOOK_BACK, today)),
        entries=shown,
        repositories=len(entries),
        lines=series.of_repositories(
            connection, user_id, [entry.id for entry in shown], today - timedelta(30), today
        ),
        movers=[
            mover
            for mover in growth.movers(
                connection,
                user_id,
                chosen.first,
                chosen.last,
                by=choice.metric,
                limit=_MOVERS,
            )
            if mover.difference
        ],
        calendar=calendar(scan_days.records(connection, user_id, today - _A_YEAR, today), today),
    )


def _column(choice: Choice) -> Sort:
    """Return the column to sort by: changes are those of the metric that is shown."""
    if choice.sort.isdecimal():
        return change_of(choice.metric, int(choice.sort))
    return Sort(choice.sort)
