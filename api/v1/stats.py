"""``…/stats``: the daily rows of a user's repositories, or of one repository."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.body_cache import BodyCache
from api.http.caching import IfNoneMatch, etag_matches, make_etag
from api.http.dates import date_range
from api.http.errors import bad_query
from api.http.formats import ROW_SEPARATORS, Table, body_pieces, rows_response
from api.http.negotiation import AcceptedCompression, AcceptedFormat, Format
from api.http.transactions import read
from api.queries import series, stats
from api.queries.repository_list import Named
from api.queries.series import Point
from api.v1 import responses
from api.v1.fields import DateFrom, DateTo, RepositoryId, UserId
from api.v1.repositories import get_named_repository
from api.v1.schemas import DailyRow, NamedRepository, RepositoryStats, Stats, User
from api.v1.users import get_tracked_user
from common.users import TrackedUser

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_MAX_ROWS = 500_000
"""About 45 MB of JSON."""

bodies = BodyCache(16 * 1024 * 1024)


@dataclass(slots=True)
class _Result:
    """The query's result; neither a cached body nor rows if the client has the current version."""

    user: TrackedUser
    file_name: str
    tag: str
    body: bytes | None = None
    rows: list[bytes] | None = None
    """One text for each repository."""


@router.get(
    "/users/{user_id}/stats",
    summary="Show a user's daily counts",
    responses=describe.table(
        "The rows, ordered by repository id and date; empty if nothing was recorded.",
        DailyRow,
        model=Stats,
        headers=responses.ROWS_HEADERS,
    )
    | describe.not_modified(responses.ROWS_HEADERS)
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_stats(
    *,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show the stars, forks and watchers of a user's repositories, day by day.

    Both dates are inclusive; the default is the last 30 days, the maximum ten years and 500,000
    rows. A day that was not recorded has no row. The `ETag` changes after each scan of the
    repositories: send it in `If-None-Match`, and the answer is 304 until then. With
    `Accept-Encoding: gzip` the response is a tenth of the size.
    """

    def look(connection: Connection) -> _Result:
        user = get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        owned = stats.owned(connection, user_id)
        newest = min(last, owned.today)
        if stats.exceeds(
            connection, user_id, first, newest, repositories=owned.number, limit=_MAX_ROWS
        ):
            raise bad_query(
                "date_from",
                f"more than {_MAX_ROWS} rows from {first} to {last}: request fewer days at a time",
                first.isoformat(),
            )
        result = _Result(
            user,
            file_name=f"{user.login}-stats-{first}-{last}",
            tag=make_etag(
                ("stats", user, first, last, newest, wanted, compression, owned.revision)
            ),
        )
        if etag_matches(if_none_match, result.tag):
            return result
        result.body = bodies.get(result.tag)
        if result.body is None:
            result.rows = stats.read_text(
                connection,
                user_id,
                first,
                newest,
                row=stats.CSV_ROW if wanted is Format.CSV else stats.JSON_ROW,
                separator=ROW_SEPARATORS[wanted],
            )
        return result

    # One snapshot: the rows must belong to the revision under which they are cached.
    result = read(database, look, is_snapshot=True)
    body: bytes | Iterator[bytes] | None = result.body
    if result.rows is not None:
        frame = {"user": User.of(result.user).model_dump(), "stats": []}
        body = compression.compress(
            body_pieces(wanted, result.rows, columns=DailyRow.columns(), body=frame)
        )
        # A body that is too large for the cache is sent while it is made.
        if sum(map(len, result.rows)) <= bodies.max_bytes:
            body = b"".join(body)
            bodies.put(result.tag, body)
    headers = {"ETag": f'"{result.tag}"', "Cache-Control": "no-cache"}
    return rows_response(wanted, compression, body, name=result.file_name, headers=headers)


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
) -> Response:
    """Show the stars, forks and watchers of one repository, day by day.

    Includes the days on which another followed user owned it. Both dates are inclusive; the default
    is the last 30 days, the maximum ten years. A day that was not recorded has no row.
    """

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
    table = Table(f"{named.login}-{named.name}-stats-{first}-{last}", rows, DailyRow.columns())
    return table.to_response(wanted, body={"repository": repository.model_dump(), "stats": rows})
