"""Writes of the rows of an import: staged, applied, removed; each call is one batch."""

from collections.abc import Mapping
from contextlib import closing
from datetime import date
from io import StringIO
from typing import NamedTuple

from sqlalchemy import Connection, text

BATCH_ROWS = 20_000


class StagedRow(NamedTuple):
    """A row of ``import_rows``; a tuple, because there are millions."""

    stargazers: int | None
    forks: int | None
    watchers: int | None
    line: int
    repeats: int = 0
    conflict_line: int | None = None

    def join(self, other: "StagedRow") -> "StagedRow":
        """Return this row with a later one of the same repository and day."""
        conflict_line = self.conflict_line
        if conflict_line is None and self[:3] != other[:3]:
            conflict_line = other.line
        return self._replace(repeats=self.repeats + other.repeats + 1, conflict_line=conflict_line)


_INCOMING = text("""
    CREATE TEMPORARY TABLE incoming (
        repo_id bigint, date date, stargazers integer, forks integer, watchers integer,
        line integer, repeats integer, conflict_line integer
    ) ON COMMIT DROP
""")

_STAGE = text("""
    INSERT INTO import_rows AS stored (
        import_id, repo_id, date, stargazers, forks, watchers, line, repeats, conflict_line
    )
    SELECT :id, repo_id, date, stargazers, forks, watchers, line, repeats, conflict_line
    FROM incoming ORDER BY repo_id, date
    ON CONFLICT (import_id, repo_id, date) DO UPDATE
    SET repeats = stored.repeats + excluded.repeats + 1,
        conflict_line = coalesce(
            stored.conflict_line,
            CASE WHEN (stored.stargazers, stored.forks, stored.watchers)
                 IS DISTINCT FROM (excluded.stargazers, excluded.forks, excluded.watchers)
                 THEN excluded.line END,
            excluded.conflict_line
        )
    -- The same line: a batch whose commit was not confirmed is written again.
    WHERE stored.line <> excluded.line
""")


def stage(
    connection: Connection, import_id: int, rows: Mapping[tuple[int, date], StagedRow]
) -> None:
    """Stage rows by repository and day; a day that is staged already is joined with the new one."""
    lines = StringIO(
        "".join(
            f"{repo_id}\t{day}\t"
            + "\t".join(r"\N" if value is None else str(value) for value in row)
            + "\n"
            for (repo_id, day), row in rows.items()
        )
    )
    connection.execute(_INCOMING)
    with closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert("COPY incoming FROM STDIN", lines)
    connection.execute(_STAGE, {"id": import_id})


_APPLY = text("""
    WITH moved AS (
        DELETE FROM import_rows WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM import_rows WHERE import_id = :id LIMIT :limit
        ))
        RETURNING repo_id, date, stargazers, forks, watchers, conflict_line
    ), present AS MATERIALIZED (
        -- A repository that is deleted meanwhile is waited for, and then is not there.
        SELECT id FROM repositories WHERE id IN (SELECT repo_id FROM moved)
        ORDER BY id FOR KEY SHARE
    ), added AS (
        INSERT INTO imported_stats (repo_id, date, import_id, stargazers, forks, watchers)
        SELECT moved.repo_id, date, :id, stargazers, forks, watchers
        FROM moved JOIN present ON present.id = moved.repo_id
        WHERE conflict_line IS NULL
        ORDER BY moved.repo_id, date
    )
    SELECT count(*) FROM moved
""")


def apply_batch(connection: Connection, import_id: int) -> int:
    """Move staged rows to ``imported_stats``, except refused days and deleted repositories.

    :return: how many staged rows are gone; 0 at the end
    """
    # Postgres may expect a batch to have a few rows, and would compare each with each.
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    moved: int = connection.execute(_APPLY, {"id": import_id, "limit": BATCH_ROWS}).scalar_one()
    return moved


def count_applied(connection: Connection, import_id: int) -> int:
    """Return how many rows of an import are in ``imported_stats``."""
    count: int = connection.execute(
        text("SELECT count(*) FROM imported_stats WHERE import_id = :id"), {"id": import_id}
    ).scalar_one()
    return count


def remove_staged(connection: Connection, import_id: int) -> int:
    """Remove staged rows; return how many, 0 at the end."""
    return connection.execute(
        text(
            """
            DELETE FROM import_rows WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM import_rows WHERE import_id = :id LIMIT :limit
            ))
            """
        ),
        {"id": import_id, "limit": BATCH_ROWS},
    ).rowcount


def remove_applied(connection: Connection, import_id: int) -> int:
    """Remove rows of an import from ``imported_stats``; return how many, 0 at the end."""
    return connection.execute(
        text(
            """
            DELETE FROM imported_stats WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM imported_stats WHERE import_id = :id LIMIT :limit
            ))
            """
        ),
        {"id": import_id, "limit": BATCH_ROWS},
    ).rowcount


def remove_import(connection: Connection, import_id: int) -> None:
    """Remove an import that has no rows any more, and its file."""
    connection.execute(text("DELETE FROM imports WHERE id = :id"), {"id": import_id})
