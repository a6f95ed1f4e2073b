"""``…/chart.svg`` and ``…/badge.svg``: what was recorded, as pictures for other people's pages.

A picture's ETag tells what would be drawn, not how it came out: who has the picture already is
answered before it is drawn, and what was drawn for somebody else is not drawn again.
"""

from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from threading import Condition
from typing import Annotated

from cachetools import LRUCache, cached
from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.charts.badge import badge
from api.charts.line import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH, line_chart
from api.charts.theme import Theme
from api.dependencies import Database, RepositoryId, UserId
from api.http.dates import span
from api.http.etags import IfNoneMatch, names, tag_of
from api.http.transactions import read
from api.queries import series
from api.queries.metric import Metric
from api.queries.repository_list import Entry
from api.queries.series import Point
from api.v1 import responses
from api.v1.repositories import known_repository
from api.v1.schemas import Day
from api.v1.users import followed_user

router = APIRouter(prefix="/v1", tags=["pictures"])

_DAYS = 90
"""Where a request does not say from when."""

_CACHE_BYTES = 16 * 1024 * 1024

_HEADERS = {
    # The day's numbers may be half an hour late; whoever shows a picture asks soon enough.
    "Cache-Control": "public, max-age=300",
    "X-Content-Type-Options": "nosniff",
    # Opened by itself it is a page of ours, and names in it are other people's.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class Drawn(StrEnum):
    """What a chart shows."""

    STARGAZERS = "stargazers"
    FORKS = "forks"
    WATCHERS = "watchers"
    ALL = "all"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Which counts these are."""
        return tuple(Metric) if self is Drawn.ALL else (Metric(self.value),)


DrawnMetric = Annotated[
    Drawn,
    Query(
        description="One count, or `all` three above one another, each with an axis of its own.",
        examples=["stargazers"],
    ),
]
OneMetric = Annotated[Metric, Query(description="Which count.", examples=["stargazers"])]
ChartFrom = Annotated[
    Day | None,
    Query(
        description="The first day, UTC; 89 days before `date_to` where it is not given.",
        examples=["2022-03-14"],
    ),
]
ChartTo = Annotated[
    Day | None,
    Query(description="The last day, UTC; today where it is not given.", examples=["2022-06-11"]),
]
DrawnTheme = Annotated[
    Theme,
    Query(
        description="`light`, `dark`, or `auto`: as the reader's system has it.",
        examples=["auto"],
    ),
]
Width = Annotated[
    int, Query(ge=MIN_WIDTH, le=MAX_WIDTH, description="Pixels from left to right.", examples=[400])
]
Height = Annotated[
    int,
    Query(ge=MIN_HEIGHT, le=MAX_HEIGHT, description="Pixels from top to bottom.", examples=[240]),
]


@router.get(
    "/repos/{repo_id}/chart.svg",
    summary="Draw a repository's history",
    response_class=Response,
    responses=responses.CHART_SHOWN
    | responses.PICTURE_KNOWN
    | responses.NO_REPOSITORY
    | responses.BAD_CHART
    | responses.UNAVAILABLE,
)
def draw_repository(
    database: Database,
    *,
    repo_id: RepositoryId,
    metric: DrawnMetric = Drawn.STARGAZERS,
    date_from: ChartFrom = None,
    date_to: ChartTo = None,
    theme: DrawnTheme = Theme.AUTO,
    width: Width = 600,
    height: Height = 300,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw a repository's history, whoever owned it, to be embedded in a README or any page.

    Both dates are included; the default is the last 90 days, and at most it is ten years. A day
    that nobody recorded is shaded, and no line crosses it. Letters are as large at each width as
    is readable; the picture holds no script and fetches no font.
    """

    def look(connection: Connection) -> tuple[Entry, tuple[date, date], list[Point]]:
        entry = known_repository(connection, repo_id)
        first, last = span(connection, date_from, date_to, days=_DAYS)
        return entry, (first, last), series.of_repository(connection, repo_id, first, last)

    entry, days, points = read(database, look)
    return _chart(
        entry.full_name,
        points,
        days,
        metrics=metric.metrics,
        theme=theme,
        extent=(width, height),
        known=if_none_match,
    )


@router.get(
    "/users/{user_id}/chart.svg",
    summary="Draw a user's history",
    response_class=Response,
    responses=responses.CHART_SHOWN
    | responses.PICTURE_KNOWN
    | responses.NO_USER
    | responses.BAD_CHART
    | responses.UNAVAILABLE,
)
def draw_user(
    database: Database,
    *,
    user_id: UserId,
    metric: DrawnMetric = Drawn.STARGAZERS,
    date_from: ChartFrom = None,
    date_to: ChartTo = None,
    theme: DrawnTheme = Theme.AUTO,
    width: Width = 600,
    height: Height = 300,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the totals of all repositories of a user, to be embedded in a README or any page.

    As the chart of a repository. A day on which not every repository was recorded has no total,
    and is a gap.
    """

    def look(connection: Connection) -> tuple[str, tuple[date, date], list[Point]]:
        user = followed_user(connection, user_id)
        first, last = span(connection, date_from, date_to, days=_DAYS)
        return user.login, (first, last), series.of_user(connection, user_id, first, last)

    login, days, points = read(database, look)
    return _chart(
        f"{login}: all repositories",
        points,
        days,
        metrics=metric.metrics,
        theme=theme,
        extent=(width, height),
        known=if_none_match,
    )


@router.get(
    "/repos/{repo_id}/badge.svg",
    summary="Draw a repository's last count",
    response_class=Response,
    responses=responses.BADGE_SHOWN
    | responses.PICTURE_KNOWN
    | responses.NO_REPOSITORY
    | responses.BAD_BADGE
    | responses.UNAVAILABLE,
)
def draw_badge(
    database: Database,
    *,
    repo_id: RepositoryId,
    metric: OneMetric = Metric.STARGAZERS,
    label: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="What is said before the count; shortened where it is too long.",
            examples=["stars"],
        ),
    ] = None,
    theme: DrawnTheme = Theme.AUTO,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the newest recorded count of a repository as a badge, 20 pixels high."""
    latest = read(database, lambda connection: known_repository(connection, repo_id)).latest
    name = label or metric.label.lower()
    value = f"{getattr(latest, metric):,}" if latest else "not recorded yet"
    return _answer(
        ("badge", name, value, theme), lambda: badge(name, value, theme=theme), known=if_none_match
    )


def _chart(
    title: str,
    points: Sequence[Point],
    days: tuple[date, date],
    *,
    metrics: Sequence[Metric],
    theme: Theme,
    extent: tuple[int, int],
    known: str | None,
) -> Response:
    shown = [
        (metric.label, [(point.day, getattr(point, metric)) for point in points])
        for metric in metrics
    ]
    first, last = days
    width, height = extent
    return _answer(
        ("chart", title, shown, days, extent, theme),
        lambda: line_chart(
            title, shown, first=first, last=last, width=width, height=height, theme=theme
        ),
        known=known,
    )


@cached(
    LRUCache(maxsize=_CACHE_BYTES, getsizeof=len),
    key=lambda tag, _draw: tag,
    condition=Condition(),
)
def render(tag: str, draw: Callable[[], str]) -> bytes:  # noqa: ARG001 - the key of the cache
    """Return the picture of a tag, drawn once for requests that come at the same time."""
    return draw().encode()


def _answer(what: object, draw: Callable[[], str], *, known: str | None) -> Response:
    """Answer with a picture.

    :param what: all that it shows
    :param known: the ETags of pictures that the client has
    """
    tag = tag_of(what)
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if names(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(render(tag, draw), media_type="image/svg+xml", headers=headers)
