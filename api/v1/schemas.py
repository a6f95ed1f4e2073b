"""What goes over the wire, in and out: the contract that clients rely on."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api.queries.scan_days import ScanRecord, UnscannedDay
from common import lookups, users
from common.states import LookupState, ScanState

MAX_ID = 2**63 - 1
"""The largest id that the tables can hold."""

_LOGIN_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,38}"

_NAME_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"

_DAY_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


def _check_login(login: str) -> str:
    # fullmatch: a `$` would let a newline at the end pass, and a login becomes part of an address.
    if not re.fullmatch(_LOGIN_PATTERN, login):
        raise PydanticCustomError(
            "login",
            "a login is 1 to 39 letters, digits, hyphens or underscores,"
            " and begins with a letter or a digit",
        )
    return login


def _check_name(name: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise PydanticCustomError("name", "a name holds no control characters")
    return name


def _check_day(value: object) -> object:
    # Pydantic would also take seconds since 1970, and 20220610 is a number of seconds.
    if isinstance(value, str):
        if not re.fullmatch(_DAY_PATTERN, value):
            raise PydanticCustomError("day", "a date is written like 2022-06-10")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "the calendar has no such day") from None
    return value


def _check_flag(value: object) -> object:
    # Pydantic would also take 1, on, yes, t and y, which the documentation does not speak of.
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("flag", "say true or false")
    return value


Login = Annotated[
    str,
    AfterValidator(_check_login),
    Field(
        description="The GitHub login of a person or an organisation.",
        examples=["allien"],
        json_schema_extra={"pattern": f"^{_LOGIN_PATTERN}$", "minLength": 1, "maxLength": 39},
    ),
]
AccountId = Annotated[
    int, Field(ge=1, le=MAX_ID, description="GitHub's own account id.", examples=[1428904])
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=255),
    AfterValidator(_check_name),
    Field(
        description="The name shown on GitHub; the login where there is none.",
        examples=["Allien Delon"],
        json_schema_extra={"pattern": _NAME_PATTERN},
    ),
]
Day = Annotated[date, BeforeValidator(_check_day)]
Flag = Annotated[bool, BeforeValidator(_check_flag)]


def _tell_what_is_whole(schema: dict[str, Any]) -> None:
    """Put into the documentation what only the model's validator knows."""
    properties = schema["properties"]
    properties["login"] = properties["login"]["anyOf"][0]
    schema["required"] = ["login"]
    schema["anyOf"] = [
        {"required": ["id"], "properties": {"id": {"type": "integer"}}},
        {"properties": {"name": {"type": "null"}}},
    ]


class UserToFollow(BaseModel):
    """An account to follow: id, login and name, or the login alone."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_tell_what_is_whole)

    id: AccountId | None = None
    login: Login | None = None
    name: Name | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.login is None or (self.id is None and self.name is not None):
            raise PydanticCustomError(
                "user_to_follow",
                'send {"id", "login", "name"} with GitHub\'s account id, or {"login"} alone',
            )
        return self


class User(BaseModel):
    """A followed account."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": 1428904, "login": "allien", "name": "Allien Delon"}]}
    )

    id: Annotated[int, Field(description="GitHub's own account id.")]
    login: str
    name: Annotated[str, Field(description="The login where GitHub has no name.")]

    @classmethod
    def of(cls, user: users.TrackedUser) -> Self:
        """Show a followed user."""
        return cls(id=user.id, login=user.login, name=user.name)


class Lookup(BaseModel):
    """What became of a login that was to be resolved."""

    id: int
    login: Annotated[str, Field(description="The login as it was asked for.")]
    state: LookupState
    reason: Annotated[
        str | None, Field(description="Why it failed, or why it is still pending, where known.")
    ]
    user: Annotated[User | None, Field(description="The followed user, once it is done.")]

    @classmethod
    def of(cls, lookup: lookups.Lookup, user: users.TrackedUser | None) -> Self:
        """Show a lookup and the user that it led to."""
        return cls(
            id=lookup.id,
            login=lookup.login,
            state=lookup.state,
            reason=lookup.reason,
            user=None if user is None else User.of(user),
        )


