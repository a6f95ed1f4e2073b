"""The names that accounts and repositories have and had, as scans saw them.

A client may know a user or a repository by a former name only, see ``api.queries.names``. A name
belongs to a user: a login to the account, a repository's name to the user who owned the repository
at the time.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, text

from common.db import ROWS_PER_STATEMENT, array_literal
from common.repositories import SeenRepository

_CURRENT = text("SELECT repo_id, name FROM names WHERE user_id = :user_id AND last_seen_on IS NULL")


def save(
    connection: Connection,
    user_id: int,
    day: date,
    login: str | None,
    seen: Iterable[SeenRepository],
) -> None:
    """Record under which names GitHub showed an account and its repositories on a day.

    Only names that changed are written. The caller holds the locks on the user and the
    repositories, and saves what was seen of them afterwards: as stored, they say on which day a
    former name was seen last.

    :param login: None if the account was not read again
    """
    shown = {repository.id: repository.name for repository in seen}
    rows = connection.execute(_CURRENT, {"user_id": user_id})
    current = {row.repo_id: row.name for row in rows}
    changed = sorted((key, name) for key, name in shown.items() if current.get(key) != name)
    for start in range(0, len(changed), ROWS_PER_STATEMENT):
        batch = changed[start : start + ROWS_PER_STATEMENT]
        values = {
            "user_id": user_id,
            "day": day,
            "ids": array_literal(key for key, _ in batch),
            "names": [name for _, name in batch],
        }
        connection.execute(_END_REPOSITORY_NAMES, values)
        connection.execute(_ADD_REPOSITORY_NAMES, values)
    if login is not None and current.get(None) != login:
        account = {"user_id": user_id, "day": day, "login": login}
        connection.execute(_END_LOGIN, account)
        connection.execute(_ADD_LOGIN, account)


_END_REPOSITORY_NAMES = text("""
    UPDATE names n
    SET last_seen_on = greatest(
        n.first_seen_on,
        -- A day after that of the scan is a wrong clock's.
        CASE WHEN r.listed_on <= :day THEN r.listed_on END
    )
    FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[])) AS seen (repo_id, name)
    JOIN ownerships o ON o.repo_id = seen.repo_id
    JOIN repositories r ON r.id = o.repo_id
    WHERE n.user_id = o.user_id AND n.repo_id = o.repo_id AND n.last_seen_on IS NULL
      AND (n.user_id <> :user_id OR n.name <> seen.name)
""")
"""End the names that repositories had until now, also those that they had with other owners."""

_ADD_REPOSITORY_NAMES = text("""
    INSERT INTO names (user_id, repo_id, name, first_seen_on)
    SELECT :user_id, repo_id, name, :day
    FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[])) AS seen (repo_id, name)
    ON CONFLICT (user_id, repo_id, name) DO UPDATE SET last_seen_on = NULL
""")

_END_LOGIN = text("""
    UPDATE names n
    SET last_seen_on = greatest(
        n.first_seen_on, CASE WHEN u.scanned_on <= :day THEN u.scanned_on END
    )
    FROM users u
    WHERE n.user_id = :user_id AND u.id = n.user_id AND n.repo_id IS NULL
      AND n.last_seen_on IS NULL AND n.name <> :login
""")

_ADD_LOGIN = text("""
    INSERT INTO names (user_id, name, first_seen_on) VALUES (:user_id, :login, :day)
    ON CONFLICT (user_id, repo_id, name) DO UPDATE SET last_seen_on = NULL
""")
