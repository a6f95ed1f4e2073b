"""What is known of an account before it is observed, and what was observed."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.repositories import Counts, KnownRepository, SeenRepository

_MAX_COUNT = 2**31 - 1
_MAX_ID = 2**63 - 1
_MAX_NAME = 255
_MAX_DESCRIPTION = 1000
"""GitHub allows 350 characters; older descriptions may be longer."""
_ETAG = re.compile(r'(W/)?"[!#-~]{1,255}"')
_WORD = re.compile(r"[!-~]{1,255}")
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,39}(?:\[bot\])?")
"""New logins begin with a letter or a digit; older ones may not."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user or an organisation as GitHub shows it; ``name`` falls back to the login."""

    id: int
    login: str
    name: str
    node_id: str
    repositories: int | None = None
    """Public repositories that GitHub counts; None if it did not say."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account to observe, and what is known of it.

    :param expected: how many repositories GitHub listed today; None if today's list is not complete
    :param is_load: a person may be waiting for this
    """

    user_id: int
    login: str
    node_id: str | None
    known: Sequence[KnownRepository] = ()
    expected: int | None = None
    is_load: bool = False


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a list is not whole, or a repository has no counts.

    :param can_pass: whether a later attempt may succeed; False if GitHub refused for good, see
        ``worker.github.meaning``
    """

    reason: str
    can_pass: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """What GitHub showed of one account.

    :param account: None if it was not read again
    :param seen: every repository that was shown; those without counts were listed only
    :param expected: how many repositories there are; None if the list is not complete
    :param gone: known repositories that a direct look did not find with this owner
    :param shortfalls: why the list is not whole, or some repositories have no counts
    :param wait: seconds after which the rest can be read; None if nothing is left
    """

    account: Account | None = None
    seen: tuple[SeenRepository, ...] = ()
    expected: int | None = None
    gone: tuple[int, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    wait: float | None = None


def clean_text(text: str) -> str:
    """Return a text in one line, without control characters and lone surrogates."""
    printable = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in text
        if unicodedata.category(character) != "Cs"
    )
    return " ".join(printable.split())


def clean_name(value: Any, login: str) -> str:
    """Return a name that can be stored: no control characters, of bounded length, never empty."""
    if not isinstance(value, str):
        return login
    return clean_text(value)[:_MAX_NAME].strip() or login


def read_line(value: Any) -> str | None:
    """Return a text in one line of bounded length; None if it is empty or not a text."""
    if not isinstance(value, str):
        return None
    return clean_text(value[: 4 * _MAX_DESCRIPTION])[:_MAX_DESCRIPTION].strip() or None


def read_login(value: Any) -> str | None:
    """Return a login, or None if it is not valid: it becomes part of a URL."""
    return value if isinstance(value, str) and _LOGIN.fullmatch(value) else None


def read_word(value: Any) -> str | None:
    """Return a node id, cursor or token, or None if it is not valid."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def read_id(value: Any) -> int | None:
    """Return a numeric id of GitHub's, or None if it is not valid."""
    return value if type(value) is int and 0 < value <= _MAX_ID else None


def read_total(value: Any) -> int | None:
    """Return a count, or None if it is not valid."""
    return value if type(value) is int and 0 <= value <= _MAX_COUNT else None


def read_counts(stargazers: Any, forks: Any, watchers: Any) -> Counts | None:
    """Return counts, or None if one of them is not valid."""
    if any(read_total(count) is None for count in (stargazers, forks, watchers)):
        return None
    return Counts(stargazers, forks, watchers)


def read_etag(value: str) -> str | None:
    """Return an entity tag, or None if it is not valid: it becomes part of a header."""
    return value if _ETAG.fullmatch(value) else None


def read_next_page(link: str) -> str | None:
    """Return the address with ``rel="next"`` of a Link header."""
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip().removeprefix("<").removesuffix(">")
    return None
