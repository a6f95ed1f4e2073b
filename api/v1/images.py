"""``…/chart.svg`` and ``…/badge.svg``: charts and badges to embed in other pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, Engine

from api.charts.events import Event
from api.charts.frame import MIN_WIDTH
from api.charts.line import line_chart
from api.charts.panel import Series
from api.charts.place import Place
from api.charts.theme import Theme
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.http.dates import date_range
from api.http.transactions import read
from api.queries import backfills, history, marks, series, user_history
from api.queries.metric import Metric
from api.queries.series import Point
from api.v1 import chart_series, responses
from api.v1.fields import Day, Flag, RepositoryId, UserId
from api.v1.image_responses import Height, Picture, ShownPlace, ShownTheme, Width, respond
from api.v1.repositories import get_named_repository
from api.v1.users import get_tracked_user

router = APIRouter(prefix="/v1", tags=["images"], responses=describe.UNAVAILABLE)

_DEFAULT_DAYS = 90

_MAX_MARKS = 200

_LEAST = timedelta(days=6)
"""A week with both ends included."""


class ChartMetric(StrEnum):
    """The counts that a chart shows."""

    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"
    ALL = "all"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the counts, from top to bottom."""
        return tuple(Metric) if self is ChartMetric.ALL else (Metric(self.value),)


class ChartSource(StrEnum):
    """The sources of the counts in a chart."""

    OBSERVED = "observed"
    ALL = "all"


ShownSource = Annotated[
    ChartSource,
    Query(
        description="`observed`, or `all`: also counts that were imported, and stars that are"
        " reconstructed from GitHub's history. Those have lines and a legend of their own.",
        examples=["all"],
    ),
]
ShownMetric = Annotated[
    ChartMetric,
    Query(
        description="One count, or `all` for three panels with an axis each.",
        examples=["stargazers"],
    ),
]
ShownMarks = Annotated[
    Flag,
    Query(
        description="Also the days of notes and releases, the newest 200, on the axis of days. The"
        " chart of a user has none.",
        examples=[True],
    ),
]
ChartFrom = Annotated[
    Day | None,
    Query(
        description="The first day, UTC; by default 89 days before `date_to`, or the first known"
        " day, if it is later.",
        examples=["2026-09-01"],
    ),
]
ChartTo = Annotated[
    Day | None,
    Query(description="The last day, UTC; by default today.", examples=["2026-11-28"]),
]


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """What a chart shows, and how."""

    metric: ChartMetric
    source: ChartSource
    date_from: date | None
    date_to: date | None
    theme: Theme
    place: Place
    has_marks: bool
    width: int
    height: int

    def days(self, connection: Connection) -> tuple[date, date]:
        """Return the first and the last day."""
        return date_range(connection, self.date_from, self.date_to, default_days=_DEFAULT_DAYS)


# A coroutine, because FastAPI runs functions in a thread each.
async def _options(  # noqa: PLR0917 - the parameters of the call
    metric: ShownMetric = ChartMetric.STARGAZERS,
    source: ShownSource = ChartSource.OBSERVED,
    date_from: ChartFrom = None,
    date_to: ChartTo = None,
    theme: ShownTheme = Theme.AUTO,
    place: ShownPlace = Place.README,
    marks: ShownMarks = False,
    width: Width = 600,
    height: Height = 300,
) -> ChartOptions:
    return ChartOptions(metric, source, date_from, date_to, theme, place, marks, width, height)


Options = Annotated[ChartOptions, Depends(_options)]

_CHART = describe.svg(
    "The chart.", width=400, height=240, headers=responses.IMAGE_HEADERS
) | describe.invalid_minimum("query", "width", "100", MIN_WIDTH)


