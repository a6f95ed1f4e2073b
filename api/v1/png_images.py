"""``…/chart.png``: charts for everything that shows no SVG, such as chats, mails and slides."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.charts.frame import MIN_WIDTH
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.v1 import responses
from api.v1.fields import RepositoryId, UserId
from api.v1.image_responses import Drawing, check_pixels, respond_png, still
from api.v1.images import ChartOptions, Options, chart_of_repository, chart_of_user

router = APIRouter(prefix="/v1", tags=["images"], responses=describe.UNAVAILABLE)

_MAX_SCALE = 3

Scale = Annotated[
    int,
    Query(
        ge=1,
        le=_MAX_SCALE,
        description="Pixels of the PNG for each pixel of `width` and `height`: 2 is sharp on"
        " screens of phones and most laptops. The PNG has at most four million pixels.",
        examples=[2],
    ),
]

_CHART = describe.png("The chart.", responses.IMAGE_HEADERS) | describe.invalid_minimum(
    "query", "width", "100", MIN_WIDTH
)


@router.get(
    "/repos/{repo_id}/chart.png",
    summary="Draw a repository's history as a PNG",
    response_class=Response,
    responses=_CHART | responses.NO_REPOSITORY,
)
async def draw_repository_png(
    database: Database,
    drawing: Drawing,
    *,
    repo_id: RepositoryId,
    options: Options,
    scale: Scale = 1,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the chart of a repository as a PNG, for whatever shows no SVG.

    Like `chart.svg`, except that a PNG cannot follow the reader's system: `theme=auto` is light.
    """
    options = _for_png(options, scale)
    return await respond_png(
        drawing,
        lambda: chart_of_repository(database, repo_id, options),
        scale=scale,
        if_none_match=if_none_match,
    )


@router.get(
    "/users/{user_id}/chart.png",
    summary="Draw a user's history as a PNG",
    response_class=Response,
    responses=_CHART | responses.NO_USER,
)
async def draw_user_png(
    database: Database,
    drawing: Drawing,
    *,
    user_id: UserId,
    options: Options,
    scale: Scale = 1,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the chart of a user as a PNG; otherwise like `chart.png` of a repository."""
    options = _for_png(options, scale)
    return await respond_png(
        drawing,
        lambda: chart_of_user(database, user_id, options),
        scale=scale,
        if_none_match=if_none_match,
    )


def _for_png(options: ChartOptions, scale: int) -> ChartOptions:
    check_pixels(options.width, options.height, scale)
    return replace(options, theme=still(options.theme))
