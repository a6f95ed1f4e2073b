"""The tracked users as a searchable list."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from common import tables
from common.states import RepositoryState, UserState

_repositories = tables.repositories.c
_users = tables.users.c

_LOGIN_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A tracked user in the list.

    :param missing_since: the first day of those in a row on which GitHub showed no such account
    :param repositories: how many GitHub lists, as far as they are recorded; None before the first
        scan that ended
    """

    id: int
    login: str
    name: str
    missing_since: date | None
    repositories: int | None


_SELECT = select(
    _users.id,
    _users.login,
    _users.name,
    _users.missing_since,
    _users.repositories.is_not(None).label("was_scanned"),
    select(func.count())
    .where(
        _repositories.user_id == _users.id,
        _repositories.state == RepositoryState.LISTED,
        # With the account its repositories are gone.
        _users.state == UserState.ACTIVE,
    )
    .scalar_subquery()
    .label("listed"),
)


def _listed(row: Row[*tuple[Any, ...]]) -> Listed:
    repositories = row.listed if row.was_scanned or row.listed else None
    return Listed(row.id, row.login, row.name, row.missing_since, repositories)


def get(connection: Connection, user_id: int) -> Listed | None:
    """Return one user, or None."""
    row = connection.execute(_SELECT.where(_users.id == user_id)).one_or_none()
    return None if row is None else _listed(row)


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
        _SELECT.where(
            tuple_(func.lower(_users.login), _users.id) > tuple_(func.lower(login), user_id),
            func.strpos(func.lower(_users.login), func.lower(part)) > 0,
        )
        .order_by(func.lower(_users.login), _users.id)
        .limit(limit)
    )
    return [_listed(row) for row in rows]
