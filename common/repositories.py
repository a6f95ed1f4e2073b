"""Reads and writes of the repositories of followed users."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from common.db import array_literal

_BATCH = 5000
"""Rows a statement: above this, arrays grow faster than statements save."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What GitHub showed of one repository at one moment."""

    stargazers: int
    forks: int
    watchers: int


@dataclass(frozen=True, slots=True)
class SeenRepository:
    """A public repository as GitHub showed it; ``counts`` is None where only its name was shown."""

    id: int
    name: str
    node_id: str | None
    is_fork: bool
    is_archived: bool
    counts: Counts | None
    description: str | None = None
    language: str | None = None
    """The language that most of it is written in, by GitHub's reckoning."""


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository that an earlier scan found with this owner."""

    id: int
    name: str
    node_id: str | None
    is_listed_today: bool
    is_recorded_today: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What a scan found to be different, by name."""

    new: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


def list_known(connection: Connection, user_id: int, day: date) -> list[KnownRepository]:
    """Return the repositories expected with this owner, and which have a row for a day."""
    rows = connection.execute(
        text(
            """
            SELECT r.id, r.name, r.node_id, r.listed_on >= :day, d.repo_id IS NOT NULL
            FROM repositories r
            LEFT JOIN daily_stats d
                ON d.repo_id = r.id AND d.date = :day AND d.user_id = :user_id
            WHERE r.user_id = :user_id AND r.state <> 'gone'
            ORDER BY r.id
            """
        ),
        {"user_id": user_id, "day": day},
    )
    return [KnownRepository(*row) for row in rows]


def lock(connection: Connection, ids: Iterable[int]) -> None:
    """Keep other writers of these repositories waiting until the transaction ends.

    Whoever writes to repositories, or to their rows, takes all of them here first: two who share
    some, because these changed hands, then wait for each other in one order.
    """
    connection.execute(
        text(
            "SELECT 1 FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))"
            " ORDER BY id FOR NO KEY UPDATE"
        ),
        {"ids": array_literal(ids)},
    )


def save(
    connection: Connection, user_id: int, day: date, seen: Iterable[SeenRepository]
) -> tuple[str, ...]:
    """Store what GitHub showed of an owner's repositories, counts apart.

    Each has another revision afterwards, for its daily rows that are written next.

    :return: the names of those that this owner did not have before
    """
    # One order for all writers, so that two owners of one moved repository cannot deadlock.
    by_id = sorted({repository.id: repository for repository in seen}.values(), key=lambda r: r.id)
    new: list[str] = []
    for start in range(0, len(by_id), _BATCH):
        batch = by_id[start : start + _BATCH]
        connection.execute(
            text(
                """
                INSERT INTO repositories AS r
                    (id, user_id, name, node_id, description, language, is_fork, is_archived,
                     first_seen_on, listed_on)
                SELECT id, :user_id, name, node_id, description, language, is_fork, is_archived,
                       :day, :day
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
                    state = 'listed', listed_on = greatest(r.listed_on, excluded.listed_on),
                    first_seen_on = least(r.first_seen_on, excluded.first_seen_on),
                    missing_since = NULL, revision = excluded.revision
                """
            ),
            {
                "user_id": user_id,
                "day": day,
                "ids": array_literal(repository.id for repository in batch),
                "names": [repository.name for repository in batch],
                "node_ids": [repository.node_id for repository in batch],
                "descriptions": [repository.description for repository in batch],
                "languages": [repository.language for repository in batch],
                "forks": [repository.is_fork for repository in batch],
                "archived": [repository.is_archived for repository in batch],
            },
        )
        added = connection.execute(
            text(
                """
                INSERT INTO ownerships (user_id, repo_id)
                SELECT :user_id, unnest(CAST(:ids AS bigint[]))
                ON CONFLICT DO NOTHING RETURNING repo_id
                """
            ),
            {"user_id": user_id, "ids": array_literal(repository.id for repository in batch)},
        ).scalars()
        owned = set(added)
        new.extend(repository.name for repository in batch if repository.id in owned)
    return tuple(new)


def mark_missing(
    connection: Connection, user_id: int, day: date, ids: Sequence[int], *, confirmed: bool
) -> tuple[str, ...]:
    """Note that repositories were not among the owner's on a day.

    They are gone once that was confirmed: by looking at the repository itself, or by missing it on
    another day too. Until then they are missing, and looked for again.

    :return: the names of those that are gone now
    """
    if not ids:
        return ()
    rows = connection.execute(
        text(
            """
            UPDATE repositories
            SET missing_since = coalesce(missing_since, :day),
                state = CASE WHEN :confirmed OR missing_since < :day THEN 'gone' ELSE 'missing' END
            WHERE id = ANY(:ids) AND user_id = :user_id AND state <> 'gone'
            RETURNING name, state
            """
        ),
        {"user_id": user_id, "day": day, "ids": list(ids), "confirmed": confirmed},
    )
    return tuple(name for name, state in rows if state == "gone")
