"""``/embed/repos/{id}`` and ``/embed/users/{id}``: a chart to show in a frame of another page.

Its values can be read, as on the pages. It has no form and no session, so any site may show it,
unless ``EMBED_ORIGINS`` names some.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from api.charts.theme import Theme
from api.dependencies import Database
from api.http.dates import MAX_DAYS
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.layout import render
from api.pages.period import DateRange
from api.v1.fields import MAX_ID
from api.v1.images import ChartMetric
from api.v1.repositories import get_named_repository
from api.v1.users import get_tracked_user
from common import clock

router = APIRouter(prefix="/embed")

_DEFAULT_DAYS = 90

FRAME_HEIGHTS = {False: 240, True: 420}
"""Pixels of the chart: of one count, and of all three."""

Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Days = Annotated[int, Query(ge=2, le=MAX_DAYS)]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame shows.

    :param resource: the path of the repository or user, as below ``/v1``
    """

    title: str
    resource: str
    metric: ChartMetric
    theme: Theme
    dates: DateRange

    @property
    def chart(self) -> str:
        """The address of the chart, without its size."""
        return (
            f"/v1{self.resource}/chart.svg?metric={self.metric}&source=all&{self.dates.query}"
            f"&theme={self.theme}&place=page"
        )

    @property
    def height(self) -> int:
        """The height of the chart in pixels."""
        return FRAME_HEIGHTS[self.metric is ChartMetric.ALL]

    @property
    def alt(self) -> str:
        """The chart in words."""
        label = "Stars, forks and watchers"
        if self.metric is not ChartMetric.ALL:
            label = self.metric.metrics[0].label
        return f"{label} of {self.title} from {self.dates.first} to {self.dates.last}"


@router.get("/repos/{repo_id}")
def show_repository_frame(
    request: Request,
    database: Database,
    *,
    repo_id: Id,
    metric: ChartMetric = ChartMetric.STARGAZERS,
    theme: Theme = Theme.AUTO,
    days: Days = _DEFAULT_DAYS,
) -> HTMLResponse:
    """Show the chart of a repository."""
    title, dates = _read(
        database, lambda connection: get_named_repository(connection, repo_id).full_name, days
    )
    return _show(request, Frame(title, f"/repos/{repo_id}", metric, theme, dates))


@router.get("/users/{user_id}")
def show_user_frame(
    request: Request,
    database: Database,
    *,
    user_id: Id,
    metric: ChartMetric = ChartMetric.STARGAZERS,
    theme: Theme = Theme.AUTO,
    days: Days = _DEFAULT_DAYS,
) -> HTMLResponse:
    """Show the chart of a user's totals."""
    title, dates = _read(
        database, lambda connection: get_tracked_user(connection, user_id).login, days
    )
    return _show(request, Frame(title, f"/users/{user_id}", metric, theme, dates))


def _read(
    database: Database, title: Callable[[Connection], str], days: int
) -> tuple[str, DateRange]:
    def look(connection: Connection) -> tuple[str, DateRange]:
        today = clock.today(connection)
        return title(connection), DateRange(today - timedelta(days=days - 1), today)

    return read(database, look)


def _show(request: Request, frame: Frame) -> HTMLResponse:
    values = {"root": public_url_of(request).path, "frame": frame}
    return HTMLResponse(render("frame.html", values), headers=request.app.state.frame_headers)
