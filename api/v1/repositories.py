"""``/v1/users/{id}/repos``, ``/v1/repos`` and ``/v1/repos/{id}``: many repositories, and one."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.errors import NotFoundError
from api.http.formats import Table
from api.http.negotiation import AcceptedFormat
from api.http.transactions import read
from api.queries import names, repository_list
from api.queries.repository_list import Entry, Filter, ListPage, Named
from api.queries.repository_sort import SPANS, Order, Sort
from api.queries.series import Change
from api.v1 import responses
from api.v1.fields import MAX_PAGE, Flag, FullName, Limit, RepositoryId, UserId
from api.v1.schemas import Repository
from api.v1.users import get_tracked_user
from common.repositories import Counts
from common.users import TrackedUser

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_MAX_OFFSET = 10_000_000


@router.get(
    "/users/{user_id}/repos",
    summary="List a user's repositories",
    responses=describe.table(
        "The repositories in the requested order.",
        Repository,
        headers={
            "X-Total-Count": "The number of repositories on all pages.",
            "Link": 'If there are more: `</v1/users/…/repos?…&offset=…>; rel="next"`.',
        },
    )
    | responses.NO_USER
    | describe.NO_FORMAT
    | describe.invalid("query", "fork", "yes", "must be true or false", error="flag"),
)
def list_repositories(
    *,
    request: Request,
    database: Database,
    wanted: AcceptedFormat,
    user_id: UserId,
    sort: Annotated[
        Sort,
        Query(
            description="The column to sort by; `stargazers_7d` is the change over 7 days.",
            examples=["stargazers_7d"],
        ),
    ] = Sort.NAME,
    order: Annotated[
        Order | None,
        Query(
            description="Ascending or descending. By default names and languages ascend, and"
            " numbers and dates descend.",
            examples=["desc"],
        ),
    ] = None,
    fork: Annotated[
        Flag | None, Query(description="Only forks, or no forks.", examples=[False])
    ] = None,
    archived: Annotated[
        Flag | None,
        Query(description="Only archived repositories, or none of them.", examples=[False]),
    ] = None,
    present: Annotated[
        Flag | None,
        Query(
            description="Only repositories that GitHub lists for this user, or none of them.",
            examples=[True],
        ),
    ] = None,
    language: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only repositories with this main language, in any case.",
            examples=["Python"],
        ),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=100,
            description="Only repositories with this text in the name or description, in any case.",
            examples=["queue"],
        ),
    ] = None,
    limit: Limit = MAX_PAGE,
    offset: Annotated[
        int, Query(ge=0, le=_MAX_OFFSET, description="Number of items to skip.", examples=[100])
    ] = 0,
) -> Response:
    """List the repositories that a user has or had.

    With the newest recorded counts and their change over 1, 7, 30 and 365 days before that day; a
    change is null if the earlier day was not recorded. A repository that moved to another owner
    keeps its days with this user, and `moved_to` is the followed user who owns it now.

    Repositories without a value in the sort column come last. `X-Total-Count` is the number of all
    matching repositories; if there are more than `limit`, the `Link` header with `rel="next"` has
    the next page.
    """
    only = Filter(
        is_fork=fork, is_archived=archived, is_present=present, language=language, words=q
    )

    def look(connection: Connection) -> tuple[TrackedUser, ListPage]:
        user = get_tracked_user(connection, user_id)
        return user, repository_list.of_user(
            connection, user_id, sort, order, only=only, limit=limit, offset=offset
        )

    user, page = read(database, look)
    headers = {"X-Total-Count": str(page.in_all)}
    if page.in_all > offset + limit:
        following = request.url.include_query_params(limit=limit, offset=offset + limit)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    rows = [_body(entry) for entry in page.entries]
    table = Table(
        f"{user.login}-repos", rows, Repository.columns(), flat=map(Repository.flat, rows)
    )
    return table.to_response(wanted, headers=headers)


@router.get(
    "/repos",
    summary="Find a repository by name",
    responses=describe.table("The repository; empty if there is none.", Repository)
    | describe.NO_FORMAT
    | describe.invalid(
        "query",
        "full_name",
        "safe-queue",
        "must be a login and the name of a repository, like onelonelyrepo/safe-queue",
        error="full_name",
    ),
)
def find_repository(
    *,
    database: Database,
    wanted: AcceptedFormat,
    full_name: Annotated[
        FullName,
        Query(
            description="The owner's login and the repository's name, in any case.",
            examples=["onelonelyrepo/safe-queue"],
        ),
    ],
) -> Response:
    """Find the repository of a followed user that has a full name, or had it.

    The list has at most one repository: the one with this name or, if there is none, the only one
    of this owner that had it. The owner is found as in `GET /v1/users?login=`: under a login that
    another followed account has taken over, only the repositories of that account are found. The
    list is empty if nothing is found, and if several had the name. GitHub is not asked; former
    names are known from release 0.3.0 on.
    """
    owner, _, name = full_name.partition("/")
    entry = read(database, lambda connection: names.find_repository(connection, owner, name))
    rows = [] if entry is None else [_body(entry)]
    table = Table("repository", rows, Repository.columns(), flat=map(Repository.flat, rows))
    return table.to_response(wanted)


@router.get(
    "/repos/{repo_id}",
    summary="Show a repository",
    responses=describe.json(200, "The repository.", Repository)
    | responses.NO_REPOSITORY
    | responses.INVALID_REPOSITORY_ID,
)
def show_repository(database: Database, repo_id: RepositoryId) -> Response:
    """Show one repository that a followed user has or had.

    Its days include those of all followed users who owned it; `full_name` and `user_id` are those
    of the newest owner.
    """
    entry = read(database, lambda connection: get_repository(connection, repo_id))
    return Response(orjson.dumps(_body(entry)), media_type="application/json")


def get_repository(connection: Connection, repo_id: int) -> Entry:
    """Return a repository that a tracked user has or had.

    :raise NotFoundError: there is none with this id
    """
    entry = repository_list.get(connection, repo_id)
    if entry is None:
        raise NotFoundError("repository not found")
    return entry


def get_named_repository(connection: Connection, repo_id: int) -> Named:
    """Return the name of a repository that a tracked user has or had.

    :raise NotFoundError: there is none with this id
    """
    named = repository_list.get_named(connection, repo_id)
    if named is None:
        raise NotFoundError("repository not found")
    return named


def _body(entry: Entry) -> dict[str, Any]:
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
        "latest": _counts(entry.latest),
        "changes": {str(days): _counts(entry.changes[days]) for days in SPANS},
    }


def _counts(counts: Counts | Change | None) -> dict[str, int] | None:
    if counts is None:
        return None
    return {
        "stargazers": counts.stargazers,
        "forks": counts.forks,
        "watchers": counts.watchers,
    }
