"""What is asked of GitHub about one account, and what was seen."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.repositories import Counts, KnownRepository, SeenRepository

_LARGEST_COUNT = 2**31 - 1
_LARGEST_ID = 2**63 - 1
_LONGEST_NAME = 255
_LONGEST_DESCRIPTION = 1000
"""GitHub takes 350 characters; some that it has are older than that."""
_WORD = re.compile(r"[!-~]{1,255}")
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,39}(?:\[bot\])?")
"""What GitHub gives today begins with a letter or a digit; some accounts are older than that."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user or an organisation as GitHub shows it; ``name`` falls back to the login."""

    id: int
    login: str
    name: str
    node_id: str
    repositories: int | None = None
    """Public repositories that GitHub says it has, where it said so."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account to look at, and what is known of it.

    :param expected: how many repositories GitHub listed today; None where today's list is not
        complete
    :param is_load: a person may be waiting for this
    """

    user_id: int
    login: str
    node_id: str | None
    known: Sequence[KnownRepository] = ()
    expected: int | None = None
    is_load: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What GitHub showed of one account.

    :param account: None where it was not asked for again
    :param seen: every repository that was shown; those without counts were listed and not counted
        yet
    :param expected: how many repositories there are; None where the list is not complete
    :param gone: known repositories that a direct look did not find with this owner
    :param shortfalls: why some repositories have no counts, in words
    :param wait: seconds after which the rest can be asked for; None where nothing is left to ask
    """

    account: Account | None = None
    seen: tuple[SeenRepository, ...] = ()
    expected: int | None = None
    gone: tuple[int, ...] = ()
    shortfalls: tuple[str, ...] = ()
    wait: float | None = None


def clean_text(text: str) -> str:
    """Return a text in one line, without control characters and halves of characters."""
    printable = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in text
        if unicodedata.category(character) != "Cs"
    )
    return " ".join(printable.split())


def clean_name(value: Any, login: str) -> str:
    """Return a name fit to be stored: no control characters, not endless, never empty."""
    if not isinstance(value, str):
        return login
    return clean_text(value)[:_LONGEST_NAME].strip() or login


def read_line(value: Any) -> str | None:
    """Return a text of one line, shortened where it is endless; None where there is none."""
    if not isinstance(value, str):
        return None
    return clean_text(value[: 4 * _LONGEST_DESCRIPTION])[:_LONGEST_DESCRIPTION].strip() or None


def read_login(value: Any) -> str | None:
    """Return a login, or None for anything that cannot be one: it becomes part of an address."""
    return value if isinstance(value, str) and _LOGIN.fullmatch(value) else None


def read_word(value: Any) -> str | None:
    """Return a node id or a cursor, or None for anything that cannot be one."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def read_id(value: Any) -> int | None:
    """Return a numeric id of GitHub's, or None for anything that cannot be one."""
    return value if type(value) is int and 0 < value <= _LARGEST_ID else None


def read_total(value: Any) -> int | None:
    """Return how many there are, or None where that cannot be true."""
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else None


def read_counts(stargazers: Any, forks: Any, watchers: Any) -> Counts | None:
    """Return counts, or None where one of them cannot be true."""
    if any(read_total(count) is None for count in (stargazers, forks, watchers)):
        return None
    return Counts(stargazers, forks, watchers)
