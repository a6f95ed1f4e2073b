"""The tracked users as a list that people search."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

from common.states import UserState

_LOGIN_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A followed user in the list."""

    id: int
    login: str
    name: str
    state: UserState
    repositories: int | None
    """How many GitHub counted at the last scan that came to an end."""


def search(
    connection: Connection, part: str, *, limit: int, after: tuple[str, int] | None = None
) -> list[Listed]:
    """Return the followed users whose login holds a part, in whatever case, by login.

    :param after: login and id of the last user seen
    """
    if part and not _LOGIN_PART.fullmatch(part):
        # No login holds such a character.
        return []
    login, user_id = after or ("", 0)
    rows = connection.execute(
        text(
            """
            SELECT id, login, name, state, repositories FROM users
            WHERE (lower(login), id) > (lower(:login), :id)
              AND strpos(lower(login), lower(:part)) > 0
            ORDER BY lower(login), id LIMIT :limit
            """
        ),
        {"login": login, "id": user_id, "part": part, "limit": limit},
    )
    return [
        Listed(row.id, row.login, row.name, UserState(row.state), row.repositories) for row in rows
    ]
