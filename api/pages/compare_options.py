"""What the address of a comparison says: what is compared, and how it is shown."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Query

from api.pages.period import Choice, DateRange, FirstDay, LastDay, Period
from api.queries.compare import MAX_COMPARED
from api.queries.compare_mode import Mode
from api.queries.metric import Metric
from api.v1.compare import AxisScale
from api.v1.fields import MAX_PAGE

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What is compared, by the names in the address, and how.

    :param scale: of modes that have a logarithm; see ``is_log``
    """

    repositories: Sequence[str]
    users: Sequence[str]
    metric: Metric
    mode: Mode
    scale: AxisScale
    choice: Choice

    @property
    def is_log(self) -> bool:
        """Whether the axis of values is logarithmic."""
        return self.scale is AxisScale.LOG and self.can_be_log

    @property
    def can_be_log(self) -> bool:
        """Whether the mode has a logarithm: changes may be negative."""
        return self.mode.per is None

    @property
    def left_out(self) -> int:
        """How many are named beyond those that fit."""
        return max(len(self.repositories) + len(self.users) - MAX_COMPARED, 0)

    @property
    def first_ones(self) -> "CompareOptions":
        """The same without those that do not fit."""
        repositories = self.repositories[:MAX_COMPARED]
        return replace(
            self, repositories=repositories, users=self.users[: MAX_COMPARED - len(repositories)]
        )

    def only(self, names: Collection[str]) -> "CompareOptions":
        """Return the same without other names than these."""
        return replace(
            self,
            repositories=[name for name in self.repositories if name in names],
            users=[login for login in self.users if login in names],
        )

    def names(self) -> Iterator[Pair]:
        """Yield the parameters that name what is compared."""
        yield from (("repo", name) for name in self.repositories)
        yield from (("user", login) for login in self.users)

    def fields(self, *, has_period: bool = True) -> list[Pair]:
        """Return the parameters of the page that differ from the usual ones."""
        chosen = [*self.names()]
        if self.metric is not Metric.STARGAZERS:
            chosen.append(("metric", self.metric))
        if self.mode is not Mode.TOTAL:
            chosen.append(("mode", self.mode))
        if self.scale is not AxisScale.LINEAR:
            chosen.append(("scale", self.scale))
        if has_period and (self.choice.has_days or self.choice.period is not Period.ALL):
            chosen.extend((name, str(value)) for name, value in self.choice.options.items())
        return chosen

    def url(self, *, period: Period | None = None, **changes: object) -> str:
        """Return the address of the page with other options."""
        if period is not None:
            changes["choice"] = Choice(period)
        other = replace(self, **changes)  # type: ignore[arg-type]
        return _query(other.fields()) or "?"

    def without(self, name: str) -> str:
        """Return the address of the page without one of the names."""
        others = {*self.repositories, *self.users} - {name}
        return self.only(others).url()

    def with_more(self, repositories: Iterable[str], users: Iterable[str]) -> str:
        """Return the address of the page with more names."""
        return self.url(
            repositories=list(dict.fromkeys([*self.repositories, *repositories])),
            users=list(dict.fromkeys([*self.users, *users])),
        )

    def api_query(self, dates: DateRange | None) -> str:
        """Return the query for these lines in the calls under ``/v1``, without the scale.

        :param dates: None for everything that is known
        """
        fields = [
            *self.names(),
            ("metric", self.metric.value),
            ("mode", self.mode.value),
            ("source", "all"),
        ]
        if dates is not None:
            fields += [("date_from", str(dates.first)), ("date_to", str(dates.last))]
        return _query(fields)


def _query(fields: Sequence[Pair]) -> str:
    # A slash is allowed in a query, and names are easier to read with it.
    return "?" + urlencode(fields, safe="/", quote_via=quote) if fields else ""


def _choice(period: Period = Period.ALL, first: FirstDay = None, last: LastDay = None) -> Choice:
    return Choice(period, first, last)


def compare_options(
    *,
    choice: Annotated[Choice, Depends(_choice)],
    repo: Annotated[list[str], Query(default_factory=list, max_length=MAX_PAGE)],
    user: Annotated[list[str], Query(default_factory=list, max_length=MAX_PAGE)],
    metric: Metric = Metric.STARGAZERS,
    mode: Mode = Mode.TOTAL,
    scale: AxisScale = AxisScale.LINEAR,
) -> CompareOptions:
    """Return what the address says; names that cannot be any are looked for like others."""
    return CompareOptions(
        list(dict.fromkeys(repo)), list(dict.fromkeys(user)), metric, mode, scale, choice
    )
