"""``/v1/users/{id}/stats`` and ``…/scans``: what was recorded, and what became of each day."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache
from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import Database, DateFrom, DateTo, UserId
from api.http.compression import WantedCoding
from api.http.dates import span
from api.http.errors import bad_query
from api.http.etags import IfNoneMatch, names, tag_of
from api.http.formats import BETWEEN, Format, Table, Wanted, answer_with, in_pieces
from api.http.transactions import read
from api.queries import scan_days, stats
from api.queries.scan_days import ScanRecord, UnscannedDay
from api.v1 import responses
from api.v1.schemas import DailyRow, Scan
from api.v1.users import followed_user
from common.users import TrackedUser

router = APIRouter(prefix="/v1/users/{user_id}", tags=["history"])

_MOST_ROWS = 500_000
"""Some 45 MB of JSON."""

cache: LRUCache[str, bytes] = LRUCache(maxsize=16 * 1024 * 1024, getsizeof=len)
"""The newest bodies by ETag, which covers all that is in a body: none is ever out of date."""

_cache_lock = Lock()


@dataclass(slots=True)
class _Found:
    """What a request for rows finds; neither a body nor rows where the client has them."""

    user: TrackedUser
    name: str
    tag: str
    body: bytes | None = None
    lots: list[bytes] | None = None


@router.get(
    "/stats",
    summary="Show the numbers, day by day",
    responses=responses.STATS_SHOWN
    | responses.STATS_KNOWN
    | responses.NO_USER
    | responses.BAD_ID
    | responses.BAD_DATES
    | responses.NO_FORMAT
    | responses.UNAVAILABLE,
)
def show_stats(
    *,
    database: Database,
    wanted: Wanted,
    coding: WantedCoding,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show the stars, forks and watchers of a user's repositories, day by day.

    Both dates are included; the default is the last 30 days, and at most it is ten years and
    500,000 rows. A day that nobody recorded has no row: nothing is filled in. The `ETag` is
    another one after each scan of the repositories; with it in `If-None-Match` nothing is sent
    twice. With `Accept-Encoding: gzip` a tenth of the bytes is sent.
    """

    def look(connection: Connection) -> _Found:
        user = followed_user(connection, user_id)
        first, last = span(connection, date_from, date_to)
        owned = stats.owned(connection, user_id)
        if stats.exceeds(
            connection, user_id, first, last, repositories=owned.number, limit=_MOST_ROWS
        ):
            raise bad_query(
                "date_from",
                f"from {first} to {last} there are more than {_MOST_ROWS} rows:"
                " ask for fewer days at a time",
                first.isoformat(),
            )
        found = _Found(
            user,
            name=f"{user.login}-stats-{first}-{last}",
            tag=tag_of(("stats", user, first, last, wanted, coding, owned.revision)),
        )
        if names(if_none_match, found.tag):
            return found
        with _cache_lock:
            found.body = cache.get(found.tag)
        if found.body is None:
            found.lots = stats.read_text(
                connection,
                user_id,
                first,
                last,
                row=stats.CSV_ROW if wanted is Format.CSV else stats.JSON_ROW,
                separator=BETWEEN[wanted],
            )
        return found

    # As of one moment: rows and the revision that they are kept under belong together.
    found = read(database, look, is_snapshot=True)
    body: bytes | Iterator[bytes] | None = found.body
    if found.lots is not None:
        user = found.user
        shown = {"user": {"id": user.id, "login": user.login, "name": user.name}, "stats": []}
        body = coding.coded(in_pieces(wanted, found.lots, columns=DailyRow.columns(), body=shown))
        # What is too large to be kept is not put together either, and the client need not wait.
        if sum(map(len, found.lots)) <= cache.maxsize:
            body = b"".join(body)
            # Larger than the cache after all.
            with _cache_lock, suppress(ValueError):
                cache[found.tag] = body
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": "no-cache"}
    return answer_with(wanted, coding, body, name=found.name, headers=headers)


@router.get(
    "/scans",
    summary="Show what became of each day",
    responses=responses.SCANS_SHOWN
    | responses.NO_USER
    | responses.BAD_ID
    | responses.BAD_DATES
    | responses.NO_FORMAT
    | responses.UNAVAILABLE,
)
def show_scans(
    *,
    database: Database,
    wanted: Wanted,
    user_id: UserId,
    date_from: DateFrom = None,
    date_to: DateTo = None,
) -> Response:
    """Show what became of each day of a user.

    How many repositories GitHub said there are and how many were recorded; where they differ, or
    a scan failed, why; and when the next attempt is due. Every day is there from the one on which
    the user was added until today: where nothing was tried the state is `none`.
    """

    def look(connection: Connection) -> tuple[str, list[ScanRecord | UnscannedDay]]:
        user = followed_user(connection, user_id)
        first, last = span(connection, date_from, date_to)
        days = scan_days.every_day(connection, user_id, first, last)
        return f"{user.login}-scans-{first}-{last}", days

    name, days = read(database, look)
    rows = [Scan.of(day).model_dump(mode="json") for day in days]
    return Table(name, rows, Scan.columns()).answer(wanted)
