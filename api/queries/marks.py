"""What is marked on the time axis of a repository: its notes and its releases."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, text


class MarkKind(StrEnum):
    """What a mark is."""

    NOTE = "note"
    RELEASE = "release"
    PRERELEASE = "prerelease"


@dataclass(frozen=True, slots=True)
class Mark:
    """A note or a release. Its texts are unchanged; code that shows them must escape them.

    :param text: of a note; of a release its tag, and its title if that says something else
    :param tag: of a release; None for a note
    """

    day: date
    kind: MarkKind
    text: str
    tag: str | None = None


def of_repository(
    connection: Connection, repo_id: int, first: date, last: date, *, limit: int
) -> list[Mark]:
    """Return the newest marks between two UTC days, both included, the newest first."""
    rows = connection.execute(
        text(
            """
            SELECT date AS day, 'note' AS kind, text, NULL AS tag, 0 AS id
            FROM notes WHERE repo_id = :id AND date BETWEEN :first AND :last
            UNION ALL
            SELECT CAST(published_at AT TIME ZONE 'UTC' AS date),
                   CASE WHEN is_prerelease THEN 'prerelease' ELSE 'release' END,
                   CASE WHEN coalesce(title, '') IN ('', tag, ltrim(tag, 'v')) THEN tag
                        ELSE tag || ': ' || title END, tag, id
            FROM releases
            WHERE repo_id = :id
              AND CAST(published_at AT TIME ZONE 'UTC' AS date) BETWEEN :first AND :last
            ORDER BY day DESC, kind, id DESC
            LIMIT :limit
            """
        ),
        {"id": repo_id, "first": first, "last": last, "limit": limit},
    )
    return [Mark(row.day, MarkKind(row.kind), row.text, row.tag) for row in rows]
