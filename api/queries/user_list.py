"""The tracked users as a searchable list."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, tuple_

from common import tables
from common.states import UserState

_users = tables.users.c

_LOGIN_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A tracked user in the list."""

    id: int
    login: str
    name: str
    state: UserState
    repositories: int | None
    """GitHub's count at the last scan that ended."""


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
            _users.state,
            _users.repositories,
        )
        .where(
            tuple_(func.lower(_users.login), _users.id) > tuple_(func.lower(login), user_id),
            func.strpos(func.lower(_users.login), func.lower(part)) > 0,
        )
        .order_by(func.lower(_users.login), _users.id)
        .limit(limit)
    )
    return [
        Listed(row.id, row.login, row.name, UserState(row.state), row.repositories) for row in rows
    ]
