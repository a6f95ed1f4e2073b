"""The bodies of histories with sources, and of gained and lost stars."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.http.describe import TableRow
from api.queries.metric import Metric
from api.v1.schemas import NamedRepository, User

_Source = Annotated[
    str | None,
    Field(
        description="`observed`, `github_history`, `import:<name>`, or null where nothing is known."
    ),
]


class CountSources(BaseModel):
    """Where each count of a day is from."""

    stargazers: Annotated[_Source, Field(examples=["github_history"])]
    forks: Annotated[_Source, Field(examples=[None])]
    watchers: Annotated[_Source, Field(examples=[None])]


class Bounds(BaseModel):
    """How exact reconstructed stars are."""

    at_least: Annotated[
        int | None,
        Field(
            description="At least this many stars were held on that day. Null in a gap if GitHub's"
            " history of older days was read before the gap and not since.",
            examples=[61],
        ),
    ]
    at_most: Annotated[
        int,
        Field(
            description="No more were held that day and still held at the next observed row. Stars"
            " that were taken back before it are in no source.",
            examples=[63],
        ),
    ]
    above_observed: Annotated[
        bool,
        Field(
            description="Whether the number is higher than the observed rows before and after it.",
            examples=[False],
        ),
    ]


class HistoryRow(TableRow):
    """The counts of one repository on one UTC day, as far as they are known."""

    date: Annotated[date, Field(examples=["2026-08-30"])]
    stargazers: Annotated[int | None, Field(examples=[62])]
    forks: Annotated[int | None, Field(examples=[None])]
    watchers: Annotated[int | None, Field(examples=[None])]
    sources: CountSources
    bounds: Annotated[
        Bounds | None,
        Field(description="Of the stargazers if their source is `github_history`; else null."),
    ]

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, with one for each source and each bound."""
        return ["date", *Metric, *(f"{metric}_source" for metric in Metric), *Bounds.model_fields]

    @classmethod
    def flat(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of JSON with one value for each column."""
        flat = {name: row[name] for name in ("date", *map(str, Metric))}
        flat |= {f"{metric}_source": row["sources"][metric] for metric in Metric}
        bounds = row["bounds"] or {}
        return flat | {name: bounds.get(name) for name in Bounds.model_fields}


class RepositoryHistory(BaseModel):
    """A repository's days with the source of each number, ordered by date."""

    repository: NamedRepository
    history: list[HistoryRow]


class KnownCounts(BaseModel):
    """Of how many repositories each count is known."""

    stargazers: Annotated[int, Field(examples=[12])]
    forks: Annotated[int, Field(examples=[11])]
    watchers: Annotated[int, Field(examples=[11])]


_TotalSource = Annotated[
    str | None,
    Field(
        description="Where all the numbers of the total are from, `mixed` if from several sources,"
        " or null where nothing is known."
    ),
]


class TotalSources(BaseModel):
    """Where each total of a day is from."""

    stargazers: Annotated[_TotalSource, Field(examples=["mixed"])]
    forks: Annotated[_TotalSource, Field(examples=["observed"])]
    watchers: Annotated[_TotalSource, Field(examples=["observed"])]


class TotalBounds(BaseModel):
    """How exact a total of stars is of which some are reconstructed."""

    at_least: Annotated[
        int | None,
        Field(description="Null if a repository's is not known.", examples=[880]),
    ]
    at_most: Annotated[int, Field(examples=[885])]


class TotalRow(TableRow):
    """The totals of a user's repositories on one UTC day, of those whose count is known."""

    date: Annotated[date, Field(examples=["2026-11-28"])]
    stargazers: Annotated[int | None, Field(examples=[882])]
    forks: Annotated[int | None, Field(examples=[97])]
    watchers: Annotated[int | None, Field(examples=[31])]
    repositories: Annotated[
        int, Field(description="How many the user had, as far as is known.", examples=[12])
    ]
    transferred: Annotated[
        int,
        Field(
            description="How many of them belonged to another user when they were first recorded:"
            " their days before that count for the present owner.",
            examples=[0],
        ),
    ]
    known: KnownCounts
    sources: TotalSources
    bounds: Annotated[
        TotalBounds | None,
        Field(description="Of the stargazers if some are reconstructed; else null."),
    ]

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, with one for each share, source and bound."""
        return [
            *("date", *Metric, "repositories", "transferred"),
            *(f"{metric}_known" for metric in Metric),
            *(f"{metric}_source" for metric in Metric),
            *TotalBounds.model_fields,
        ]

    @classmethod
    def flat(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of JSON with one value for each column."""
        plain = ("date", *map(str, Metric), "repositories", "transferred")
        flat = {name: row[name] for name in plain}
        flat |= {f"{metric}_known": row["known"][metric] for metric in Metric}
        flat |= {f"{metric}_source": row["sources"][metric] for metric in Metric}
        bounds = row["bounds"] or {}
        return flat | {name: bounds.get(name) for name in TotalBounds.model_fields}


class UserHistory(BaseModel):
    """A user's totals with their sources, ordered by date."""

    user: User
    history: list[TotalRow]


class FlowRow(TableRow):
    """The stars that a repository gained and lost between two observed rows."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    since: Annotated[
        date,
        Field(
            alias="from",
            description="The day of the row at the beginning.",
            examples=["2026-11-23"],
        ),
    ]
    to: Annotated[
        date, Field(description="The day of the row at the end.", examples=["2026-11-30"])
    ]
    gained: Annotated[
        int | None,
        Field(
            description="Stars given and still held at the first reading, at least `net`; null"
            " without a row at either end, and where GitHub's history was not read.",
            examples=[7],
        ),
    ]
    lost: Annotated[
        int | None,
        Field(
            description="`gained` - `net`. This is a lower bound: a star given and taken back"
            " between two readings is not seen.",
            examples=[2],
        ),
    ]
    net: Annotated[
        int | None,
        Field(description="The observed change; null without a row at either end.", examples=[5]),
    ]
    late: Annotated[
        bool | None,
        Field(
            description="Whether GitHub's history of a day in between was first read more than two"
            " days after its end. Stars taken back until then are neither gained nor lost.",
            examples=[False],
        ),
    ]

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, as JSON has them."""
        return [field.alias or name for name, field in cls.model_fields.items()]


class RepositoryFlow(BaseModel):
    """The stars that a repository gained and lost, ordered by date."""

    repository: NamedRepository
    flow: list[FlowRow]
