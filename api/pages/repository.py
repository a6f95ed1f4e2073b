"""``/repos/{id}``: charts and days of one repository, and how to embed its chart."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.day_table import MissingDays, newest_first
from api.pages.layout import page
from api.pages.period import DateRange, Period
from api.queries import scan_days, series
from api.queries.metric import Metric
from api.queries.repository_list import SPANS, Entry
from api.queries.series import Point
from api.v1.fields import MAX_ID
from api.v1.repositories import get_repository
from common import clock

router = APIRouter(prefix="/repos")

_MAX_ROWS = 400
"""Rows of the table of days; the downloads contain all days."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>!&~|])")


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What the visitor chose to see."""

    period: Period

    def url(self, *, period: Period) -> str:
        """Return the query string of the page with another period."""
        return f"?period={period}"


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, read in one transaction."""

    entry: Entry
    dates: DateRange
    days: Sequence[Point | MissingDays]
    is_cut: bool
    """Whether the period has more days than the table."""


@router.get("/{repo_id}")
def show_repository(
    request: Request,
    database: Database,
    repo_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    period: Period = Period.QUARTER,
) -> Response:
    """Show a repository."""
    content = read(database, lambda connection: _read(connection, repo_id, period))
    return page(
        request,
        "repository.html",
        entry=content.entry,
        content=content,
        options=ViewOptions(period),
        metrics=Metric,
        periods=Period,
        spans=SPANS,
        markdown=_markdown(request, content.entry),
        html=_html(request, content.entry),
    )


def _read(connection: Connection, repo_id: int, period: Period) -> Content:
    entry = get_repository(connection, repo_id)
    today = clock.today(connection)
    dates = period.until(today, recorded_since=entry.first_day)
    points = series.of_repository(connection, repo_id, dates.first, dates.last)
    # Days before the first recorded one are not missing.
    first = max(dates.first, entry.first_day or today)
    last = _last_row(entry, points, today)
    scans = scan_days.of_repository(connection, repo_id, entry.user_id, first, today)
    rows = list(islice(newest_first(points, first, last, scans), _MAX_ROWS + 1))
    return Content(entry, dates, rows[:_MAX_ROWS], len(rows) > _MAX_ROWS)


def _last_row(entry: Entry, points: Sequence[Point], today: date) -> date:
    """Return the newest day of the table: today unless the repository is gone or has no days."""
    if points and points[-1].day < today and entry.is_present:
        return today
    return max(entry.last_day or today, points[-1].day if points else date.min)


def _markdown(request: Request, entry: Entry) -> str:
    chart, link = _embed_urls(request, entry)
    label = _MARKDOWN_SPECIAL.sub(r"\\\1", _label(entry))
    return f"[![{label}]({chart})]({link})"


def _html(request: Request, entry: Entry) -> str:
    chart, link = map(html.escape, _embed_urls(request, entry))
    return f'<a href="{link}"><img src="{chart}" alt="{html.escape(_label(entry))}"></a>'


def _label(entry: Entry) -> str:
    return f"Stars of {entry.full_name}"


def _embed_urls(request: Request, entry: Entry) -> tuple[str, str]:
    """Return the URLs of the chart and of this page, as visitors of other sites need them."""
    base = public_url_of(request).base(request)
    return (
        f"{base}/v1/repos/{entry.id}/chart.svg?metric=stargazers&theme=auto",
        f"{base}/repos/{entry.id}",
    )
