"""``…/stats``: the daily rows of a user's repositories, or of one repository."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.body_cache import BodyCache
from api.http.caching import IfNoneMatch, etag_matches, make_etag
from api.http.dates import date_range
from api.http.errors import bad_query
from api.http.formats import ROW_SEPARATORS, Table, body_pieces, rows_response
from api.http.large_body import make_body
from api.http.negotiation import AcceptedCompression, AcceptedFormat, Format
from api.http.transactions import read
from api.queries import series, stats, stats_columns
from api.queries.repository_list import Named
from api.queries.series import Point
from api.queries.stats import RepositoryPage
from api.v1 import columns as row_columns
from api.v1 import responses
from api.v1.columns import OF_ONE_USER, WantedColumns, chosen_columns, refuse_json, row_text
from api.v1.fields import MAX_ID, MAX_PAGE, DateFrom, DateTo, RepositoryId, UserId
from api.v1.repositories import get_named_repository
from api.v1.schemas import DailyRow, NamedRepository, RepositoryStats, Stats, User
from api.v1.users import get_tracked_user

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_MAX_ROWS = 500_000
"""About 45 MB of JSON."""

bodies = BodyCache(16 * 1024 * 1024)


@dataclass(slots=True)
class _Result:
    """The query's result; the body is None if the client has the current version."""

    file_name: str
    tag: str
    next_after: int | None
    """The id after which the next page begins, if there is one."""
    dates: tuple[date, date]
    body: bytes | Iterator[bytes] | None = None


@router.get(
    "/users/{user_id}/stats",
    summary="Show a user's daily counts",
    responses=describe.table(
        "The rows, ordered by repository id and date; empty if nothing was recorded.",
        DailyRow,
        model=Stats,
        headers=responses.ROWS_HEADERS
        | {
            "Link": "If there are more repositories than `limit`:"
            ' `</v1/users/…/stats?…&after=…>; rel="next"`.'
        },
    )
    | describe.not_modified(responses.ROWS_HEADERS)
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_stats(
    *,
    request: Request,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    limit: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_PAGE,
            description="Maximum number of repositories; by default all are in one response.",
            examples=[100],
        ),
    ] = None,
    after: Annotated[
        int,
        Query(
            ge=0,
            le=MAX_ID,
            description="Return only repositories with a greater id.",
            examples=[831775037],
        ),
    ] = 0,
    columns: WantedColumns = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show the stars, forks and watchers of a user's repositories, day by day.

    Both dates are inclusive; the default is the last 30 days, the maximum ten years. A response to
    a `date_from` has at most 500,000 rows; without it all rows are sent, however many repositories
    there are. A day that was not recorded has no row. The `ETag` changes after each scan of the
    repositories: send it in `If-None-Match`, and the answer is 304 until then. With
    `Accept-Encoding: gzip` the response is a tenth of the size.

    With `limit` the response has the days of so many repositories; if there are more, follow the
    `Link` header with `rel="next"` until there is none.
    """
    chosen = chosen_columns(columns, OF_ONE_USER)
    refuse_json(chosen, wanted.format)

    def look(connection: Connection) -> _Result:
        user = get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        owned = stats.owned(connection, user_id)
        newest = min(last, owned.today)
        page = RepositoryPage(owned.number)
        if limit is not None or after:
            page = stats.repository_page(
                connection, user_id, after=after, limit=limit or owned.number
            )
        if date_from is not None and stats.exceeds(
            connection, user_id, first, newest, page=page, limit=_MAX_ROWS
        ):
            raise bad_query(
                "date_from",
                f"more than {_MAX_ROWS} rows from {first} to {last}: request fewer days at a time"
                " or, with limit, fewer repositories",
                first.isoformat(),
            )
        result = _Result(
            file_name=f"{user.login}-stats-{first}-{last}",
            tag=make_etag(
                (
                    *("stats", user, first, last, newest, wanted, compression, owned.revision),
                    *(page, chosen),
                )
            ),
            next_after=page.until if page.has_next else None,
            dates=(first, last),
        )
        if etag_matches(if_none_match, result.tag):
            return result
        result.body = bodies.get(result.tag)
        if result.body is None:
            rows: Iterator[bytes]
            if chosen is None:
                rows = chain.from_iterable(
                    stats.read_portions(
                        connection,
                        user_id,
                        first,
                        newest,
                        page=page,
                        row=stats.CSV_ROW if wanted.format is Format.CSV else stats.JSON_ROW,
                        separator=ROW_SEPARATORS[wanted.format],
                    )
                )
            else:
                rows = stats_columns.read_rows(
                    connection,
                    first,
                    newest,
                    row=row_text(chosen, wanted.format),
                    user_id=user_id,
                    page=page,
                )
            pieces = body_pieces(
                wanted,
                rows,
                columns=chosen or row_columns.DEFAULT,
                body={"user": User.of(user).model_dump(), "stats": []},
            )
            result.body = make_body(pieces, compression, max_bytes=bodies.max_bytes)
            if isinstance(result.body, bytes):
                bodies.put(result.tag, result.body)
        return result

    # One snapshot: the rows must belong to the revision under which they are cached.
    result = read(database, look, is_snapshot=True)
    headers = {"ETag": f'"{result.tag}"', "Cache-Control": "no-cache"}
    if result.next_after is not None:
        first, last = result.dates
        # With the days, which are the same on all pages then.
        following = request.url.include_query_params(
            date_from=first, date_to=last, limit=limit, after=result.next_after
        )
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return rows_response(wanted, compression, result.body, name=result.file_name, headers=headers)


@router.get(
    "/repos/{repo_id}/stats",
    summary="Show a repository's daily counts",
    responses=describe.table(
        "The rows, ordered by date; empty if nothing was recorded.",
        DailyRow,
        model=RepositoryStats,
    )
    | responses.NO_REPOSITORY
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_repository_stats(
    *,
    database: Database,
    wanted: AcceptedFormat,
    repo_id: RepositoryId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    columns: WantedColumns = None,
) -> Response:
    """Show the stars, forks and watchers of one repository, day by day.

    Includes the days on which another followed user owned it. Both dates are inclusive; the default
    is the last 30 days, the maximum ten years. A day that was not recorded has no row.
    """
    chosen = chosen_columns(columns, OF_ONE_USER)
    refuse_json(chosen, wanted.format)

    def look(connection: Connection) -> tuple[Named, tuple[date, date], list[Point]]:
        named = get_named_repository(connection, repo_id)
        first, last = date_range(connection, date_from, date_to)
        return named, (first, last), series.of_repository(connection, repo_id, first, last)

    named, (first, last), points = read(database, look)
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
    repository = NamedRepository(
        id=named.id, user_id=named.user_id, name=named.name, full_name=named.full_name
    )
    name = f"{named.login}-{named.name}-stats-{first}-{last}"
    flat = None
    if chosen is not None:
        named_rows = ({**row, "full_name": named.full_name} for row in rows)
        flat = ({column.value: row[column] for column in chosen} for row in named_rows)
    table = Table(name, rows, chosen or DailyRow.columns(), flat=flat)
    return table.to_response(wanted, body={"repository": repository.model_dump(), "stats": rows})
