"""Reads and writes of the repositories of tracked users."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, case, func, select, text, update

from common import tables
from common.db import ROWS_PER_STATEMENT, array_literal
from common.states import RepositoryState

_daily_stats = tables.daily_stats.c
_repositories = tables.repositories.c


@dataclass(frozen=True, slots=True)
class Counts:
    """What GitHub showed of one repository at one moment."""

    stargazers: int
    forks: int
    watchers: int


@dataclass(frozen=True, slots=True)
class SeenRepository:
    """A public repository as GitHub showed it; ``counts`` is None if GitHub showed none."""

    id: int
    name: str
    node_id: str | None
    is_fork: bool
    is_archived: bool
    counts: Counts | None
    description: str | None = None
    language: str | None = None
    """The main language, as GitHub estimates it."""


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository that an earlier scan found with this owner."""

    id: int
    name: str
    node_id: str | None
    is_listed_today: bool
    is_recorded_today: bool


def list_known(connection: Connection, user_id: int, day: date) -> list[KnownRepository]:
    """Return the repositories expected with this owner, by id, and whether a day has their row."""
    row_of_day = and_(
        _daily_stats.repo_id == _repositories.id,
        _daily_stats.date == day,
        _daily_stats.user_id == user_id,
    )
    rows = connection.execute(
        select(
            _repositories.id,
            _repositories.name,
            _repositories.node_id,
            _repositories.listed_on == day,
            _daily_stats.repo_id.is_not(None),
        )
        .outerjoin(tables.daily_stats, row_of_day)
        .where(_repositories.user_id == user_id, _repositories.state != RepositoryState.GONE)
        .order_by(_repositories.id)
    )
    return [KnownRepository(*row) for row in rows]


_LOCK = text("""
    SELECT user_id FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
    ORDER BY id FOR NO KEY UPDATE
""")
"""Lock repositories in the order of their ids, so that two transactions cannot deadlock."""


def lock(connection: Connection, ids: Iterable[int]) -> frozenset[int]:
    """Lock repositories against other writers until the transaction ends.

    A transaction that writes to repositories or to their rows first locks all of them here. Two
    transactions may share some, because a repository changed its owner.

    :return: the ids of their owners, as stored
    """
    return frozenset(connection.execute(_LOCK, {"ids": array_literal(ids)}).scalars())


_UPSERT = text("""
    INSERT INTO repositories AS r
        (id, user_id, name, node_id, description, language, is_fork, is_archived,
         first_seen_on, listed_on)
    SELECT id, :user_id, name, node_id, description, language, is_fork, is_archived, :day, :day
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:names AS text[]), CAST(:node_ids AS text[]),
        CAST(:descriptions AS text[]), CAST(:languages AS text[]),
        CAST(:forks AS boolean[]), CAST(:archived AS boolean[])
    ) AS seen (id, name, node_id, description, language, is_fork, is_archived)
    ON CONFLICT (id) DO UPDATE
    SET user_id = excluded.user_id, name = excluded.name,
        node_id = coalesce(excluded.node_id, r.node_id),
        description = excluded.description, language = excluded.language,
        is_fork = excluded.is_fork, is_archived = excluded.is_archived,
        state = 'listed',
        listed_on = greatest(
            excluded.listed_on,
            -- A day after today is a wrong clock's.
            CASE WHEN r.listed_on <= (repopulse_now() AT TIME ZONE 'UTC')::date THEN r.listed_on END
        ),
        first_seen_on = least(r.first_seen_on, excluded.first_seen_on),
        missing_since = NULL, revision = excluded.revision
""")
"""Insert or update an owner's repositories from arrays; each gets a new random revision."""

_INSERT_OWNERSHIPS = text("""
    INSERT INTO ownerships (user_id, repo_id)
    SELECT :user_id, unnest(CAST(:ids AS bigint[]))
    ON CONFLICT DO NOTHING RETURNING repo_id
""")
"""Record a user as an owner of repositories; return the ids of those that are new to the user."""


def save(
    connection: Connection, user_id: int, day: date, seen: Iterable[SeenRepository]
) -> tuple[str, ...]:
    """Store what GitHub showed of an owner's repositories, without the counts.

    Each repository gets a new revision, since its daily rows are written next.

    :return: the names of the repositories that this owner did not have before
    """
    # All transactions write in the order of ids, so that two owners of a repository that moved
    # between them cannot deadlock.
    by_id = sorted({repository.id: repository for repository in seen}.values(), key=lambda r: r.id)
    new: list[str] = []
    for start in range(0, len(by_id), ROWS_PER_STATEMENT):
        batch = by_id[start : start + ROWS_PER_STATEMENT]
        ids = array_literal(repository.id for repository in batch)
        connection.execute(
            _UPSERT,
            {
                "user_id": user_id,
                "day": day,
                "ids": ids,
                "names": [repository.name for repository in batch],
                "node_ids": [repository.node_id for repository in batch],
                "descriptions": [repository.description for repository in batch],
                "languages": [repository.language for repository in batch],
                "forks": [repository.is_fork for repository in batch],
                "archived": [repository.is_archived for repository in batch],
            },
        )
        inserted = connection.execute(_INSERT_OWNERSHIPS, {"user_id": user_id, "ids": ids})
        new_ids = set(inserted.scalars())
        new.extend(repository.name for repository in batch if repository.id in new_ids)
    return tuple(new)


def mark_missing(
    connection: Connection, user_id: int, day: date, ids: Sequence[int], *, confirmed: bool
) -> tuple[str, ...]:
    """Record that GitHub did not list repositories among the owner's on a day.

    A repository is gone if that is confirmed: by a request for the repository itself, or because
    it was missing on an earlier day too. Until then it is missing, and the next scan looks for it.

    :return: the names of the repositories that are gone now
    """
    if not ids:
        return ()
    missing = case(
        (_repositories.missing_since < day, RepositoryState.GONE), else_=RepositoryState.MISSING
    )
    rows = connection.execute(
        update(tables.repositories)
        .where(
            _repositories.id.in_(ids),
            _repositories.user_id == user_id,
            _repositories.state != RepositoryState.GONE,
        )
        .values(
            # Not a day to come, which a wrong clock may have left.
            missing_since=func.least(_repositories.missing_since, day),
            state=RepositoryState.GONE if confirmed else missing,
        )
        .returning(_repositories.name, _repositories.state)
    )
    return tuple(name for name, state in rows if state == RepositoryState.GONE)