class TableRow(BaseModel):
    """A row of a table; its fields are the columns."""

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns in their order."""
        return list(cls.model_fields)


class DailyRow(TableRow):
    """What GitHub showed of one repository on one UTC day."""

    repo_id: Annotated[int, Field(description="GitHub's own repository id.")]
    date: date
    stargazers: int
    forks: int
    watchers: Annotated[int, Field(description="True watchers: those who get notifications.")]


class Stats(BaseModel):
    """A user's rows, by repository and day."""

    user: User
    stats: list[DailyRow]


class Counts(BaseModel):
    """The counts of one day, or by how much they changed."""

    stargazers: int
    forks: int
    watchers: int


class Changes(BaseModel):
    """How the counts changed over so many days before the newest recorded one."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    day: Annotated[Counts | None, Field(alias="1")]
    week: Annotated[Counts | None, Field(alias="7")]
    month: Annotated[Counts | None, Field(alias="30")]
    year: Annotated[Counts | None, Field(alias="365")]


class Repository(BaseModel):
    """A repository of a followed user."""

    id: Annotated[int, Field(description="GitHub's own repository id.")]
    user_id: Annotated[
        int, Field(description="The user who was asked for, or else the newest owner.")
    ]
    name: str
    full_name: str
    description: str | None
    language: Annotated[str | None, Field(description="The main one, as GitHub sees it.")]
    fork: bool
    archived: bool
    present: Annotated[bool, Field(description="Whether GitHub lists it with the user.")]
    absent_since: Annotated[
        date | None, Field(description="The first day on which it was not; null while it is.")
    ]
    moved_to: Annotated[
        int | None, Field(description="The followed user who has it now, where that is another.")
    ]
    first_day: Annotated[date | None, Field(description="The first recorded day.")]
    last_day: Annotated[date | None, Field(description="The newest recorded day.")]
    latest: Annotated[Counts | None, Field(description="What was recorded on `last_day`.")]
    changes: Annotated[
        Changes,
        Field(
            description="By days: from the day so long before `last_day`; null where that day was"
            " not recorded."
        ),
    ]


class NamedRepository(BaseModel):
    """Which repository it is."""

    id: Annotated[int, Field(description="GitHub's own repository id.")]
    user_id: Annotated[int, Field(description="The newest owner among the followed users.")]
    name: str
    full_name: str


class RepositoryStats(BaseModel):
    """A repository's rows, by day."""

    repository: NamedRepository
    stats: list[DailyRow]


class Mover(TableRow):
    """How one count of a repository differs between two recorded days of a period."""

    model_config = ConfigDict(from_attributes=True)

    repo_id: Annotated[int, Field(description="GitHub's own repository id.")]
    name: str
    first_day: Annotated[date, Field(description="The first recorded day of the period.")]
    last_day: Annotated[date, Field(description="The last one.")]
    first: Annotated[int, Field(description="The count on `first_day`.")]
    last: Annotated[int, Field(description="The count on `last_day`.")]
    difference: int
    percent: Annotated[
        float | None, Field(description="Of `first`, to two digits; null where that is 0.")
    ]


class Scan(TableRow):
    """What became of one user's day."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    state: Annotated[
        ScanState | Literal["none"], Field(description="`none` where nothing was tried.")
    ]
    reason: Annotated[str | None, Field(description="Why the day is not whole, or not yet.")]
    expected: Annotated[
        int | None, Field(description="Repositories that GitHub said there are, once asked.")
    ]
    recorded: Annotated[int, Field(description="Repositories that have a row for this day.")]
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, day: ScanRecord | UnscannedDay) -> Self:
        """Show the record of a day, or that there is none."""
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


class ScanAsked(BaseModel):
    """What becomes of a scan that was asked for."""

    state: Annotated[
        Literal["sent", "at_work"],
        Field(description="`at_work`: one was on its way, and is left to that."),
    ]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be served, and what is missing."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: Annotated[
        dict[str, str], Field(description="For each part `ok`, or in words what is wrong.")
    ]


class Problem(BaseModel):
    """Why a request was not carried out."""

    detail: str


class InputFault(BaseModel):
    """What is wrong with one part of a request."""

    type: str
    loc: list[str | int]
    msg: str
    input: Annotated[object, Field(description="What was sent, where it is short.")] = None


class InputProblem(BaseModel):
    """What is wrong with a request."""

    detail: list[InputFault]
