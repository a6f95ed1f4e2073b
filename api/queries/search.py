"""Search by words: over logins, names and descriptions of what is followed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from api.queries.names import HAS_LOGIN_ALONE, Account

MAX_WORDS = 8
"""More words are ignored."""


@dataclass(frozen=True, slots=True)
class FoundRepository:
    """A repository that matches.

    :param user_id: the newest owner
    :param login: that owner's login
    :param is_gone: GitHub shows it no more
    """

    id: int
    user_id: int
    login: str
    name: str
    description: str | None
    language: str | None
    is_fork: bool
    is_archived: bool
    is_gone: bool

    @property
    def full_name(self) -> str:
        """The name as GitHub writes it: with the owner's login before it."""
        return f"{self.login}/{self.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """What matches, the best first, cut at a limit each.

    :param users_in_all: how many users match
    :param repositories_in_all: how many repositories match
    """

    users: list[Account]
    users_in_all: int
    repositories: list[FoundRepository]
    repositories_in_all: int


def search(connection: Connection, query: str, *, limit: int) -> Found:
    """Return the users and repositories that contain every word of a query, in any case.

    A user contains it in the login or the name, a repository in its full name or its description.
    First comes what has a name equal to the query, then what has a name that begins with it, then
    the others by name. An empty query finds nothing.

    :param limit: of users, and of repositories
    """
    # No name contains a NUL, and Postgres refuses texts with one.
    words = query.replace("\0", " ").lower().split()[:MAX_WORDS]
    if not words:
        return Found([], 0, [], 0)
    values = {"words": words, "query": " ".join(words), "limit": limit}
    users = connection.execute(_USERS, values).all()
    repositories = connection.execute(_REPOSITORIES, values).all()
    return Found(
        [Account(row.id, row.login, row.name, row.has_login_alone) for row in users],
        _in_all(users),
        [
            FoundRepository(
                row.id,
                row.user_id,
                row.login,
                row.name,
                row.description,
                row.language,
                row.is_fork,
                row.is_archived,
                row.is_gone,
            )
            for row in repositories
        ],
        _in_all(repositories),
    )


def _in_all(rows: Any) -> int:
    return rows[0].in_all if rows else 0


# A function of the text: neither percent signs nor underscores have a meaning, as with LIKE.
_MATCHES = """
    NOT EXISTS (
        SELECT FROM unnest(CAST(:words AS text[])) AS word WHERE strpos({searched}, word) = 0
    )
"""

_RANK = """
    CASE WHEN {best} THEN 0 WHEN starts_with(lower({name}), :query) THEN 1 ELSE 2 END
"""

_USERS = text(
    f"""
    SELECT id, login, name, {HAS_LOGIN_ALONE} AS has_login_alone, count(*) OVER () AS in_all
    FROM users u
    WHERE {_MATCHES.format(searched="lower(login || ' ' || name)")}
    ORDER BY {_RANK.format(best="lower(login) = :query", name="login")}, lower(login), id
    LIMIT :limit
    """  # noqa: S608 - constants
)

_REPOSITORIES = text(
    f"""
    SELECT r.id, r.user_id, u.login, r.name, r.description, r.language, r.is_fork, r.is_archived,
           r.state = 'gone' AS is_gone, count(*) OVER () AS in_all
    FROM repositories r JOIN users u ON u.id = r.user_id
    WHERE {
        _MATCHES.format(
            searched="lower(u.login || '/' || r.name || ' ' || coalesce(r.description, ''))"
        )
    }
    ORDER BY {
        _RANK.format(
            best=":query IN (lower(r.name), lower(u.login || '/' || r.name))", name="r.name"
        )
    }, r.state = 'gone', lower(r.name), r.id
    LIMIT :limit
    """  # noqa: S608 - constants
)
