"""``/v1/compare.svg``, ``.json`` and ``.csv``: several repositories and users in one chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, Engine

from api.charts.comparison import comparison_chart
from api.charts.curve import Curve, Look
from api.charts.frame import MIN_WIDTH
from api.charts.place import Place
from api.charts.theme import Theme
from api.dependencies import Database
from api.http import describe
from api.http.caching import IfNoneMatch
from api.http.dates import MAX_DAYS, date_range
from api.http.errors import NotFoundError, bad_query
from api.http.negotiation import WantedBom, bom_of
from api.http.query import KnownQuery
from api.http.slots import Slots
from api.http.transactions import read
from api.queries import compare, compare_past
from api.queries.compare import MAX_COMPARED
from api.queries.compare_mode import Line, Mode, lines_of
from api.queries.flow import Per, spans
from api.queries.metric import Metric
from api.queries.sources import OBSERVED
from api.v1 import responses
from api.v1.compare_body import COLUMNS, Comparison, ComparisonBody, to_csv, to_json
from api.v1.error_pictures import StrictParameter
from api.v1.fields import MAX_ID, Day, Login, check_full_name
from api.v1.image_responses import Height, ShownPlace, ShownTheme, Width, respond
from api.v1.images import ChartSource

router = APIRouter(prefix="/v1", tags=["history"], responses=describe.UNAVAILABLE)


class AxisScale(StrEnum):
    """The axis of values of a comparison."""

    LINEAR = "linear"
    LOG = "log"


def _check_repository(name: str) -> str:
    if name.isascii() and name.isdecimal():
        if int(name) > MAX_ID:
            raise PydanticCustomError("repository", "there is no repository with this id")
        return name
    return check_full_name(name)


RepositoryName = Annotated[str, AfterValidator(_check_repository), Field(max_length=150)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be compared, and how."""

    repositories: Sequence[str]
    users: Sequence[str]
    metric: Metric
    mode: Mode
    source: ChartSource
    date_from: date | None
    date_to: date | None


def wanted(
    *,
    repo: Annotated[
        list[RepositoryName],
        Query(
            default_factory=list,
            max_length=MAX_COMPARED,
            description="The full name or the id of a repository; may be repeated.",
            examples=[["onelonelyrepo/safe-queue"]],
        ),
    ],
    user: Annotated[
        list[Login],
        Query(
            default_factory=list,
            max_length=MAX_COMPARED,
            description="The login of a user, of whom the totals are shown; may be repeated.",
            examples=[["onelonelyrepo"]],
        ),
    ],
    metric: Annotated[
        Metric, Query(description="The count to compare.", examples=["forks"])
    ] = Metric.STARGAZERS,
    mode: Annotated[
        Mode,
        Query(
            description="`total`; its change per `day`, `week` (from Monday) or `month`; `indexed`:"
            " in percent of the first count that is not zero; or `aligned`: by the number of days"
            " since the first day of each.",
            examples=["indexed"],
        ),
    ] = Mode.TOTAL,
    source: Annotated[
        ChartSource,
        Query(
            description="`observed`, or `all`: of repositories also counts that were imported, and"
            " stars that are reconstructed from GitHub's history. Those have thinner lines.",
            examples=["all"],
        ),
    ] = ChartSource.OBSERVED,
    date_from: Annotated[
        Day | None,
        Query(
            description="The first day, UTC; by default ten years before `date_to`.",
            examples=["2026-09-01"],
        ),
    ] = None,
    date_to: Annotated[
        Day | None,
        Query(description="The last day, UTC; by default today.", examples=["2026-11-28"]),
    ] = None,
) -> Wanted:
    """Return what the query string asks to compare.

    :raise RequestValidationError: nothing, or too much
    """
    number = len(repo) + len(user)
    if not 0 < number <= MAX_COMPARED:
        raise bad_query(
            "repo",
            f"name 1 to {MAX_COMPARED} repositories and users with repo= and user=; these are"
            f" {number}",
            str(number),
        )
    return Wanted(repo, user, metric, mode, source, date_from, date_to)


WantedComparison = Annotated[Wanted, Depends(wanted)]


def read_comparison(database: Engine, wanted: Wanted) -> Comparison:
    """Return a comparison.

    :raise NotFoundError: something in it is not followed
    :raise RequestValidationError: the range of days is empty or too long
    """

    def look(connection: Connection) -> Comparison:
        found = compare.find(connection, wanted.repositories, wanted.users)
        if found.missing:
            raise NotFoundError(f"not followed here: {', '.join(found.missing)}")
        first, last = date_range(
            connection, wanted.date_from, wanted.date_to, default_days=MAX_DAYS
        )
        counts = compare.read_counts(connection, found.subjects, wanted.metric, first, last)
        if wanted.source is ChartSource.ALL:
            counts = compare_past.add_past(connection, counts, wanted.metric, first, last)
        lines = lines_of(counts, wanted.mode, first, last)
        return Comparison(lines, wanted.metric, wanted.mode, first, last)

    return read(database, look)


_TOO_MANY = describe.invalid(
    "query",
    "repo",
    "0",
    f"name 1 to {MAX_COMPARED} repositories and users with repo= and user=; these are 0",
    error="value_error",
)
_NOT_FOLLOWED = describe.problem(
    404,
    "No followed user has this login, or has or had this repository.",
    "not followed here: octocat/hello-world",
)


