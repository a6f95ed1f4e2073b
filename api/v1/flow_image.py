"""``/v1/repos/{id}/flow.svg``: stars gained and lost, to embed in other pages."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api.charts.bars import Bar, bar_chart
from api.charts.frame import MIN_WIDTH
from api.charts.place import Place
from api.charts.theme import Theme
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.http.dates import date_range
from api.http.transactions import read
from api.queries import past_flow
from api.queries.flow import Flow, Per
from api.v1 import responses
from api.v1.fields import Day, RepositoryId
from api.v1.image_responses import Height, ShownPlace, ShownTheme, Width, respond
from api.v1.repositories import get_named_repository

router = APIRouter(prefix="/v1", tags=["images"], responses=describe.UNAVAILABLE)

_DEFAULT_DAYS = {Per.DAY: 30, Per.WEEK: 26 * 7, Per.MONTH: 2 * 366}


@router.get(
    "/repos/{repo_id}/flow.svg",
    summary="Draw how many stars a repository gained and lost",
    response_class=Response,
    responses=describe.svg("The chart.", width=400, height=240, headers=responses.IMAGE_HEADERS)
    | describe.invalid_minimum("query", "width", "100", MIN_WIDTH)
    | responses.NO_REPOSITORY,
)
def draw_flow(
    database: Database,
    *,
    repo_id: RepositoryId,
    per: Annotated[
        Per,
        Query(
            description="What a bar stands for: a day, a week from Monday on, or a month.",
            examples=["week"],
        ),
    ] = Per.WEEK,
    date_from: Annotated[
        Day | None,
        Query(
            description="The first day, UTC; by default 30 days, 26 weeks or two years before"
            " `date_to`.",
            examples=["2026-09-01"],
        ),
    ] = None,
    date_to: Annotated[
        Day | None,
        Query(description="The last day, UTC; by default today.", examples=["2026-11-28"]),
    ] = None,
    theme: ShownTheme = Theme.AUTO,
    place: ShownPlace = Place.README,
    width: Width = 600,
    height: Height = 300,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the stars gained above a line of zero, and those lost below it, as bars.

    The numbers are those of `/v1/repos/{repo_id}/flow`. A bar of gained stars is hollow where they
    were read later than two days after their day, so that only stars still held are counted;
    before the first observed day they are all that is known. Where GitHub's history was not read,
    a narrow bar shows the change of the observed count. Spans of which nothing is known are
    shaded. Both dates are inclusive, the maximum is ten years.
    """

    def look(connection: Connection) -> tuple[str, tuple[date, date], Sequence[Flow]]:
        title = get_named_repository(connection, repo_id).full_name
        first, last = date_range(connection, date_from, date_to, default_days=_DEFAULT_DAYS[per])
        flows = past_flow.of_repository(connection, repo_id, per, first, last)
        return title, (first, last), flows

    title, (first, last), flows = read(database, look)
    bars = [
        Bar(span.since, span.to, span.gained, span.lost, bool(span.late), span.net)
        for span in flows
    ]
    label = f"Stars gained and lost per {per}"
    return respond(
        ("flow", title, label, bars, (first, last), (width, height), place, theme),
        lambda: bar_chart(
            title,
            label,
            bars,
            first=first,
            last=last,
            width=width,
            height=height,
            place=place,
            theme=theme,
        ),
        if_none_match=if_none_match,
    )
