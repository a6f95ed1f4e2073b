"""The values that clients send, with their rules and examples."""

import re
import unicodedata
from datetime import date
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

MAX_ID = 2**63 - 1
"""The largest id that the tables can hold."""

MAX_PAGE = 10_000
"""Items in one response of a list."""

_LOGIN_PATTERN = "[A-Za-z0-9-][A-Za-z0-9_-]{0,38}"
"""GitHub gives out no new logins with a hyphen at the beginning, but there are old ones."""

_REPOSITORY_PATTERN = "[A-Za-z0-9._-]{1,100}"

_NAME_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"

_DAY_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


def _check_login(login: str) -> str:
    # fullmatch: a `$` would let a newline at the end pass, and a login becomes part of a URL.
    if not re.fullmatch(_LOGIN_PATTERN, login):
        raise PydanticCustomError(
            "login",
            "a login must be 1 to 39 letters, digits, hyphens or underscores,"
            " and not begin with an underscore",
        )
    return login


def check_full_name(full_name: str) -> str:
    """Return the full name of a repository.

    :raise PydanticCustomError: it cannot be one
    """
    if not re.fullmatch(f"{_LOGIN_PATTERN}/{_REPOSITORY_PATTERN}", full_name):
        raise PydanticCustomError(
            "full_name",
            "must be a login and the name of a repository, like onelonelyrepo/safe-queue",
        )
    return full_name


def _check_name(name: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise PydanticCustomError("name", "a name must not contain control characters")
    return name


def _check_day(value: object) -> object:
    # Pydantic would also accept seconds since 1970, and 20220610 is a number of seconds.
    if isinstance(value, str):
        if not re.fullmatch(_DAY_PATTERN, value):
            raise PydanticCustomError("day", "must be a date like 2022-06-10")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "this date does not exist") from None
    return value


def _check_flag(value: object) -> object:
    # Pydantic would also accept 1, on, yes, t and y, which are not documented.
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("flag", "must be true or false")
    return value


Login = Annotated[
    str,
    AfterValidator(_check_login),
    Field(
        description="The GitHub login of a person or an organisation.",
        examples=["glacial-falcon"],
        json_schema_extra={"pattern": f"^{_LOGIN_PATTERN}$", "minLength": 1, "maxLength": 39},
    ),
]
AccountId = Annotated[
    int, Field(ge=1, le=MAX_ID, description="GitHub's numeric account id.", examples=[96794247])
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=255),
    AfterValidator(_check_name),
    Field(
        description="The name shown on GitHub; defaults to the login.",
        examples=["Nimble Nebula"],
        json_schema_extra={"pattern": _NAME_PATTERN},
    ),
]
FullName = Annotated[
    str,
    AfterValidator(check_full_name),
    Field(json_schema_extra={"pattern": f"^{_LOGIN_PATTERN}/{_REPOSITORY_PATTERN}$"}),
]
Day = Annotated[date, BeforeValidator(_check_day)]
Flag = Annotated[bool, BeforeValidator(_check_flag)]

UserId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="GitHub's numeric account id.", examples=[82056671])
]
RepositoryId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="GitHub's numeric repository id.", examples=[831775037])
]
DateFrom = Annotated[
    Day | None,
    Query(
        description="The first day, UTC; by default 29 days before `date_to`.",
        examples=["2026-11-01"],
    ),
]
DateTo = Annotated[
    Day | None,
    Query(description="The last day, UTC; by default today.", examples=["2026-11-28"]),
]
Limit = Annotated[
    int,
    Query(ge=1, le=MAX_PAGE, description="Maximum number of items to return.", examples=[100]),
]
