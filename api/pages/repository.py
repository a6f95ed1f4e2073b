"""``/repos/{id}``: charts and days of one repository, and how to embed its chart."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import Connection

from api.dependencies import Owned
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages import preview
from api.pages.day_table import KnownDay, MissingDays, newest_first
from api.pages.layout import page
from api.pages.period import CALENDAR, SHORT, Choice, DateRange, Period, choice
from api.queries import backfills, beginnings, history, names, past_flow, scan_days
from api.queries.backfills import RepositoryBackfill, Stage
from api.queries.beginnings import Beginnings
from api.queries.flow import Flow, Per
from api.queries.history import HistoryPoint
from api.queries.metric import Metric
from api.queries.names import Account
from api.queries.repository_list import Entry
from api.queries.repository_sort import SPANS
from api.v1.fields import MAX_ID
from api.v1.repositories import get_repository
from common import clock
from common.backfills import why_off

router = APIRouter(prefix="/repos")

_MAX_ROWS = 400
"""Rows of the table of days; the downloads contain all days."""

_MAX_DAYS, _MAX_WEEKS = 31, 210
"""Bars of a day or of a week that a chart has room for; beyond, a bar is a month."""

_READING = {Stage.WAITING, Stage.READING}

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>!&~|])")


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What the visitor chose to see."""

    choice: Choice

    @property
    def other_options(self) -> dict[str, object]:
        """The query parameters of the page, without those of the period."""
        return {}

    def url(self, *, period: Period) -> str:
        """Return the query string of the page with another period."""
        return f"?period={period}"


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, read in one transaction.

    :param owner: the account whose repository it is
    :param backfill: how far GitHub's history of its stars is read
    :param per: the span of a bar of stars gained and lost
    :param flows: the numbers of the bars, the newest first; none without a history
    """

    entry: Entry
    owner: Account
    since: Beginnings
    today: date
    dates: DateRange
    chart_dates: DateRange
    """The days of the charts: none before the first known one."""
    days: Sequence[KnownDay | MissingDays]
    is_cut: bool
    """Whether the period has more days than the table."""
    backfill: RepositoryBackfill
    per: Per
    flows: Sequence[Flow]

    @property
    def shows_backfill(self) -> bool:
        """Whether there is no history yet, or GitHub refuses it."""
        return self.backfill.read_through is None or self.backfill.stage is Stage.FAILED

    @property
    def is_first_reading(self) -> bool:
        """Whether the page will have a history soon."""
        return self.backfill.read_through is None and self.backfill.stage in _READING

    @property
    def has_late_stars(self) -> bool:
        """Whether the table has days that were read late."""
        return any(
            isinstance(day, KnownDay) and day.new_stars is not None and day.new_stars.is_late
            for day in self.days
        )


@router.get("/{repo_id}")
def show_repository(
    request: Request,
    resources: Owned,
    repo_id: Annotated[int, Path(ge=1, le=MAX_ID)],
    choice: Annotated[Choice, Depends(choice)],
) -> Response:
    """Show a repository."""
    off = why_off(resources.settings)
    content = read(
        resources.database, lambda connection: _read(connection, repo_id, choice, off=off)
    )
    return page(
        request,
        "repository.html",
        entry=content.entry,
        content=content,
        preview=preview.of_repository(request, content.entry),
        options=ViewOptions(choice),
        metrics=Metric,
        periods=SHORT,
        calendar_periods=CALENDAR,
        spans=SPANS,
        markdown=_markdown(request, content.entry),
        html=_html(request, content.entry),
    )


def _read(connection: Connection, repo_id: int, choice: Choice, *, off: str | None) -> Content:
    entry = get_repository(connection, repo_id)
    today = clock.today(connection)
    since = beginnings.read(connection, [repo_id], entry.first_day)
    dates = choice.until(today, known_since=since.first)
    points = history.of_repository(connection, repo_id, dates.first, dates.last)
    # Days before the first known one are not missing.
    first = max(dates.first, since.first or today)
    last = min(dates.last, _last_row(entry, points, today))
    scans = scan_days.of_repository(connection, repo_id, entry.user_id, first, today)
    new_stars = past_flow.new_stars(connection, repo_id, first, last)
    rows = list(islice(newest_first(points, first, last, scans, new_stars), _MAX_ROWS + 1))
    drawn = dates.trimmed(since.first)
    per = _span_of_bars(drawn)
    flows = past_flow.of_repository(connection, repo_id, per, drawn.first, drawn.last)
    owner = names.accounts(connection, [entry.user_id])[entry.user_id]
    return Content(
        entry,
        owner,
        since,
        today,
        dates,
        drawn,
        rows[:_MAX_ROWS],
        len(rows) > _MAX_ROWS,
        backfills.of_repository(connection, repo_id, off=off),
        per,
        [span for span in reversed(flows) if span.gained is not None],
    )


def _span_of_bars(dates: DateRange) -> Per:
    """Return the span of a bar with which a chart of the days has neither few nor too many."""
    days = (dates.last - dates.first).days
    return Per.DAY if days <= _MAX_DAYS else Per.WEEK if days <= _MAX_WEEKS * 7 else Per.MONTH


def _last_row(entry: Entry, points: Sequence[HistoryPoint], today: date) -> date:
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
