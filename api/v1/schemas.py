"""The bodies of requests and responses: the contract that clients rely on.

The examples of the fields make up the examples in ``/docs``. They are accounts and repositories of
the demo, so that a call with them works there.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from api.http.describe import TableRow
from api.queries.metric import Metric
from api.queries.repository_sort import SPANS
from api.queries.scan_days import ScanRecord, UnscannedDay
from api.v1.fields import AccountId, Login, Name
from common import lookups, users
from common.states import LookupState, ScanState

_UserId = Annotated[int, Field(description="GitHub's numeric account id.", examples=[82056671])]
_RepositoryId = Annotated[
    int, Field(description="GitHub's numeric repository id.", examples=[831775037])
]
_RepositoryName = Annotated[str, Field(examples=["safe-queue"])]
_FullName = Annotated[
    str,
    Field(description="The owner's login and the name.", examples=["onelonelyrepo/safe-queue"]),
]


# Users


class LoginToFollow(BaseModel):
    """A login alone, for which GitHub supplies id and name."""

    model_config = ConfigDict(extra="forbid")

    login: Login
    id: None = None
    name: None = None


class AccountToFollow(BaseModel):
    """An account by GitHub's id."""

    model_config = ConfigDict(extra="forbid")

    id: AccountId
    login: Login
    name: Name | None = None


class UserToFollow(BaseModel):
    """The account to follow: id, login and name, or the login alone.

    It is read as one model, whose errors say what to send, and described as two: generators of
    clients make a class of each, while they drop properties beside an ``anyOf``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    id: AccountId | None = None
    login: Login | None = None
    name: Name | None = None

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = TypeAdapter(LoginToFollow | AccountToFollow).core_schema
        return {
            **handler(described),
            "title": cls.__name__,
            "description": "The account to follow: id, login and name, or the login alone.",
        }

    @model_validator(mode="after")
    def _check_completeness(self) -> Self:
        if self.login is None or (self.id is None and self.name is not None):
            raise PydanticCustomError(
                "user_to_follow",
                'send {"id", "login", "name"} with GitHub\'s account id, or {"login"} alone',
            )
        return self


class User(BaseModel):
    """A followed GitHub account."""

    id: _UserId
    login: Annotated[str, Field(examples=["onelonelyrepo"])]
    name: Annotated[
        str,
        Field(
            description="The name shown on GitHub, or the login if there is none.",
            examples=["One Lonely Repo"],
        ),
    ]

    @classmethod
    def of(cls, user: users.TrackedUser) -> Self:
        """Return the body for a tracked user."""
        return cls(id=user.id, login=user.login, name=user.name)


class Lookup(BaseModel):
    """The state of a login that a worker resolves."""

    id: Annotated[int, Field(examples=[17])]
    login: Annotated[
        str, Field(description="The login as it was requested.", examples=["onelonelyrepo"])
    ]
    state: Annotated[LookupState, Field(examples=["done"])]
    reason: Annotated[
        str | None,
        Field(
            description="Why it failed, why it is still pending, or that the login changed hands.",
            examples=[None],
        ),
    ]
    user: Annotated[User | None, Field(description="The followed user, once it is done.")]

    @classmethod
    def of(cls, lookup: lookups.Lookup, user: users.TrackedUser | None) -> Self:
        """Return the body for a lookup and the user it found."""
        return cls(
            id=lookup.id,
            login=lookup.login,
            state=lookup.state,
            reason=lookup.reason,
            user=None if user is None else User.of(user),
        )


class PendingLookup(Lookup):
    """A login that is not resolved yet."""

    login: Annotated[
        str, Field(description="The login as it was requested.", examples=["glacial-falcon"])
    ]
    state: Annotated[LookupState, Field(examples=["pending"])]
    user: Annotated[User | None, Field(examples=[None])]


# Daily rows


class DailyRow(TableRow):
    """The counts of one repository on one UTC day."""

    repo_id: _RepositoryId
    date: Annotated[date, Field(examples=["2026-11-28"])]
    stargazers: Annotated[int, Field(examples=[82])]
    forks: Annotated[int, Field(examples=[8])]
    watchers: Annotated[
        int,
        Field(description="Real watchers: accounts that receive notifications.", examples=[3]),
    ]


class Stats(BaseModel):
    """A user's daily rows, ordered by repository id and date."""

    user: User
    stats: list[DailyRow]


class NamedRepository(BaseModel):
    """The identity of a repository."""

    id: _RepositoryId
    user_id: Annotated[
        int, Field(description="The newest owner among the followed users.", examples=[82056671])
    ]
    name: _RepositoryName
    full_name: _FullName


class RepositoryStats(BaseModel):
    """A repository's daily rows, ordered by date."""

    repository: NamedRepository
    stats: list[DailyRow]


class Mover(TableRow):
    """The change of one count of a repository between two recorded days of a period."""

    model_config = ConfigDict(from_attributes=True)

    repo_id: _RepositoryId
    name: _RepositoryName
    first_day: Annotated[
        date, Field(description="The first recorded day of the period.", examples=["2026-10-30"])
    ]
    last_day: Annotated[
        date, Field(description="The last recorded day of the period.", examples=["2026-11-28"])
    ]
    first: Annotated[int, Field(description="The count on `first_day`.", examples=[80])]
    last: Annotated[int, Field(description="The count on `last_day`.", examples=[82])]
    difference: Annotated[int, Field(examples=[2])]
    percent: Annotated[
        float | None,
        Field(
            description="The difference in percent of `first`, to two digits; null if that is 0.",
            examples=[2.5],
        ),
    ]


