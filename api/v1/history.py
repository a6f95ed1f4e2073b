"""``…/history`` and ``…/flow``: numbers with their sources, and stars gained and lost."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from api.dependencies import Database
from api.http import describe
from api.http.body_cache import BodyCache
from api.http.caching import IfNoneMatch, etag_matches, make_etag
from api.http.dates import date_range
from api.http.describe import TableRow
from api.http.errors import NotFoundError, bad_query
from api.http.formats import csv_chunks, ndjson_chunks, rows_response
from api.http.negotiation import (
    AcceptedCompression,
    AcceptedFormat,
    Compression,
    Format,
    FormatChoice,
)
from api.http.transactions import read
from api.queries import flow, history, revision, sources, user_history
from api.queries.flow import Per
from api.queries.history import HistoryPoint
from api.queries.revision import Revision
from api.queries.sources import Sources
from api.queries.user_history import TotalPoint
from api.v1 import responses
from api.v1.fields import DateFrom, DateTo, Day, RepositoryId, UserId
from api.v1.history_schemas import (
    FlowRow,
    HistoryRow,
    RepositoryFlow,
    RepositoryHistory,
    TotalRow,
    UserHistory,
)
from api.v1.schemas import NamedRepository, User
from api.v1.users import get_tracked_user

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)

_DEFAULT_DAYS = {Per.DAY: 30, Per.WEEK: 26 * 7, Per.MONTH: 2 * 366}
"""Of gained and lost stars, by the length of a span."""

_bodies = BodyCache(16 * 1024 * 1024)

_LISTED_SOURCES = 10
"""Of an error's text; there may be many imports."""

WantedSources = Annotated[
    list[str] | None,
    Query(
        description="Use only these sources: `observed`, `github_history`, `import:<name>`."
        " Separated by commas, or sent several times.",
        examples=[["observed", "github_history"]],
    ),
]


@dataclass(slots=True)
class _Result:
    """What a query returned; neither a body nor rows if the client has the current version."""

    owner: BaseModel
    file_name: str
    tag: str
    body: bytes | None = None
    """As it was sent before."""
    rows: list[dict[str, Any]] | None = None


