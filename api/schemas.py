"""What goes over the wire, in and out: the contract that clients rely on."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Literal, Self

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

from common import lookups, scans, users
from common.states import LookupState, ScanState

MAX_ID = 2**63 - 1
"""The largest id that the tables can hold."""

_LOGIN_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,38}"

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
    ),
]
Day = Annotated[date, BeforeValidator(_check_day)]


class UserToFollow(BaseModel):
    """An account to follow: id, login and name, or the login alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

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


class DailyRow(BaseModel):
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


class Scan(BaseModel):
    """What became of one user's day."""

    model_config = ConfigDict(from_attributes=True)

    day: date
    state: ScanState
    reason: Annotated[str | None, Field(description="Why the day is not whole, or not yet.")]
    expected: Annotated[
        int | None, Field(description="Repositories that GitHub said there are, once asked.")
    ]
    recorded: Annotated[int, Field(description="Repositories that have a row for this day.")]
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, scan: scans.ScanRecord) -> Self:
        """Show the record of a day."""
        return cls.model_validate(scan)


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
