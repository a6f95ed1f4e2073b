"""``/repos/{id}``: charts and days of one repository, and how to embed its chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Annotated
from urllib.parse import urlencode
from zlib import crc32

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import Connection

from api.dependencies import Owned
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages import period_change, preview
from api.pages.day_table import KnownDay, MissingDays, newest_first, source_word
from api.pages.embedding import EmbedOptions, Subject
from api.pages.layout import page
from api.pages.period import CALENDAR, SHORT, Choice, DateRange, Period, choice
from api.pages.period_change import PeriodChange
from api.queries import backfills, beginnings, history, marks, names, past_flow, scan_days
from api.queries.backfills import RepositoryBackfill, Stage
from api.queries.beginnings import Beginnings
from api.queries.flow import Flow, Per
from api.queries.history import HistoryPoint
from api.queries.marks import Mark
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

_USUAL_LENGTH = {Per.DAY: 32, Per.WEEK: 210 * 7 + 1, Per.MONTH: 10_000}
"""The most days with which a bar is a day, a week or a month unless the visitor chose."""

_MAX_LENGTH = {Per.DAY: 366, Per.WEEK: 400 * 7, Per.MONTH: 10_000}
"""The most days with which the bars are wide enough to be seen."""

_ONE_DAY = timedelta(days=1)

_MAX_MARKS = 100
"""Notes and releases in the list; the downloads contain all."""

_READING = {Stage.WAITING, Stage.READING}


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What the visitor chose to see.

    :param per: the span of a bar; None for one that suits the days
    """

    choice: Choice
    per: Per | None

    @property
    def other_options(self) -> dict[str, object]:
        """The query parameters of the page, without those of the period."""
        return {} if self.per is None else {"per": self.per}

    @property
    def query(self) -> str:
        """The query string of the page as it is shown."""
        return "?" + urlencode({**self.choice.options, **self.other_options})

    def url(self, *, period: Period) -> str:
        """Return the query string of the page with another period."""
        return "?" + urlencode({"period": period, **self.other_options})

    def url_of_bars(self, per: Per) -> str:
        """Return the query string of the page with other bars."""
        return "?" + urlencode({**self.choice.options, "per": per})


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows, read in one transaction.

    :param owner: the account whose repository it is
    :param backfill: how far GitHub's history of its stars is read
    :param per: the span of a bar of stars gained and lost
    :param all_per: the spans with which the bars are not too many
    :param flows: the numbers of the bars, the newest first
    :param change: None if there is no day to compare with
    :param marks: notes and releases, the newest first
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
    all_per: Sequence[Per]
    flows: Sequence[Flow]
    change: PeriodChange | None
    marks: Sequence[Mark]
    has_more_marks: bool

    @property
    def marks_version(self) -> str:
        """A text that changes with the marks: browsers keep a chart for five minutes."""
        return f"{crc32(repr(self.marks).encode()):x}"

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
    per: Per | None = None,
) -> Response:
    """Show a repository."""
    off = why_off(resources.settings)
    content = read(
        resources.database,
        lambda connection: _read(connection, repo_id, ViewOptions(choice, per), off=off),
    )
    return page(
        request,
        "repository.html",
        entry=content.entry,
        content=content,
        preview=preview.of_repository(request, content.entry),
        options=ViewOptions(choice, per),
        metrics=Metric,
        periods=SHORT,
        calendar_periods=CALENDAR,
        spans=SPANS,
        code=Subject(content.entry.full_name, f"/repos/{repo_id}").code(
            public_url_of(request).base(request), EmbedOptions()
        ),
    )


def _read(
    connection: Connection, repo_id: int, options: ViewOptions, *, off: str | None
) -> Content:
    entry = get_repository(connection, repo_id)
    today = clock.today(connection)
    since = beginnings.of_repository(connection, repo_id, entry.first_day)
    dates = options.choice.until(today, known_since=since.first)
    # The day before the first one, for the change of the first.
    before = max(dates.first, date.min + _ONE_DAY) - _ONE_DAY
    points = history.of_repository(connection, repo_id, before, dates.last)
    # Days before the first known one are not missing.
    first = max(dates.first, since.first or today)
    last = min(dates.last, _last_row(entry, points, today))
    scans = scan_days.of_repository(connection, repo_id, entry.user_id, first, today)
    new_stars = past_flow.new_stars(connection, repo_id, first, last)
    rows = list(islice(newest_first(points, first, last, scans, new_stars), _MAX_ROWS + 1))
    drawn = dates.trimmed(since.first)
    all_per = [per for per in Per if drawn.length <= _MAX_LENGTH[per]]
    usual = next(per for per in Per if drawn.length <= _USUAL_LENGTH[per])
    per = options.per if options.per in all_per else usual
    flows = past_flow.of_repository(connection, repo_id, per, drawn.first, drawn.last)
    owner = names.accounts(connection, [entry.user_id])[entry.user_id]
    marked = marks.of_repository(connection, repo_id, dates.first, dates.last, limit=_MAX_MARKS + 1)
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
        all_per,
        [span for span in reversed(flows) if not (span.gained is None and span.net is None)],
        _change(connection, repo_id, dates, since.first, points, today=today),
        marked[:_MAX_MARKS],
        len(marked) > _MAX_MARKS,
    )


def _change(
    connection: Connection,
    repo_id: int,
    dates: DateRange,
    known_since: date | None,
    known: Sequence[HistoryPoint],
    *,
    today: date,
) -> PeriodChange | None:
    """Return how the counts changed in the period and in the one before.

    :param known: the days of the period, and the day before it
    """
    has_today = bool(known) and known[-1].day == today
    spans = period_change.spans_of(dates, today, known_since, has_today=has_today)
    if spans is None or known_since is None:
        return None
    points = {point.day: point for point in known}
    if spans.before is not None:
        earlier = history.of_repository(connection, repo_id, spans.before, spans.before)
        points |= {point.day: point for point in earlier}

    def source_of(day: date, metric: Metric) -> str:
        return source_word(getattr(points[day].sources, metric.value))

    return period_change.compare(spans, points, known_since, source_of)


def _last_row(entry: Entry, points: Sequence[HistoryPoint], today: date) -> date:
    """Return the newest day of the table: today unless the repository is gone or has no days."""
    if points and points[-1].day < today and entry.is_present:
        return today
    return max(entry.last_day or today, points[-1].day if points else date.min)
