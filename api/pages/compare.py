"""``/compare``: several repositories and users in one chart, at an address to share."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from api.dependencies import Owned
from api.http.slots import Slots
from api.http.transactions import read
from api.pages.compare_options import CompareOptions, compare_options
from api.pages.layout import page, redirect
from api.pages.pasted import Pasted, read_each
from api.pages.period import CALENDAR, SHORT, DateRange, Period
from api.queries import compare, compare_past, names
from api.queries.compare import MAX_COMPARED, Counts, Found, Kind
from api.queries.compare_mode import Mode
from api.queries.metric import Metric
from api.queries.sources import GITHUB_HISTORY, OBSERVED
from api.v1.compare import AxisScale, RepositoryName
from api.v1.fields import Login
from common import clock

router = APIRouter(prefix="/compare")

_REPOSITORY: TypeAdapter[str] = TypeAdapter(RepositoryName)
_LOGIN: TypeAdapter[str] = TypeAdapter(Login)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table below the chart.

    :param given: the name in the address
    :param path: of its page
    :param first: the first known day of the period with the count, or None
    """

    given: str
    name: str
    path: str
    first: tuple[date, int] | None
    last: tuple[date, int] | None

    @property
    def difference(self) -> int | None:
        """The change of the count from the first day to the last; None without two days."""
        if self.first is None or self.last is None or self.first[0] == self.last[0]:
            return None
        return self.last[1] - self.first[1]

    @property
    def percent(self) -> float | None:
        """The change in percent of the first count; None if that is zero or there is none."""
        if self.difference is None or self.first is None or not self.first[1]:
            return None
        return round(100 * self.difference / self.first[1], 2)


@dataclass(frozen=True, slots=True)
class Content:
    """What the page shows.

    :param sources: the words for the sources of the counts
    :param dates: the period; of all days, from the first known one on
    :param names: by id in the address, the full names of repositories that may stand there instead
    """

    rows: list[Row]
    sources: list[str]
    missing: list[str]
    dates: DateRange
    today: date
    names: dict[str, str]


@router.get("")
async def show_comparison(
    request: Request,
    *,
    resources: Owned,
    slots: Slots,
    options: Annotated[CompareOptions, Depends(compare_options)],
    add: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Show a comparison, or redirect to one with what a visitor has added."""
    problems: list[Pasted] = []
    if add.strip():
        added = list(read_each(add, resources.settings.github))
        problems = [pasted for pasted in added if pasted.login is None]
        if not problems:
            return redirect(
                "/compare"
                + options.with_more(
                    (f"{each.login}/{each.repository}" for each in added if each.repository),
                    (str(each.login) for each in added if not each.repository),
                )
            )
    shown = options.first_ones
    content = await slots.run(
        lambda: read(resources.database, lambda connection: _read(connection, shown))
    )
    if content.names:
        names_of_all = [content.names.get(name, name) for name in options.repositories]
        return redirect("/compare" + options.url(repositories=names_of_all))
    named = shown.only({row.given for row in content.rows})
    return page(
        request,
        "compare.html",
        options=named,
        content=content,
        left_out=options.left_out,
        pasted=add if problems else "\n".join(content.missing),
        problems=problems,
        api_query=named.api_query(None if _is_all(options) else content.dates),
        metrics=Metric,
        modes=Mode,
        scales=AxisScale,
        periods=SHORT,
        calendar_periods=CALENDAR,
        most=MAX_COMPARED,
    )


def _is_all(options: CompareOptions) -> bool:
    return not options.choice.has_days and options.choice.period is Period.ALL


def _read(connection: Connection, options: CompareOptions) -> Content:
    found = _find(connection, options)
    today = clock.today(connection)
    dates = options.choice.until(today, known_since=date.min)
    counts = compare.read_counts(
        connection, found.subjects, options.metric, dates.first, dates.last
    )
    counts = compare_past.add_past(connection, counts, options.metric, dates.first, dates.last)
    if _is_all(options):
        begin = min((each.days[0] for each in counts if each.days), default=today.toordinal())
        dates = Period.ALL.until(today, known_since=date.fromordinal(begin))
    accounts = names.accounts(
        connection, [each.id for each in found.subjects if each.kind is Kind.USER]
    )
    rows = []
    for each in counts:
        subject = each.subject
        path = f"/repos/{subject.id}"
        if subject.kind is Kind.USER:
            path = accounts[subject.id].path
        rows.append(_row(each, found.subjects[subject], path))
    return Content(
        rows, _kinds(counts), found.missing, dates, today, _names_of_ids(connection, found)
    )


def _kinds(counts: Iterable[Counts]) -> list[str]:
    """Return the words for the sources of some counts, as `Kind` of the charts has them."""
    used = set().union(*(each.sources for each in counts))
    words = {
        "observed": OBSERVED in used,
        "reconstructed": GITHUB_HISTORY in used,
        "imported": bool(used - {OBSERVED, GITHUB_HISTORY}),
    }
    return [word for word, is_used in words.items() if is_used]


def _find(connection: Connection, options: CompareOptions) -> Found:
    """Return what is compared; what cannot be a name is missing too."""
    repositories = [name for name in options.repositories if _is_valid(_REPOSITORY, name)]
    users = [login for login in options.users if _is_valid(_LOGIN, login)]
    found = compare.find(connection, repositories, users)
    others = [
        name
        for name in (*options.repositories, *options.users)
        if name not in repositories and name not in users
    ]
    return Found(found.subjects, [*found.missing, *others])


def _names_of_ids(connection: Connection, found: Found) -> dict[str, str]:
    """Return the full names of repositories that are named by id, if these lead to them."""
    by_id = {subject: given for subject, given in found.subjects.items() if given.isdecimal()}
    by_name = compare.find(
        connection, [each.name for each in by_id if each.kind is Kind.REPOSITORY], []
    )
    return {given: each.name for each, given in by_id.items() if each in by_name.subjects}


def _is_valid(adapter: TypeAdapter[str], name: str) -> bool:
    try:
        adapter.validate_python(name)
    except ValidationError:
        return False
    return True


def _row(counts: Counts, given: str, path: str) -> Row:
    ends: list[tuple[date, int] | None] = [None, None]
    if counts.days:
        ends = [(date.fromordinal(counts.days[place]), counts.values[place]) for place in (0, -1)]
    return Row(given, counts.subject.name, path, *ends)
