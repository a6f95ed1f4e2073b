"""``/v1/users/{id}/totals``: a user's newest totals, with and without forks."""

from fastapi import APIRouter
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.transactions import read
from api.queries import repository_kinds, series
from api.v1 import responses
from api.v1.fields import UserId
from api.v1.schemas import Counts, Totals
from api.v1.users import get_tracked_user

router = APIRouter(prefix="/v1/users/{user_id}", tags=["history"], responses=describe.UNAVAILABLE)


@router.get(
    "/totals",
    summary="Show a user's newest totals",
    responses=describe.json(200, "The totals; all null before the first complete day.", Totals)
    | responses.NO_USER
    | responses.INVALID_USER_ID,
)
def show_totals(database: Database, user_id: UserId) -> Totals:
    """Show the totals of a user's repositories, with forks, without, and those of the forks alone.

    They are those of the newest day on which every repository was recorded. A repository counts as
    a fork if it was one when GitHub last showed it.
    """

    def look(connection: Connection) -> Totals:
        get_tracked_user(connection, user_id)
        newest = series.newest_of_user(connection, user_id)
        if newest is None:
            return Totals(date=None, all=None, without_forks=None, only_forks=None)
        forks = repository_kinds.of_user(connection, user_id, newest.day).counts_of_forks
        return Totals(
            date=newest.day,
            all=Counts(stargazers=newest.stargazers, forks=newest.forks, watchers=newest.watchers),
            without_forks=Counts(
                stargazers=newest.stargazers - forks.stargazers,
                forks=newest.forks - forks.forks,
                watchers=newest.watchers - forks.watchers,
            ),
            only_forks=Counts(
                stargazers=forks.stargazers, forks=forks.forks, watchers=forks.watchers
            ),
        )

    return read(database, look)
