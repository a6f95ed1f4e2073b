"""One tracked user, as the page of the user shows it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from common import tables
from common.states import RepositoryState, UserState

_repositories = tables.repositories.c
_users = tables.users.c


@dataclass(frozen=True, slots=True)
class Listed:
    """A tracked user.

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


def get(connection: Connection, user_id: int) -> Listed | None:
    """Return one user, or None."""
    row = connection.execute(_SELECT.where(_users.id == user_id)).one_or_none()
    if row is None:
        return None
    repositories = row.listed if row.was_scanned or row.listed else None
    return Listed(row.id, row.login, row.name, row.missing_since, repositories)
