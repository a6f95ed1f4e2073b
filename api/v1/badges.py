"""``…/badge.svg``: the newest count of a repository, or total of a user, on one line of text."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from api.charts.badge import NAMED_COLOURS, Look, Style, badge, read_colour, shorten_number
from api.charts.icons import Icon
from api.charts.theme import Theme
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.http.transactions import read
from api.queries import series
from api.queries.metric import Metric
from api.queries.series import Point
from api.v1 import responses
from api.v1.fields import Flag, RepositoryId, UserId
from api.v1.image_responses import ShownTheme, respond
from api.v1.repositories import get_repository
from api.v1.users import get_tracked_user
from common.repositories import Counts

router = APIRouter(prefix="/v1", tags=["images"], responses=describe.UNAVAILABLE)


def _check_colour(text: str) -> str:
    colour = read_colour(text)
    if colour is None:
        raise PydanticCustomError(
            "colour",
            "must be three or six hexadecimal digits, or one of {names}",
            {"names": ", ".join(NAMED_COLOURS)},
        )
    return colour


OneMetric = Annotated[Metric, Query(description="The count to show.", examples=["stargazers"])]
Label = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="The text before the count; shortened if it is too long.",
        examples=["stars"],
    ),
]
_Colour = Annotated[str, AfterValidator(_check_colour)]


@dataclass(frozen=True, slots=True)
class Options:
    """What a badge shows besides its count, and how."""

    metric: Metric
    label: str | None
    theme: Theme
    style: Style
    color: str | None
    label_color: str | None
    logo: bool
    short: bool


def _options(  # noqa: PLR0917 - the parameters of the call
    metric: OneMetric = Metric.STARGAZERS,
    label: Label = None,
    theme: ShownTheme = Theme.AUTO,
    style: Annotated[
        Style,
        Query(
            description="The shape, named as elsewhere; `for-the-badge` is 28 pixels high.",
            examples=["flat-square"],
        ),
    ] = Style.FLAT,
    color: Annotated[
        _Colour | None,
        Query(
            description="The colour behind the count: three or six hexadecimal digits, or a name"
            " like `brightgreen`. By default that of the theme.",
            examples=["brightgreen"],
        ),
    ] = None,
    label_color: Annotated[
        _Colour | None,
        Query(description="The colour behind the label, likewise.", examples=["555"]),
    ] = None,
    logo: Annotated[
        Flag, Query(description="Whether to draw a star, fork or eye.", examples=[True])
    ] = False,
    short: Annotated[
        Flag, Query(description="Whether to write 300,123 as 300k.", examples=[True])
    ] = False,
) -> Options:
    return Options(metric, label, theme, style, color, label_color, logo, short)


_Options = Annotated[Options, Depends(_options)]

_BADGE = describe.svg(
    "The badge.", width=84, height=20, headers=responses.IMAGE_HEADERS
) | responses.invalid_metric("metric")


@router.get(
    "/repos/{repo_id}/badge.svg",
    summary="Draw a repository's newest count",
    response_class=Response,
    responses=_BADGE | responses.NO_REPOSITORY,
)
def draw_badge(
    database: Database,
    *,
    repo_id: RepositoryId,
    options: _Options,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the newest recorded count of a repository as a badge."""
    latest = read(database, lambda connection: get_repository(connection, repo_id)).latest
    return _badge(latest, options, if_none_match)


@router.get(
    "/users/{user_id}/badge.svg",
    summary="Draw a user's newest total",
    response_class=Response,
    responses=_BADGE | responses.NO_USER,
)
def draw_user_badge(
    database: Database,
    *,
    user_id: UserId,
    options: _Options,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the newest total of all repositories of a user as a badge.

    It is that of the newest day on which every repository was recorded.
    """

    def look(connection: Connection) -> Point | None:
        get_tracked_user(connection, user_id)
        return series.newest_of_user(connection, user_id)

    latest = read(database, look)
    return _badge(latest, options, if_none_match)


def _badge(latest: Counts | Point | None, options: Options, if_none_match: str | None) -> Response:
    name = options.label or options.metric.label.lower()
    value = "not recorded yet"
    if latest is not None:
        count: int = getattr(latest, options.metric)
        value = shorten_number(count) if options.short else f"{count:,}"
    look = Look(
        style=options.style,
        colour=options.color,
        label_colour=options.label_color,
        icon=Icon(options.metric) if options.logo else None,
    )
    return respond(
        ("badge", name, value, options.theme, look),
        lambda: badge(name, value, theme=options.theme, look=look),
        if_none_match=if_none_match,
    )