class NamedMover(Mover):
    """The change of one count of a repository of any user."""

    full_name: _FullName


# Repositories


class Counts(BaseModel):
    """The counts of one day, or their change."""

    stargazers: Annotated[int, Field(examples=[82])]
    forks: Annotated[int, Field(examples=[8])]
    watchers: Annotated[int, Field(examples=[3])]


class Totals(BaseModel):
    """The totals of a user's repositories on one day."""

    date: Annotated[
        date | None,
        Field(
            description="The newest day on which every repository was recorded.",
            examples=["2026-11-28"],
        ),
    ]
    all: Counts | None
    without_forks: Counts | None
    only_forks: Annotated[
        Counts | None, Field(examples=[{"stargazers": 0, "forks": 0, "watchers": 0}])
    ]


class Changes(BaseModel):
    """The changes of the counts, by number of days before the newest recorded day."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    day: Annotated[
        Counts | None,
        Field(alias="1", examples=[{"stargazers": 0, "forks": 0, "watchers": 2}]),
    ]
    week: Annotated[
        Counts | None,
        Field(alias="7", examples=[{"stargazers": -1, "forks": 0, "watchers": 0}]),
    ]
    month: Annotated[
        Counts | None,
        Field(alias="30", examples=[{"stargazers": 2, "forks": 0, "watchers": 1}]),
    ]
    year: Annotated[Counts | None, Field(alias="365", examples=[None])]


class Repository(TableRow):
    """A repository of a followed user."""

    id: _RepositoryId
    user_id: Annotated[
        int,
        Field(
            description="The user whose list this is, or else the newest owner.",
            examples=[82056671],
        ),
    ]
    name: _RepositoryName
    full_name: _FullName
    description: Annotated[str | None, Field(examples=["A queue that is safe to kill"])]
    language: Annotated[
        str | None, Field(description="The main language according to GitHub.", examples=["Go"])
    ]
    fork: Annotated[bool, Field(examples=[False])]
    archived: Annotated[bool, Field(examples=[False])]
    present: Annotated[
        bool, Field(description="Whether GitHub lists it for this user.", examples=[True])
    ]
    absent_since: Annotated[
        date | None,
        Field(description="The first day on which it was not listed, or null.", examples=[None]),
    ]
    moved_to: Annotated[
        int | None,
        Field(
            description="The followed user who owns it now, if that is another user.",
            examples=[None],
        ),
    ]
    first_day: Annotated[
        date | None, Field(description="The first recorded day.", examples=["2026-09-29"])
    ]
    last_day: Annotated[
        date | None, Field(description="The newest recorded day.", examples=["2026-11-28"])
    ]
    latest: Annotated[Counts | None, Field(description="The counts on `last_day`.")]
    changes: Annotated[
        Changes,
        Field(
            description="Change since N days before `last_day`; null if that day was not recorded."
        ),
    ]

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, with one for each count and each change."""
        plain = [name for name in cls.model_fields if name not in _NESTED]
        return [*plain, *Metric, *(f"{metric}_{days}d" for days in SPANS for metric in Metric)]

    @classmethod
    def flat(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a repository of JSON with one value for each column."""
        flat = {name: value for name, value in row.items() if name not in _NESTED}
        latest = row["latest"] or {}
        flat |= {metric.value: latest.get(metric) for metric in Metric}
        for days, change in row["changes"].items():
            flat |= {f"{metric}_{days}d": (change or {}).get(metric) for metric in Metric}
        return flat


_NESTED = ("latest", "changes")


# Scans


class Scan(TableRow):
    """The scan of one user on one UTC day."""

    model_config = ConfigDict(from_attributes=True)

    day: Annotated[date, Field(examples=["2026-11-28"])]
    state: Annotated[
        ScanState | Literal["none"],
        Field(description="`none` if no scan was tried.", examples=["incomplete"]),
    ]
    reason: Annotated[
        str | None,
        Field(
            description="Why repositories are missing, or why the scan is not done yet.",
            examples=["2 repositories did not answer"],
        ),
    ]
    expected: Annotated[
        int | None,
        Field(description="Number of repositories according to GitHub.", examples=[257]),
    ]
    recorded: Annotated[
        int, Field(description="Number of repositories with a row for this day.", examples=[255])
    ]
    attempts: Annotated[int, Field(examples=[2])]
    started_at: Annotated[datetime | None, Field(examples=["2026-11-28T00:05:02Z"])]
    finished_at: Annotated[datetime | None, Field(examples=["2026-11-28T00:05:09Z"])]
    next_attempt_at: Annotated[datetime | None, Field(examples=[None])]

    @classmethod
    def of(cls, day: ScanRecord | UnscannedDay) -> Self:
        """Return the body for a day, with or without a scan."""
        if isinstance(day, ScanRecord):
            return cls.model_validate(day)
        return cls(
            day=day.day,
            state="none",
            reason=day.reason,
            expected=None,
            recorded=0,
            attempts=0,
            started_at=None,
            finished_at=None,
            next_attempt_at=None,
        )


class ScanRequested(BaseModel):
    """The answer to a request for a scan."""

    state: Annotated[
        Literal["sent", "at_work"],
        Field(description="`at_work` if a scan was already under way.", examples=["sent"]),
    ]
