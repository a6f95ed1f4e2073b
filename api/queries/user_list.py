"""The tracked users as a searchable list."""

import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select, tuple_

from common import tables

_users = tables.users.c

_LOGIN_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A tracked user in the list."""

    id: int
    login: str
    name: str
    repositories: int | None
    """GitHub's count at the last scan that ended."""
    missing_since: date | None
    """The first day of those in a row on which GitHub showed no such account."""


def search(
    connection: Connection, part: str, *, limit: int, after: tuple[str, int] | None = None
) -> list[Listed]:
    """Return the tracked users whose login contains a text, in any case, ordered by login.

    :param after: login and id of the last user on the previous page
    """
    if part and not _LOGIN_PART.fullmatch(part):
        # No login contains such a character.
        return []
    login, user_id = after or ("", 0)
    rows = connection.execute(
        select(
            _users.id,
            _users.login,
            _users.name,
            _users.repositories,
            _users.missing_since,
        )
        .where(
            tuple_(func.lower(_users.login), _users.id) > tuple_(func.lower(login), user_id),
            func.strpos(func.lower(_users.login), func.lower(part)) > 0,
        )
        .order_by(func.lower(_users.login), _users.id)
        .limit(limit)
    )
    return [Listed(*row) for row in rows]


def get_missing_since(connection: Connection, user_id: int) -> date | None:
    """Return the first day of those in a row on which GitHub showed no such account, or None."""
    return connection.execute(select(_users.missing_since).where(_users.id == user_id)).scalar()