@router.get(
    "/repos/{repo_id}/history",
    summary="Show a repository's days with the source of each number",
    responses=describe.table(
        "The days of which any count is known, ordered by date.",
        HistoryRow,
        model=RepositoryHistory,
        headers=responses.ROWS_HEADERS,
    )
    | describe.not_modified(responses.ROWS_HEADERS)
    | responses.NO_REPOSITORY
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_history(
    *,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    repo_id: RepositoryId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    source: WantedSources = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show what is known of a repository's days, and where each number is from.

    `observed`: a worker read it from GitHub on that day. `import:<name>`: it is from a file that
    was imported. `github_history`: the stars of a day without either are reconstructed from
    GitHub's history, which has the stars that are still held, and `bounds` says how exact that is.
    The past of forks and watchers is in no history of GitHub. A number that is observed is always
    used; then the newest import's, then the reconstructed one.

    Both dates are inclusive; the default is the last 30 days, the maximum ten years. A day of
    which nothing is known has no row.
    """

    def look(connection: Connection) -> _Result:
        found = _get_revision(connection, repo_id)
        first, last = date_range(connection, date_from, date_to)
        only = _chosen(connection, source)
        chosen = None if only is None else sorted(only)
        result = _Result(
            _named(found),
            file_name=f"{found.login}-{found.name}-history-{first}-{last}",
            tag=make_etag(("history", found, first, last, chosen, wanted, compression)),
        )
        if _is_wanted(result, if_none_match):
            points = history.of_repository(connection, repo_id, first, last, only)
            result.rows = list(map(_row, points))
        return result

    # One snapshot: the rows must belong to the revision that the ETag is made of.
    result = read(database, look, is_snapshot=True)
    names = list(RepositoryHistory.model_fields)
    return _respond(result, wanted, compression, names=names, row=HistoryRow)


@router.get(
    "/users/{user_id}/history",
    summary="Show a user's totals with the source of each number",
    responses=describe.table(
        "The days of which any count is known, ordered by date.",
        TotalRow,
        model=UserHistory,
        headers=responses.ROWS_HEADERS,
    )
    | describe.not_modified(responses.ROWS_HEADERS)
    | responses.NO_USER
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_user_history(
    *,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show the totals of a user's repositories, day by day, and of how many they are.

    A total is of the repositories whose count is known: where `known` is less than `repositories`,
    the total is a part, and must not be compared with that of another day. Sources are those of a
    repository's history; a total of several is `mixed`. A day of a repository counts for the user
    who owned it on that day, and the days before its first row for the present owner; repositories
    that were recorded under another owner first are counted in `transferred`.

    Both dates are inclusive; the default is the last 30 days, the maximum ten years.
    """

    def look(connection: Connection) -> _Result:
        user = get_tracked_user(connection, user_id)
        first, last = date_range(connection, date_from, date_to)
        found = revision.of_user(connection, user_id)
        result = _Result(
            User.of(user),
            file_name=f"{user.login}-history-{first}-{last}",
            tag=make_etag(("totals", user, found, first, last, wanted, compression)),
        )
        if _is_wanted(result, if_none_match):
            points = user_history.of_user(connection, user_id, first, last)
            result.rows = list(map(_total, points))
        return result

    result = read(database, look, is_snapshot=True)
    names = list(UserHistory.model_fields)
    return _respond(result, wanted, compression, names=names, row=TotalRow)


@router.get(
    "/repos/{repo_id}/flow",
    summary="Show how many stars a repository gained and lost",
    responses=describe.table(
        "The spans of the period, ordered by date.",
        FlowRow,
        model=RepositoryFlow,
        headers=responses.ROWS_HEADERS,
    )
    | describe.not_modified(responses.ROWS_HEADERS)
    | responses.NO_REPOSITORY
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def show_flow(
    *,
    database: Database,
    wanted: AcceptedFormat,
    compression: AcceptedCompression,
    repo_id: RepositoryId,
    per: Annotated[
        Per,
        Query(
            description="The length of a span: a day; a week from Monday to Monday; or a month from"
            " its first day to that of the next.",
            examples=["week"],
        ),
    ] = Per.DAY,
    date_from: Annotated[
        Day | None,
        Query(
            description="The first day, UTC; by default 30 days, 26 weeks or two years before"
            " `date_to`.",
            examples=["2026-11-01"],
        ),
    ] = None,
    date_to: DateTo = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show the stars gained and lost between the observed rows of days.

    Gained are the stars that were given and still held when GitHub's history of their day was first
    read; lost is what is left after the observed change. A star given and taken back between two
    readings is not seen. GitHub's days end at midnight in Los Angeles and rows are usually taken at
    00:05 UTC, so a single day has some stars of its neighbours; weeks and months absorb that.

    The spans lie wholly between `date_from` and `date_to`.
    """

    def look(connection: Connection) -> _Result:
        found = _get_revision(connection, repo_id)
        first, last = date_range(connection, date_from, date_to, default_days=_DEFAULT_DAYS[per])
        result = _Result(
            _named(found),
            file_name=f"{found.login}-{found.name}-flow-{per}-{first}-{last}",
            tag=make_etag(("flow", found, per, first, last, wanted, compression)),
        )
        if _is_wanted(result, if_none_match):
            result.rows = [
                {
                    "from": span.since,
                    "to": span.to,
                    "gained": span.gained,
                    "lost": span.lost,
                    "net": span.net,
                    "late": span.late,
                }
                for span in flow.of_repository(connection, repo_id, per, first, last)
            ]
        return result

    result = read(database, look, is_snapshot=True)
    names = list(RepositoryFlow.model_fields)
    return _respond(result, wanted, compression, names=names, row=FlowRow)


def _is_wanted(result: _Result, if_none_match: str | None) -> bool:
    """Return whether rows are to be read: the client has not got them, and no body is kept."""
    if etag_matches(if_none_match, result.tag):
        return False
    result.body = _bodies.get(result.tag)
    return result.body is None


def _get_revision(connection: Connection, repo_id: int) -> Revision:
    found = revision.of_repository(connection, repo_id)
    if found is None:
        raise NotFoundError("repository not found")
    return found


def _named(found: Revision) -> NamedRepository:
    return NamedRepository(
        id=found.repo_id,
        user_id=found.user_id,
        name=found.name,
        full_name=f"{found.login}/{found.name}",
    )


def _chosen(connection: Connection, source: Sequence[str] | None) -> set[str] | None:
    """Return the sources that a request asks for; None for all of them.

    :raise RequestValidationError: there is no such source
    """
    if source is None:
        return None
    known = sources.known(connection)
    # The name of an import has no comma.
    chosen = {name for value in source for name in value.split(",")}
    unknown = sorted(chosen - set(known))
    if unknown:
        listed = ", ".join(known[:_LISTED_SOURCES])
        more = ", …" if len(known) > _LISTED_SOURCES else ""
        raise bad_query(
            "source", f"no source {unknown[0]!r}: there are {listed}{more}", ",".join(source)
        )
    return chosen


def _row(point: HistoryPoint) -> dict[str, Any]:
    bounds = point.bounds
    return {
        "date": point.day,
        "stargazers": point.stargazers,
        "forks": point.forks,
        "watchers": point.watchers,
        "sources": _names(point.sources),
        "bounds": None
        if bounds is None
        else {
            "at_least": bounds.at_least,
            "at_most": bounds.at_most,
            "above_observed": bounds.above_observed,
        },
    }


def _total(point: TotalPoint) -> dict[str, Any]:
    has_bounds = point.at_most is not None
    return {
        "date": point.day,
        **{metric.value: count for metric, count in point.totals.items()},
        "repositories": point.repositories,
        "transferred": point.transferred,
        "known": {metric.value: number for metric, number in point.known.items()},
        "sources": _names(point.sources),
        "bounds": {"at_least": point.at_least, "at_most": point.at_most} if has_bounds else None,
    }


@lru_cache(maxsize=1000)
def _names(sources: Sources) -> dict[str, str | None]:
    return asdict(sources)


def _respond(
    result: _Result,
    wanted: FormatChoice,
    compression: Compression,
    *,
    names: Sequence[str],
    row: type[TableRow],
) -> Response:
    """Return a result as a response.

    :param names: of the owner and of the rows in JSON
    """
    body = result.body
    if result.rows is not None:
        pieces = _pieces(result, result.rows, wanted, names, row)
        body = b"".join(compression.compress(pieces))
        _bodies.put(result.tag, body)
    headers = {"ETag": f'"{result.tag}"', "Cache-Control": "no-cache"}
    return rows_response(wanted, compression, body, name=result.file_name, headers=headers)


def _pieces(
    result: _Result,
    rows: list[dict[str, Any]],
    wanted: FormatChoice,
    names: Sequence[str],
    row: type[TableRow],
) -> Iterable[bytes]:
    if wanted.format is Format.JSON:
        contents = (result.owner.model_dump(), rows)
        return [orjson.dumps(dict(zip(names, contents, strict=True)))]
    flat = map(row.flat, rows)
    if wanted.format is Format.CSV:
        return csv_chunks(row.columns(), flat, start=wanted.start)
    return ndjson_chunks(flat)
