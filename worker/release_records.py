"""The stored releases, and of which repositories they are read today."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from common.db import array_literal
from common.readings import LISTED_TODAY
from worker.github.releases import ReleaseList

_MOST_ATTEMPTS = 3
"""Failed ones on a day, after which a repository waits for the next."""

_TODAY = "(repopulse_now() AT TIME ZONE 'UTC')::date"


@dataclass(frozen=True, slots=True)
class DueRepository:
    """A repository whose releases were not read today."""

    repo_id: int
    node_id: str


def next_due(connection: Connection, *, after: int, limit: int) -> list[DueRepository]:
    """Return repositories that were scanned today and whose releases were not read, by id.

    :param after: return repositories with a greater id
    """
    rows = connection.execute(
        text(f"""
            SELECT r.id, r.node_id FROM repositories r
            LEFT JOIN release_readings d ON d.repo_id = r.id
            WHERE r.id > :after AND {LISTED_TODAY} AND r.node_id IS NOT NULL
              AND (d.read_on IS NULL OR d.read_on < {_TODAY})
            ORDER BY r.id LIMIT :limit
        """),  # noqa: S608 - conditions of ours
        {"after": after, "limit": limit},
    )
    return [DueRepository(*row) for row in rows]


def store(
    connection: Connection, due: list[DueRepository], found: Mapping[str, ReleaseList]
) -> None:
    """Store what GitHub showed of some repositories, and that they were read today.

    Where GitHub showed all releases, others are deleted. Repositories of which it showed nothing
    keep what they have.

    :param found: by node id
    """
    known = _mark_read(connection, [each.repo_id for each in due])
    shown = [
        (each.repo_id, found[each.node_id])
        for each in due
        if each.repo_id in known and each.node_id in found
    ]
    releases = sorted(
        ((repo_id, release) for repo_id, listed in shown for release in listed.releases),
        key=lambda pair: (pair[0], pair[1].id),
    )
    connection.execute(
        text("""
            DELETE FROM releases
            WHERE repo_id = ANY(CAST(:whole AS bigint[]))
              AND (repo_id, id) NOT IN (
                  SELECT * FROM unnest(CAST(:repo_ids AS bigint[]), CAST(:ids AS bigint[]))
              )
        """),
        {
            "whole": array_literal(repo_id for repo_id, listed in shown if listed.is_whole),
            "repo_ids": array_literal(repo_id for repo_id, _ in releases),
            "ids": array_literal(release.id for _, release in releases),
        },
    )
    if not releases:
        return
    connection.execute(
        text("""
            INSERT INTO releases AS old (repo_id, id, tag, title, published_at, is_prerelease)
            VALUES (:repo_id, :id, :tag, :title, :published_at, :is_prerelease)
            ON CONFLICT (repo_id, id) DO UPDATE
            SET tag = excluded.tag, title = excluded.title,
                published_at = excluded.published_at, is_prerelease = excluded.is_prerelease
            WHERE (old.tag, old.title, old.published_at, old.is_prerelease) IS DISTINCT FROM
                  (excluded.tag, excluded.title, excluded.published_at, excluded.is_prerelease)
        """),
        [
            {
                "repo_id": repo_id,
                "id": release.id,
                "tag": release.tag,
                "title": release.title,
                "published_at": release.published_at,
                "is_prerelease": release.is_prerelease,
            }
            for repo_id, release in releases
        ],
    )


def _mark_read(connection: Connection, repo_ids: list[int]) -> set[int]:
    """Mark repositories as read today; return those that are there still."""
    rows = connection.execute(
        text(f"""
            INSERT INTO release_readings (repo_id, read_on)
            SELECT id, {_TODAY} FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
            -- One that is being deleted would break the foreign key.
            ORDER BY id FOR KEY SHARE SKIP LOCKED
            ON CONFLICT (repo_id) DO UPDATE SET read_on = excluded.read_on, attempts = 0
            RETURNING repo_id
        """),  # noqa: S608 - an expression of ours
        {"ids": array_literal(repo_ids)},
    )
    return set(rows.scalars())


def count_attempt(connection: Connection, due: list[DueRepository]) -> None:
    """Count a request for some repositories that failed; after three they wait for the next day."""
    connection.execute(
        text(f"""
            INSERT INTO release_readings AS old (repo_id, attempts)
            SELECT id, 1 FROM repositories WHERE id = ANY(CAST(:ids AS bigint[]))
            ORDER BY id FOR KEY SHARE SKIP LOCKED
            ON CONFLICT (repo_id) DO UPDATE SET
                attempts = CASE WHEN old.attempts + 1 < :most THEN old.attempts + 1 ELSE 0 END,
                read_on = CASE WHEN old.attempts + 1 < :most THEN old.read_on ELSE {_TODAY} END
        """),  # noqa: S608 - an expression of ours
        {"ids": array_literal(each.repo_id for each in due), "most": _MOST_ATTEMPTS},
    )
