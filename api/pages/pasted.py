"""Whom a visitor wants to follow: logins, and addresses of accounts and repositories, as pasted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from api.v1.fields import Login
from common.github_server import GITHUB_COM, GitHubServer

MAX_PASTED = 50
"""Logins that are accepted at once."""

_LOGIN: TypeAdapter[str] = TypeAdapter(Login)

_SEPARATOR = re.compile(r"[\r\n,;]+")

_SSH = re.compile(r"(?:ssh://)?git@(?P<host>[^:/]+)[:/](?P<path>.*)")

_SCHEME = re.compile(r"(?:https?|git)://", re.IGNORECASE)

_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::[0-9]+)?/", re.ASCII)
"""What begins an address without its scheme: no login has a full stop."""

_LISTS = frozenset({"orgs", "users"})
"""First parts of paths after which the login comes, as in ``/orgs/python/repositories``."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """One account that is to be followed.

    :param given: as it was pasted
    :param login: the login in it, which may not be one that GitHub has; None if there is none
    :param problem: why there is none
    :param correction: what was probably meant; empty if that is not known
    :param repository: the repository in it, if it names one
    """

    given: str
    login: str | None
    problem: str = ""
    correction: str = ""
    repository: str = ""


def read_each(text: str, github: GitHubServer) -> Iterator[Pasted]:
    """Yield what a text names, in its order: accounts and repositories, on lines of their own."""
    for part in _SEPARATOR.split(text):
        given = _unquote(part.strip())
        if given:
            yield _read(given, github)


def read_pasted(text: str, github: GitHubServer) -> list[Pasted]:
    """Return the accounts that a text names, each login once, in the text's order.

    They stand on lines of their own, or between commas. Of a repository's address or full name it
    is the owner.
    """
    found: dict[str, Pasted] = {}
    for pasted in read_each(text, github):
        found.setdefault((pasted.login or pasted.given).lower(), replace(pasted, repository=""))
    return list(found.values())


def _unquote(given: str) -> str:
    """Return a text without quotation marks, or the brackets around an address."""
    if given.startswith("<") and given.endswith(">") and "://" in given:
        given = given[1:-1]
    return given.strip("\"'`").strip()


def _read(given: str, github: GitHubServer) -> Pasted:
    host, path = _split(given)
    if host is not None and not _is_ours(host, github):
        return Pasted(given, None, f"{host} is not {github.name}, which is recorded here")
    segments = [segment for segment in path.split("/") if segment]
    is_list = host is not None and len(segments) > 1 and segments[0].lower() in _LISTS
    if is_list:
        del segments[0]
    if not segments:
        return Pasted(given, None, "there is no login in it")
    login = segments[0].removeprefix("@") if host is None else segments[0]
    repository = "" if is_list or len(segments) < 2 else segments[1].removesuffix(".git")
    try:
        return Pasted(given, _LOGIN.validate_python(login), repository=repository)
    except ValidationError as error:
        return Pasted(given, None, error.errors()[0]["msg"], _correct(login))


def _split(given: str) -> tuple[str | None, str]:
    """Return the host of an address and its path; without a host for a login or full name."""
    ssh = _SSH.fullmatch(given)
    if ssh is not None:
        return ssh["host"].lower(), ssh["path"]
    if not _SCHEME.match(given):
        if not _HOST.match(f"{given}/"):
            return None, given
        given = f"https://{given}"
    try:
        parts = urlsplit(given)
        return (parts.hostname or "").removeprefix("www."), parts.path
    except ValueError:
        # Such as brackets that belong to no address.
        return None, given


def _is_ours(host: str, github: GitHubServer) -> bool:
    pages = github.pages
    # The simulator has no pages, so an address that is pasted there is one of github.com.
    return host == (GITHUB_COM if pages is None else urlsplit(pages).hostname)


def _correct(login: str) -> str:
    """Return a login without what no login has; empty if nothing is left of it."""
    corrected = re.sub(r"\s+", "-", login.strip())
    return re.sub(r"[^A-Za-z0-9_-]", "", corrected).lstrip("_")[:39]
