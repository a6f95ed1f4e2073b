"""The followed users as a list that people look through, and how far today's scans are."""

import re
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common import completed_days
from common.completed_days import FanOut
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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far today's scans are; the counts are users.

    :param due: not scanned today yet, those included who wait or fail
    :param waiting: due, and not to be tried before some moment
    :param failing: due, and tried more than once
    :param complete: the newest day on which everybody was scanned; None before the first
    """

    today: date
    followed: int
    vanished: int
    scanned: int
    due: int
    waiting: int
    failing: int
    complete: FanOut | None
    newest: date | None
    """The newest day on which anybody's scan came to an end."""


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


def progress(connection: Connection) -> Progress:
    """Count who was scanned today and who is due."""
    row = connection.execute(
        text(
            """
            SELECT today, count(id) AS followed,
                   count(*) FILTER (WHERE state = 'vanished') AS vanished,
                   count(*) FILTER (WHERE scanned_on >= today) AS scanned,
                   count(*) FILTER (WHERE is_due) AS due,
                   count(*) FILTER (WHERE is_due AND not_before > moment) AS waiting,
                   count(*) FILTER (WHERE is_due AND attempts > 1) AS failing,
                   max(scanned_on) AS newest
            FROM (
                SELECT repopulse_now() AS moment,
                       (repopulse_now() AT TIME ZONE 'UTC')::date AS today
            ) AS clock
            LEFT JOIN LATERAL (
                SELECT id, state, scanned_on, not_before, attempts,
                       scanned_on IS NULL OR scanned_on < today AS is_due
                FROM users
            ) AS users ON true
            GROUP BY today
            """
        )
    ).one()
    return Progress(
        today=row.today,
        followed=row.followed,
        vanished=row.vanished,
        scanned=row.scanned,
        due=row.due,
        waiting=row.waiting,
        failing=row.failing,
        complete=completed_days.newest(connection),
        newest=row.newest,
    )
