"""``/v1/users/{id}/repos`` and ``/v1/repos/{id}``: what each repository is, and its numbers."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.dependencies import Database, DateFrom, DateTo, RepositoryId, UserId
from api.http.dates import span
from api.http.errors import NotFoundError
from api.http.formats import Table, Wanted
from api.http.transactions import read
from api.queries import repository_list, series
from api.queries.metric import Metric
from api.queries.repository_list import SPANS, Entry
from api.queries.repository_sort import Order, Sort, sort_repositories
from api.queries.series import Point
from api.v1 import responses
from api.v1.schemas import DailyRow, Flag, Repository
from api.v1.users import followed_user
from common.users import TrackedUser

router = APIRouter(prefix="/v1", tags=["history"])

_LARGEST_PAGE = 10_000
_LARGEST_OFFSET = 10_000_000


@router.get(
    "/users/{user_id}/repos",
    summary="List a user's repositories",
    responses=responses.REPOSITORIES_SHOWN
    | responses.NO_USER
    | responses.BAD_ID
    | responses.BAD_LIST
    | responses.NO_FORMAT
    | responses.UNAVAILABLE,
)
def list_repositories(
    *,
    request: Request,
    database: Database,
    wanted: Wanted,
    user_id: UserId,
    sort: Annotated[
        Sort,
        Query(
            description="The column to order by; `stargazers_7d` is the change over 7 days.",
            examples=["stargazers_7d"],
        ),
    ] = Sort.NAME,
    order: Annotated[
        Order | None,
        Query(
            description="The least first, or the most; where it is not given, names and languages"
            " go from A to Z, and of numbers and days the greatest is first.",
            examples=["desc"],
        ),
    ] = None,
    fork: Annotated[
        Flag | None, Query(description="Only forks, or only others.", examples=[False])
    ] = None,
    archived: Annotated[
        Flag | None, Query(description="Only archived ones, or only others.", examples=[False])
    ] = None,
    present: Annotated[
        Flag | None,
        Query(
            description="Only those that GitHub lists with the user, or only those that are gone.",
            examples=[True],
        ),
    ] = None,
    language: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only those mainly in this language, in whatever case.",
            examples=["Python"],
        ),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only those with this in their name or description, in whatever case.",
            examples=["hello"],
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=_LARGEST_PAGE, description="At most so many.", examples=[100])
    ] = _LARGEST_PAGE,
    offset: Annotated[
        int,
        Query(ge=0, le=_LARGEST_OFFSET, description="Leave out so many first.", examples=[100]),
    ] = 0,
) -> Response:
    """List the repositories that a user has or had.

    With the newest recorded counts, and how these changed over 1, 7, 30 and 365 days: from the day
    so long before the newest recorded one. Where nobody recorded that day the change is null;
    nothing is guessed. A repository that went to another owner keeps its days with this user, and
    says in `moved_to` which followed user has it now.

    Whatever has no value to order by comes last. `X-Total-Count` is the number of all that were
    asked for; where there are more than `limit`, a `Link` header with `rel="next"` leads on.
    """

    def look(connection: Connection) -> tuple[TrackedUser, list[Entry]]:
        return followed_user(connection, user_id), repository_list.of_user(connection, user_id)

    user, entries = read(database, look)
    chosen = [
        entry
        for entry in entries
        if (fork is None or entry.is_fork is fork)
        and (archived is None or entry.is_archived is archived)
        and (present is None or entry.is_present is present)
        and (language is None or (entry.language or "").casefold() == language.casefold())
        and (q is None or _holds(entry, q.casefold()))
    ]
    page = sort_repositories(chosen, sort, order)[offset : offset + limit]
    headers = {"X-Total-Count": str(len(chosen))}
    if len(chosen) > offset + limit:
        further = request.url.include_query_params(limit=limit, offset=offset + limit)
        headers["Link"] = f'<{further.path}?{further.query}>; rel="next"'
    rows = [shown(entry) for entry in page]
    table = Table(f"{user.login}-repos", rows, _COLUMNS, flat=map(_flat, rows))
    return table.answer(wanted, headers=headers)


@router.get(
    "/repos/{repo_id}",
    summary="Show a repository",
    responses=responses.REPOSITORY_SHOWN
    | responses.NO_REPOSITORY
    | responses.BAD_REPOSITORY_ID
    | responses.UNAVAILABLE,
)
def show_repository(database: Database, repo_id: RepositoryId) -> Response:
    """Show one repository that a followed user has or had.

    With its whole history, whoever of the followed users owned it; `full_name` and `user_id` are
    those of the newest owner.
    """
    entry = read(database, lambda connection: known_repository(connection, repo_id))
    return Response(orjson.dumps(shown(entry)), media_type="application/json")


@router.get(
    "/repos/{repo_id}/stats",
    summary="Show a repository's numbers, day by day",
    responses=responses.REPOSITORY_STATS_SHOWN
    | responses.NO_REPOSITORY
    | responses.BAD_DATES
    | responses.NO_FORMAT
    | responses.UNAVAILABLE,
)
def show_repository_stats(
    *,
    database: Database,
    wanted: Wanted,
    repo_id: RepositoryId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
) -> Response:
    """Show the stars, forks and watchers of one repository, day by day.

    Whoever of the followed users owned it. Both dates are included; the default is the last 30
    days, and at most it is ten years. A day that nobody recorded has no row: nothing is filled in.
    """

    def look(connection: Connection) -> tuple[Entry, str, list[Point]]:
        entry = known_repository(connection, repo_id)
        first, last = span(connection, date_from, date_to)
        return entry, f"{first}-{last}", series.of_repository(connection, repo_id, first, last)

    entry, days, points = read(database, look)
    rows = [
        {
            "repo_id": repo_id,
            "date": point.day,
            "stargazers": point.stargazers,
            "forks": point.forks,
            "watchers": point.watchers,
        }
        for point in points
    ]
    named = {
        "id": entry.id,
        "user_id": entry.user_id,
        "name": entry.name,
        "full_name": entry.full_name,
    }
    table = Table(f"{entry.login}-{entry.name}-stats-{days}", rows, DailyRow.columns())
    return table.answer(wanted, body={"repository": named, "stats": rows})


def known_repository(connection: Connection, repo_id: int) -> Entry:
    """Return a repository that a followed user has or had.

    :raise NotFoundError: there is none with this id
    """
    entry = repository_list.get(connection, repo_id)
    if entry is None:
        raise NotFoundError("repository not found")
    return entry


def shown(entry: Entry) -> dict[str, object]:
    """Show a repository as the contract has it."""
    return {
        "id": entry.id,
        "user_id": entry.user_id,
        "name": entry.name,
        "full_name": entry.full_name,
        "description": entry.description,
        "language": entry.language,
        "fork": entry.is_fork,
        "archived": entry.is_archived,
        "present": entry.is_present,
        "absent_since": entry.absent_since,
        "moved_to": entry.moved_to,
        "first_day": entry.first_day,
        "last_day": entry.last_day,
        "latest": entry.latest,
        "changes": {str(days): entry.changes[days] for days in SPANS},
    }


_COUNTS = [metric.value for metric in Metric]
_NESTED = ("latest", "changes")
_COLUMNS = [
    *(name for name in Repository.model_fields if name not in _NESTED),
    *_COUNTS,
    *(f"{metric}_{days}d" for days in SPANS for metric in _COUNTS),
]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a repository as one line of a table."""
    flat = {name: value for name, value in row.items() if name not in _NESTED}
    for metric in _COUNTS:
        flat[metric] = getattr(row["latest"], metric, None)
        for days, change in row["changes"].items():
            flat[f"{metric}_{days}d"] = getattr(change, metric, None)
    return flat


def _holds(entry: Entry, words: str) -> bool:
    return words in entry.name.casefold() or words in (entry.description or "").casefold()
