"""``…/card.png``: a picture of a repository or user for previews of links."""

from collections.abc import Sequence
from datetime import date, timedelta

from fastapi import APIRouter, Response
from sqlalchemy import Connection, Engine

from api.charts.card import Card, Figure, draw_card
from api.charts.theme import Theme
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.http.transactions import read
from api.queries import series
from api.queries.metric import Metric
from api.queries.series import Point
from api.v1 import responses
from api.v1.fields import RepositoryId, UserId
from api.v1.image_responses import Drawing, Picture, ShownTheme, respond_png, still
from api.v1.repositories import get_repository
from api.v1.users import get_tracked_user
from common import clock
from common.repositories import Counts

router = APIRouter(prefix="/v1", tags=["images"], responses=describe.UNAVAILABLE)

_DAYS = timedelta(days=89)
_CHANGE = timedelta(days=30)

_CARD = describe.png("The card, 1200 x 630 pixels.", responses.IMAGE_HEADERS) | describe.invalid(
    "query", "theme", "pink", "Input should be 'light', 'dark' or 'auto'", error="enum"
)


@router.get(
    "/repos/{repo_id}/card.png",
    summary="Draw a repository's card",
    response_class=Response,
    responses=_CARD | responses.NO_REPOSITORY,
)
async def draw_repository_card(
    database: Database,
    drawing: Drawing,
    *,
    repo_id: RepositoryId,
    theme: ShownTheme = Theme.LIGHT,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the newest counts of a repository and its stars of the last 90 days, for link previews.

    The page of the repository names it as its `og:image`. A change is shown if both days, the
    newest and the one 30 days before, were recorded. A PNG cannot follow the reader's system:
    `theme=auto` is light.
    """
    return await respond_png(
        drawing,
        lambda: card_of_repository(database, repo_id, still(theme)),
        if_none_match=if_none_match,
    )


@router.get(
    "/users/{user_id}/card.png",
    summary="Draw a user's card",
    response_class=Response,
    responses=_CARD | responses.NO_USER,
)
async def draw_user_card(
    database: Database,
    drawing: Drawing,
    *,
    user_id: UserId,
    theme: ShownTheme = Theme.LIGHT,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw the totals of a user; otherwise like the card of a repository."""
    return await respond_png(
        drawing,
        lambda: card_of_user(database, user_id, still(theme)),
        if_none_match=if_none_match,
    )


def card_of_repository(database: Engine, repo_id: int, theme: Theme) -> Picture:
    """Return the card of a repository.

    :raise NotFoundError: no such repository is known
    """

    def look(connection: Connection) -> Card:
        entry = get_repository(connection, repo_id)
        today = clock.today(connection)
        points = series.of_repository(connection, repo_id, today - _DAYS, today)
        return _card(
            title=entry.full_name,
            kind="Repository on GitHub",
            day=entry.last_day,
            latest=entry.latest,
            points=points,
            today=today,
        )

    return _picture(read(database, look), theme)


def card_of_user(database: Engine, user_id: int, theme: Theme) -> Picture:
    """Return the card of a user.

    :raise NotFoundError: no such user is followed
    """

    def look(connection: Connection) -> Card:
        user = get_tracked_user(connection, user_id)
        today = clock.today(connection)
        points = series.of_user(connection, user_id, today - _DAYS, today)
        latest = points[-1] if points else series.newest_of_user(connection, user_id)
        return _card(
            title=user.login,
            kind="All repositories on GitHub",
            day=latest.day if latest else None,
            latest=latest,
            points=points,
            today=today,
        )

    return _picture(read(database, look), theme)


def _card(
    *,
    title: str,
    kind: str,
    day: date | None,
    latest: Counts | Point | None,
    points: Sequence[Point],
    today: date,
) -> Card:
    before: Point | None = None
    if points:
        then = points[-1].day - _CHANGE
        before = next((point for point in points if point.day == then), None)
    return Card(
        title,
        kind,
        day,
        [
            Figure(
                metric.label,
                getattr(latest, metric) if latest else None,
                getattr(points[-1], metric) - getattr(before, metric) if before else None,
            )
            for metric in Metric
        ],
        _CHANGE.days,
        Metric.STARGAZERS.label,
        [(point.day, point.stargazers) for point in points],
        today - _DAYS,
        today,
    )


def _picture(card: Card, theme: Theme) -> Picture:
    return Picture(("card", card, theme), lambda: draw_card(card, theme=theme))
