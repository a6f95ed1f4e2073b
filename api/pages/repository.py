"""``/repos/{id}``: the three series of one repository, its days, and how to embed its chart."""

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
from api.http.errors import NotFoundError
from api.http.transactions import read
from api.pages.days import Gap, newest_first
from api.pages.layout import page
from api.pages.period import DateRange, Period
from api.queries import repository_list, scan_days, series
from api.queries.metric import Metric
from api.queries.repository_list import SPANS, Entry
from api.queries.series import Point
from api.v1.fields import MAX_ID
from common import clock

router = APIRouter(prefix="/repos")

_MOST_ROWS = 400
"""Lines of the table of days; the downloads have them all."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>!&~|])")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor chose to see."""

    period: Period

    def address(self, *, period: Period) -> str:
        """Return the query of the page with another period."""
        return f"?period={period}"


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, of one moment."""

    entry: Entry
    chosen: DateRange
    days: Sequence[Point | Gap]
    is_more: bool


@router.get("/{repo_id}")
def show_repository(
    request: Request,
    database: Database,
    repo_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    period: Period = Period.QUARTER,
) -> Response:
    """Show a repository."""
    content = read(database, lambda connection: _look(connection, repo_id, period))
    entry = content.entry
    return page(
        request,
        "repository.html",
        entry=entry,
        content=content,
        choice=Choice(period),
        metrics=Metric,
        periods=Period,
        spans=SPANS,
        markdown=_markdown(request, entry),
        html=_html(request, entry),
    )


def _look(connection: Connection, repo_id: int, period: Period) -> Content:
    entry = repository_list.get(connection, repo_id)
    if entry is None:
        raise NotFoundError("repository not found")
    today = clock.today(connection)
    chosen = period.until(today, recorded_since=entry.first_day)
    points = series.of_repository(connection, repo_id, chosen.first, chosen.last)
    # Days before it was known are no gaps.
    first = max(chosen.first, entry.first_day or today)
    records = scan_days.records(connection, entry.user_id, first, today)
    last = _last(entry, points, today)
    days = list(islice(newest_first(points, first, last, records), _MOST_ROWS + 1))
    return Content(entry, chosen, days[:_MOST_ROWS], len(days) > _MOST_ROWS)


def _last(entry: Entry, points: Sequence[Point], today: date) -> date:
    """Return the day that the table begins with: today's scan may be still to come."""
    if points and points[-1].day < today and entry.is_present:
        return today
    return max(entry.last_day or today, points[-1].day if points else date.min)


def _markdown(request: Request, entry: Entry) -> str:
    chart, leads_to = _addresses(request, entry)
    label = _MARKDOWN.sub(r"\\\1", f"Stars of {entry.full_name}")
    return f"[![{label}]({chart})]({leads_to})"


def _html(request: Request, entry: Entry) -> str:
    chart, leads_to = (html.escape(address) for address in _addresses(request, entry))
    label = html.escape(f"Stars of {entry.full_name}")
    return f'<a href="{leads_to}"><img src="{chart}" alt="{label}"></a>'


def _addresses(request: Request, entry: Entry) -> tuple[str, str]:
    base = str(request.base_url)
    return (
        f"{base}v1/repos/{entry.id}/chart.svg?metric=stargazers&theme=auto",
        f"{base}repos/{entry.id}",
    )