@router.get(
    "/compare.svg",
    tags=["images"],
    summary="Draw several repositories and users in one chart",
    response_class=Response,
    responses=describe.svg("The chart.", width=400, height=240, headers=responses.IMAGE_HEADERS)
    | describe.invalid_minimum("query", "width", "100", MIN_WIDTH)
    | _NOT_FOLLOWED,
    dependencies=[StrictParameter],
)
async def draw_comparison(
    *,
    database: Database,
    slots: Slots,
    wanted: WantedComparison,
    scale: Annotated[
        AxisScale,
        Query(
            description="`log` makes equal ratios equally high; it shows no zeros and no changes.",
            examples=["log"],
        ),
    ] = AxisScale.LINEAR,
    theme: ShownTheme = Theme.AUTO,
    place: ShownPlace = Place.README,
    width: Width = 800,
    height: Height = 400,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Draw up to 20 repositories and users in one chart, to embed in a README or any page.

    Each has a colour, dashes and its name at the end of its line. Users are shown with the totals
    of their repositories, on the days on which all of these were recorded. A day that was not
    recorded is a gap, unless `source=all` fills it. Both dates are inclusive, the maximum is ten
    years; the chart begins with the first day of which anything is known.
    """
    check_scale(wanted.mode, scale)

    def draw() -> Response:
        comparison = read_comparison(database, wanted)
        return respond(
            ("compare", _content(comparison), scale, theme, place, width, height),
            lambda: _draw(comparison, scale, theme=theme, place=place, size=(width, height)),
            if_none_match=if_none_match,
        )

    return await slots.run(draw)


@router.get(
    "/compare.json",
    summary="Compare several repositories and users",
    response_class=Response,
    responses=describe.json(200, "The values, in the order of the request.", ComparisonBody)
    | _NOT_FOLLOWED
    | _TOO_MANY,
    dependencies=[KnownQuery],
)
async def show_comparison(
    *, database: Database, slots: Slots, wanted: WantedComparison
) -> Response:
    """Show one count of up to 20 repositories and users, day by day, in one of several modes.

    The values are those of the chart `/v1/compare.svg`.
    """

    def body() -> Response:
        return Response(to_json(read_comparison(database, wanted)), media_type="application/json")

    return await slots.run(body)


@router.get(
    "/compare.csv",
    summary="Compare several repositories and users, as CSV",
    response_class=Response,
    responses={
        200: {
            "description": "The values, in the order of the request.",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": f"{','.join(COLUMNS)}\r\nrepository,831775037,"
                    "onelonelyrepo/safe-queue,2026-11-28,60,82,observed\r\n",
                }
            },
        }
    }
    | _NOT_FOLLOWED
    | _TOO_MANY,
    dependencies=[KnownQuery],
)
async def download_comparison(
    *, database: Database, slots: Slots, wanted: WantedComparison, bom: WantedBom = "0"
) -> Response:
    """Show the same as `/v1/compare.json` as CSV, a row for each value."""

    def body() -> Response:
        comparison = read_comparison(database, wanted)
        name = f"compare-{comparison.mode}-{comparison.first}-{comparison.last}.csv"
        return Response(
            bom_of(bom) + to_csv(comparison),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return await slots.run(body)


def check_scale(mode: Mode, scale: AxisScale) -> None:
    """Refuse a logarithmic axis for changes, of which there may be none or fewer than none.

    :raise RequestValidationError: that is what is asked for
    """
    if mode.per is not None and scale is AxisScale.LOG:
        raise bad_query(
            "scale", "changes may be zero or negative: log needs another mode", scale.value
        )


def _draw(
    comparison: Comparison,
    scale: AxisScale,
    *,
    theme: Theme,
    place: Place,
    size: tuple[int, int],
) -> str:
    """Draw a comparison as an SVG document."""
    look = _look(comparison, scale)
    title = comparison.mode.describe(comparison.metric)
    if any(source != OBSERVED for line in comparison.lines for source in line.sources):
        title += " (thin: reconstructed or imported)"
    return comparison_chart(
        title,
        [_curve(line, look) for line in comparison.lines],
        first=comparison.first.toordinal(),
        last=comparison.last.toordinal(),
        look=look,
        width=size[0],
        height=size[1],
        place=place,
        theme=theme,
    )


def _look(comparison: Comparison, scale: AxisScale) -> Look:
    per = comparison.mode.per
    ends = [] if per in {None, Per.DAY} else spans(per, comparison.first, comparison.last)
    return Look(
        is_aligned=comparison.mode is Mode.ALIGNED,
        is_log=scale is AxisScale.LOG,
        has_zero=per is not None,
        slots=[(to.toordinal(), f"{since} to {to}") for since, to in ends],
    )


def _curve(line: Line, look: Look) -> Curve:
    days = line.days
    if look.is_aligned and line.start is not None:
        days = [day - line.start for day in days]
    return Curve(
        line.subject.name,
        days,
        line.steps,
        line.values,
        [source == OBSERVED for source in line.sources],
    )


def _content(comparison: Comparison) -> list[object]:
    """Return all that a chart shows."""
    return [
        comparison.metric,
        comparison.mode,
        comparison.first,
        comparison.last,
        *((line.subject.name, line.days, line.values, line.sources) for line in comparison.lines),
    ]
