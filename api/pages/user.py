"""``/users/{id}``: total, repositories, movers and scan calendar of one user."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from sqlalchemy import Connection

from api.dependencies import Owned, Resources
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.pages import period_change, preview
from api.pages.auth import LoggedInForm
from api.pages.calendar import Calendar, make_calendar
from api.pages.layout import page, redirect
from api.pages.period import CALENDAR, SHORT, Choice, DateRange, choice
from api.pages.period_change import PeriodChange
from api.pages.repository_filter import RepositoryFilter, repository_filter
from api.pages.trend import LOOK_BACK, SPARKLINE, Trend, draw_sparkline
from api.queries import (
    backfills,
    beginnings,
    growth,
    names,
    repository_kinds,
    repository_list,
    scan_days,
    series,
    user_list,
)
from api.queries.backfills import UserBackfill
from api.queries.beginnings import Beginnings
from api.queries.growth import Mover
from api.queries.metric import Metric
from api.queries.repository_kinds import RepositoryKinds
from api.queries.repository_list import Entry
from api.queries.repository_sort import SPANS, Order, Sort, change_of
from api.queries.sources import OBSERVED
from api.queries.user_list import Listed
from api.v1.fields import UserId
from api.v1.scans import request_scan
from api.v1.users import get_tracked_user
from common import clock
from common.backfills import why_off
from common.repositories import Counts

router = APIRouter(prefix="/users/{user_id}")

_REPOSITORIES_PER_PAGE = 50
_MAX_MOVERS = 10
_MAX_READ = 5000
"""Repositories of a user of whom the page reads all: languages, and totals without forks."""
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
    only: RepositoryFilter

    @property
    def other_options(self) -> dict[str, object]:
        """The query parameters of the page, without those of the period."""
        return {
            "metric": self.metric,
            "sort": self.sort,
            "order": self.order.value,
            **self.only.options,
        }

    @property
    def unfiltered_options(self) -> dict[str, object]:
        """The query parameters of the page, without those of the filter."""
        options = {**self.other_options, **self.choice.options}
        return {name: value for name, value in options.items() if name not in self.only.options}

    @property
    def order(self) -> Order:
        """The direction of the sort."""
        return Order.ASCENDING if self.is_ascending else Order.DESCENDING

    @property
    def sort_column(self) -> Sort:
        """The column of the list of repositories."""
        if self.sort.isdecimal():
            return change_of(self.metric, int(self.sort))
        return Sort(self.sort)

    @property
    def list_query(self) -> str:
        """The query string of the API's list of what the table shows."""
        return urlencode({"sort": self.sort_column, "order": self.order, **self.only.options})

    @property
    def unfiltered_url(self) -> str:
        """The query string of the page with all repositories."""
        return "?" + urlencode(self.unfiltered_options)

    def url(self, **changes: object) -> str:
        """Return the query string of the page with other options; it starts at the first page."""
        period = {} if "period" in changes else self.choice.options
        options = {**self.other_options, **period, **changes}
        return "?" + urlencode(options)

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
    :param kinds: of all repositories, those that are gone included
    :param matching: the number of repositories on all pages of the table
    :param counts: the shown metric of the repositories on this page in the last 31 days, by id
    :param compared: the number of repositories that can have moved in the period, as they have two
        recorded days; counted only if none has moved, and None if that would take long
    :param change: of the observed totals; None if there is no day to compare with
    """

    user: Listed
    since: Beginnings
    backfill: UserBackfill
    today: date
    dates: DateRange
    known_since: date | None
    change: PeriodChange | None
    total: Trend
    entries: list[Entry]
    kinds: RepositoryKinds
    matching: int
    counts: dict[int, list[tuple[date, int]]]
    movers: list[Mover]
    compared: int | None
    calendar: Calendar

    @property
    def total_without_forks(self) -> Counts | None:
        """The newest total without that of the forks; None if there is neither, or no fork."""
        if self.total.newest is None or not self.kinds.forks:
            return None
        newest, forks = self.total.newest, self.kinds.counts_of_forks
        return Counts(
            newest.stargazers - forks.stargazers,
            newest.forks - forks.forks,
            newest.watchers - forks.watchers,
        )

    @property
    def chart_dates(self) -> DateRange:
        """The days of the chart: none before the first known one."""
        return self.dates.trimmed(self.known_since)


def view_options(  # noqa: PLR0917 - the parameters of the page
    choice: Annotated[Choice, Depends(choice)],
    only: Annotated[RepositoryFilter, Depends(repository_filter)],
    metric: Metric = Metric.STARGAZERS,
    sort: Annotated[str, Query(pattern=_SORTS)] = "stargazers",
    order: Annotated[str, Query(pattern="^(asc|desc)$")] = "desc",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> ViewOptions:
    """Return what the query string asks to see."""
    return ViewOptions(metric, choice, sort, order == "asc", page, only)


@router.get("")
def show_user(
    request: Request,
    resources: Owned,
    user_id: UserId,
    options: Annotated[ViewOptions, Depends(view_options)],
    scan: RescanResult | None = None,
) -> Response:
    """Redirect to the page by login; if another user has that login now, show the page here."""

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
        return draw_sparkline(content.counts.get(entry.id, ()), content.today)

    return page(
        request,
        "user.html",
        user=content.user,
        preview=preview.of_user(request, content.user),
        options=options,
        content=content,
        sparkline=sparkline,
        has_next=options.page * _REPOSITORIES_PER_PAGE < content.matching,
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
        options.sort_column,
        options.order,
        only=options.only.wanted,
        limit=_REPOSITORIES_PER_PAGE,
        offset=(options.page - 1) * _REPOSITORIES_PER_PAGE,
        first_days=False,
    )
    shown = listed.entries
    total = Trend(series.of_user(connection, user_id, today - LOOK_BACK, today))
    # From the first day with rows on, which gives the same and is looked up at once: before it
    # each repository's own first day would have to be found.
    first_with_rows = max(dates.first, first_day) if first_day else dates.first
    found = growth.movers(
        connection, user_id, first_with_rows, dates.last, by=options.metric, limit=_MAX_MOVERS
    )
    movers = [mover for mover in found if mover.difference]
    is_large = (user.repositories or 0) > _MAX_READ
    compared: int | None = 0
    if found and not movers:
        compared = (
            None
            if is_large
            else growth.count_compared(connection, user_id, dates.first, dates.last)
        )
    return Content(
        user=user,
        since=since,
        backfill=backfills.of_user(connection, user_id, off=off),
        today=today,
        dates=dates,
        change=_change(connection, user_id, dates, since.observed, total, today=today),
        total=total,
        known_since=of_metric.first,
        entries=shown,
        kinds=repository_kinds.number_of_user(connection, user_id)
        if is_large
        else repository_kinds.of_user(
            connection, user_id, total.newest.day if total.newest else None
        ),
        matching=listed.in_all,
        counts=series.of_repositories(
            connection,
            user_id,
            [entry.id for entry in shown],
            today - SPARKLINE,
            today,
            by=options.metric,
        ),
        movers=movers,
        compared=compared,
        calendar=make_calendar(
            scan_days.every_day(connection, user_id, today - _CALENDAR, today), today
        ),
    )


def _change(
    connection: Connection,
    user_id: int,
    dates: DateRange,
    known_since: date | None,
    total: Trend,
    *,
    today: date,
) -> PeriodChange | None:
    """Return how the observed totals changed in the period and in the one before."""
    has_today = total.newest is not None and total.newest.day == today
    spans = period_change.spans_of(dates, today, known_since, has_today=has_today)
    if spans is None or known_since is None:
        return None
    points = series.of_user_on(connection, user_id, spans.days)
    return period_change.compare(spans, points, known_since, lambda _day, _metric: OBSERVED)
