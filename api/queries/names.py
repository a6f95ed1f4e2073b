"""What is followed, by the names that people know: logins, and names of repositories.

Names are compared without regard to case, as GitHub does. A name that is in use leads to who has it
now. A former name leads to who had it, if only one did: if several had it, a client's request does
not say whose history it means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from api.queries import repository_list
from api.queries.repository_list import Entry
from common import users
from common.db import array_literal
from common.users import TrackedUser


@dataclass(frozen=True, slots=True)
class Account(TrackedUser):
    """A followed account as pages name it and link to it.

    :param has_login_alone: whether no other followed account has its login; two may, if one was
        renamed and not scanned since
    """

    has_login_alone: bool

    @property
    def path(self) -> str:
        """The path of the account's page: by login if that leads to this account."""
        return f"/u/{self.login}" if self.has_login_alone else f"/users/{self.id}"


def accounts(connection: Connection, user_ids: Iterable[int]) -> dict[int, Account]:
    """Return followed accounts by id; those who are not followed are absent."""
    rows = connection.execute(_ACCOUNTS, {"ids": array_literal(user_ids)})
    return {row.id: Account(*row) for row in rows}


def find_user(connection: Connection, login: str) -> TrackedUser | None:
    """Return the user who has a login or, if none has it, the only one who had it; else None."""
    user = users.find_by_login(connection, login)
    if user is not None:
        return user
    former = connection.execute(_WITH_LOGIN, {"login": login}).scalars().all()
    return users.get(connection, former[0]) if len(former) == 1 else None


def find_repository(connection: Connection, owner: str, name: str) -> Entry | None:
    """Return the repository that has a full name, or else the only one that had it; else None.

    The owner is whom ``find_user`` returns, so that nothing of an account is found under a login
    that another one has taken over.
    """
    user = find_user(connection, owner)
    if user is None:
        return None
    values = {"user_id": user.id, "name": name}
    found: Sequence[int] = connection.execute(_WITH_NAME, values).scalars().all()
    if not found:
        found = connection.execute(_WITH_FORMER_NAME, values).scalars().all()
    return repository_list.get(connection, found[0]) if len(found) == 1 else None


HAS_LOGIN_ALONE = """
    NOT EXISTS (SELECT FROM users o WHERE lower(o.login) = lower(u.login) AND o.id <> u.id)
"""
"""Whether no other followed account has the login of ``u``."""

_ACCOUNTS = text(f"""
    SELECT u.id, u.login, u.name, {HAS_LOGIN_ALONE} AS has_login_alone
    FROM users u WHERE u.id = ANY(CAST(:ids AS bigint[]))
""")  # noqa: S608 - a condition of ours

_WITH_LOGIN = text("""
    SELECT user_id FROM names WHERE repo_id IS NULL AND lower(name) = lower(:login)
    UNION
    -- Accounts that GitHub does not show any more, and that no scan has named yet.
    SELECT id FROM users WHERE lower(login) = lower(:login)
""")

_WITH_NAME = text("""
    SELECT id FROM (
        SELECT id,
               -- A day after today is a wrong clock's.
               rank() OVER (
                   ORDER BY least(listed_on, (repopulse_now() AT TIME ZONE 'UTC')::date) DESC
               ) AS place
        FROM repositories
        WHERE user_id = :user_id AND lower(name) = lower(:name) AND state <> 'gone'
    ) AS candidates
    WHERE place = 1
""")
"""A user's repositories with a name; of several those that GitHub listed last.

There may be several until the next scan: one was renamed, and another has taken its name.
"""

_WITH_FORMER_NAME = text("""
    SELECT DISTINCT repo_id FROM names
    WHERE user_id = :user_id AND repo_id IS NOT NULL AND lower(name) = lower(:name)
""")