@router.get(
    "/repos/{repo_id}/chart.svg",
    summary="Draw a repository's history",
    response_class=Response,
    responses=_CHART | responses.NO_REPOSITORY,
)
def draw_repository(
    database: Database,
    *,
    repo_id: RepositoryId,
    options: Options,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the history of a repository, to embed in a README or any page.

    Includes the days of all followed users who owned it. Both dates are inclusive; the default is
    the last 90 days, less those before the first known one; the maximum is ten years. A day that
    was not recorded is shaded, and no line crosses it. The text stays readable at every width; the
    image has no script and loads no font.

    With `source=all`, observed counts are a solid line, reconstructed stars a thin dashed one, and
    imported counts a dotted one. Where the bounds of reconstructed stars are far enough apart to be
    seen, the space between them is filled lightly.
    """
    chart = chart_of_repository(database, repo_id, options)
    return respond(chart.content, chart.draw, if_none_match=if_none_match)


@router.get(
    "/users/{user_id}/chart.svg",
    summary="Draw a user's history",
    response_class=Response,
    responses=_CHART | responses.NO_USER,
)
def draw_user(
    database: Database,
    *,
    user_id: UserId,
    options: Options,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the totals of all repositories of a user, to embed in a README or any page.

    Like the chart of a repository. A day on which not every repository was recorded is a gap.

    With `source=all`, such days and those before the first one have the reconstructed total of
    stars, once the histories of all repositories with stars are read.
    """
    chart = chart_of_user(database, user_id, options)
    return respond(chart.content, chart.draw, if_none_match=if_none_match)


def chart_of_repository(database: Engine, repo_id: int, options: ChartOptions) -> Picture:
    """Return the chart of a repository.

    :raise NotFoundError: no such repository is known
    :raise RequestValidationError: the dates are invalid
    """
    metrics = options.metric.metrics

    def look(
        connection: Connection,
    ) -> tuple[str, tuple[date, date], list[Series], list[Event]]:
        title = get_named_repository(connection, repo_id).full_name
        first, last = options.days(connection)
        events = _events(connection, repo_id, first, last) if options.has_marks else []
        if options.source is ChartSource.OBSERVED:
            points = series.of_repository(connection, repo_id, first, last)
            return title, (first, last), _observed(points, metrics), events
        known = history.of_repository(connection, repo_id, first, last)
        lines = [chart_series.of_history(known, each) for each in metrics]
        return title, (first, last), lines, events

    title, days, lines, events = read(database, look)
    return _chart(title, lines, days, options, events)


def chart_of_user(database: Engine, user_id: int, options: ChartOptions) -> Picture:
    """Return the chart of a user's totals.

    :raise NotFoundError: no such user is followed
    :raise RequestValidationError: the dates are invalid
    """
    metrics = options.metric.metrics

    def look(connection: Connection) -> tuple[str, tuple[date, date], list[Series]]:
        user = get_tracked_user(connection, user_id)
        first, last = options.days(connection)
        points = series.of_user(connection, user_id, first, last)
        if options.source is ChartSource.OBSERVED:
            return user.login, (first, last), _observed(points, metrics)
        totals = user_history.of_user(connection, user_id, first, last)
        is_whole = backfills.are_all_read(connection, user_id)
        lines = [
            chart_series.of_totals(points, totals, each, has_all_histories=is_whole)
            for each in metrics
        ]
        return user.login, (first, last), lines

    login, days, lines = read(database, look)
    return _chart(f"{login}: all repositories", lines, days, options)


def _events(connection: Connection, repo_id: int, first: date, last: date) -> list[Event]:
    found = marks.of_repository(connection, repo_id, first, last, limit=_MAX_MARKS)
    return [(mark.day, f"{mark.kind}: {mark.text}") for mark in reversed(found)]


def _observed(points: Sequence[Point], metrics: Sequence[Metric]) -> list[Series]:
    return [
        Series(
            metric.label,
            [(point.day, getattr(point, metric)) for point in points],
            colour=chart_series.colour_of(metric),
        )
        for metric in metrics
    ]


def _chart(
    title: str,
    lines: Sequence[Series],
    days: tuple[date, date],
    options: ChartOptions,
    events: Sequence[Event] = (),
) -> Picture:
    first, last = days
    if options.date_from is None and last - first > _LEAST:
        # Of the usual days, those before the first known one say nothing.
        known = min((each.points[0][0] for each in lines if each.points), default=first)
        first = max(first, min(known, last - _LEAST))
        days = first, last
    width, height, place, theme = options.width, options.height, options.place, options.theme
    return Picture(
        ("chart", title, lines, days, events, (width, height), place, theme),
        lambda: line_chart(
            title,
            lines,
            first=first,
            last=last,
            width=width,
            height=height,
            events=events,
            place=place,
            theme=theme,
        ),
    )
