"""Histories that people bring in files: stored durably, and claimed by the sweep like lookups.

The bytes of a file wait in ``import_chunks`` until a worker has read them into ``import_rows``.
What it found is the report. Applying moves the rows to ``imported_stats``; undoing removes them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from common import claims, clock, tables
from common.db import array_literal
from common.states import ImportState

MAX_UNFINISHED = 5
"""Imports that are neither applied nor refused: their files and rows take space."""

MAX_NAME_LENGTH = 50

NAME_PATTERN = rf"[A-Za-z0-9][A-Za-z0-9._\-]{{0,{MAX_NAME_LENGTH - 1}}}"
"""The hyphen is escaped for browsers, which read it with JavaScript's flag v."""

_imports = tables.imports.c

_WORKING = (ImportState.READING, ImportState.APPLYING, ImportState.UNDOING)
"""The states in which a worker has something to do."""

_FINISHED = (ImportState.APPLIED, ImportState.REFUSED)


class ImportFormat(StrEnum):
    """What wrote the file."""

    CSV = "csv"
    """``repo,date,stargazers,forks,watchers``, written by hand or by a program of one's own."""
    REPOPULSE = "repopulse"
    """The export of another installation, see ``common.export_reader``."""
    GITHUB_REPO_STATS = "github-repo-stats"
    GHSTATS = "ghstats"
    STAR_HISTORY = "star-history"
    DAILY_STARS_EXPLORER = "daily-stars-explorer"

    @property
    def needs_repository(self) -> bool:
        """Whether the file is of one repository and does not say which."""
        return self in (ImportFormat.GITHUB_REPO_STATS, ImportFormat.DAILY_STARS_EXPLORER)


def is_name(name: str) -> bool:
    """Return whether an import may have a name."""
    return re.fullmatch(NAME_PATTERN, name) is not None


@dataclass(frozen=True, slots=True)
class Import:
    """One import; ``report`` is None until a worker has read the file."""

    id: int
    name: str
    format: ImportFormat
    repository: str | None
    state: ImportState
    reason: str | None
    report: dict[str, Any] | None
    created_at: datetime
    applied_at: datetime | None
    attempts: int


_COLUMNS = (
    _imports.id,
    _imports.name,
    _imports.format,
    _imports.repository,
    _imports.state,
    _imports.reason,
    _imports.report,
    _imports.created_at,
    _imports.applied_at,
    _imports.attempts,
)


def _import(row: Row[*tuple[Any, ...]]) -> Import:
    return Import(
        row.id,
        row.name,
        ImportFormat(row.format),
        row.repository,
        ImportState(row.state),
        row.reason,
        row.report,
        row.created_at,
        row.applied_at,
        row.attempts,
    )


# Creating


def create(
    connection: Connection,
    *,
    name: str,
    format_: ImportFormat,
    repository: str | None,
    lease: float = 0,
) -> int | None:
    """Create an import, to which the caller adds chunks in the same transaction.

    :param repository: the full name, if the file is of one repository and does not say which
    :param lease: seconds for which the sweep leaves it to the caller's own message
    :return: its id, or None if another import has the name
    """
    created: int | None = connection.execute(
        upsert(tables.imports)
        .values(
            name=name,
            format=format_,
            repository=repository,
            lease_until=clock.NOW + func.make_interval(0, 0, 0, 0, 0, 0, lease),
        )
        .on_conflict_do_nothing(index_elements=[_imports.name])
        .returning(_imports.id)
    ).scalar()
    return created


def lock_unfinished(connection: Connection) -> int:
    """Return how many imports are unfinished; others who ask wait for this transaction's end."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('repopulse imports'))"))
    return count_unfinished(connection)


def count_unfinished(connection: Connection) -> int:
    """Return how many imports are neither applied nor refused."""
    count: int = connection.execute(
        select(func.count()).select_from(tables.imports).where(_imports.state.not_in(_FINISHED))
    ).scalar_one()
    return count


# Reading


def get(connection: Connection, import_id: int) -> Import | None:
    """Return one import, or None."""
    row = connection.execute(select(*_COLUMNS).where(_imports.id == import_id)).one_or_none()
    return None if row is None else _import(row)


def has_name(connection: Connection, name: str) -> bool:
    """Return whether an import has a name."""
    found = connection.execute(select(_imports.id).where(_imports.name == name)).scalar()
    return found is not None


def list_all(connection: Connection) -> list[Import]:
    """Return all imports, newest first."""
    return [
        _import(row) for row in connection.execute(select(*_COLUMNS).order_by(_imports.id.desc()))
    ]


# What people ask for


def request_apply(connection: Connection, import_id: int, *, lease: float = 0) -> Import | None:
    """Have a worker apply an import whose report is there; leave it in any other state.

    :param lease: seconds for which the sweep leaves it to the caller's own message
    :return: the import as it is now, or None if there is none
    """
    _change(connection, import_id, ImportState.APPLYING, (ImportState.REPORTED,), lease)
    return get(connection, import_id)


def request_undo(connection: Connection, import_id: int, *, lease: float = 0) -> Import | None:
    """Have a worker remove an import and all that came from it; a task that works on it stops.

    :param lease: seconds for which the sweep leaves it to the caller's own message
    :return: the import as it is now, or None if there is none
    """
    others = tuple(state for state in ImportState if state is not ImportState.UNDOING)
    _change(connection, import_id, ImportState.UNDOING, others, lease)
    return get(connection, import_id)


def _change(
    connection: Connection,
    import_id: int,
    state: ImportState,
    before: Sequence[ImportState],
    lease: float,
) -> None:
    connection.execute(
        update(tables.imports)
        .where(_imports.id == import_id, _imports.state.in_(before))
        .values(
            state=state,
            reason=None,
            attempts=0,
            held_by=None,
            not_before=tables.NEVER,
            lease_until=clock.NOW + func.make_interval(0, 0, 0, 0, 0, 0, lease),
        )
    )


# The queue


_CLAIM = text(f"""
    WITH due AS (
        SELECT id AS due_id FROM imports
        WHERE state IN ('reading', 'applying', 'undoing')
          AND id <> ALL(CAST(:queued AS bigint[]))
          AND {claims.is_free(most="2 hours")}
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE imports
    SET lease_until = repopulse_now() + make_interval(secs => :lease), held_by = NULL
    FROM due WHERE id = due_id
    RETURNING id
""")  # noqa: S608 - a condition of ours


def claim(
    connection: Connection, *, limit: int, lease: float, queued: Iterable[int] = ()
) -> list[int]:
    """Lease the oldest imports on which a worker has to work and none does; return their ids.

    :param lease: seconds after which such an import is due again
    :param queued: imports that wait in the queue, which are passed over
    """
    values = {"limit": limit, "lease": lease, "queued": array_literal(queued)}
    return sorted(connection.execute(_CLAIM, values).scalars())


_BEGIN = text("""
    UPDATE imports
    SET held_by = :holder, attempts = attempts + 1,
        lease_until = repopulse_now() + make_interval(secs => :lease)
    WHERE id = :id AND state IN ('reading', 'applying', 'undoing')
      -- A message that is delivered again has the same id: its first child is dead.
      AND (held_by IS NULL OR held_by = :holder OR lease_until <= repopulse_now())
    RETURNING id
""")


def begin(connection: Connection, import_id: int, *, holder: str, lease: float) -> Import | None:
    """Begin to do what the state of an import says.

    :param holder: the id of the task
    :return: the import; None if there is nothing to do, or another task does it
    """
    values = {"id": import_id, "holder": holder, "lease": lease}
    if connection.execute(_BEGIN, values).one_or_none() is None:
        return None
    return get(connection, import_id)


def renew(connection: Connection, import_id: int, *, holder: str, lease: float) -> None:
    """Renew the lease of an import that a task holds; skip it while a transaction writes it."""
    connection.execute(
        text(
            """
            UPDATE imports SET lease_until = repopulse_now() + make_interval(secs => :lease)
            WHERE id IN (
                SELECT id FROM imports WHERE id = :id AND held_by = :holder
                FOR UPDATE SKIP LOCKED
            )
            """
        ),
        {"id": import_id, "holder": holder, "lease": lease},
    )


def hold(connection: Connection, import_id: int, *, holder: str, state: ImportState) -> bool:
    """Lock an import until the transaction ends.

    :return: whether the task still holds it, in this state
    """
    row = connection.execute(
        text(
            "SELECT 1 FROM imports WHERE id = :id AND held_by = :holder AND state = :state"
            " FOR UPDATE"
        ),
        {"id": import_id, "holder": holder, "state": state},
    ).one_or_none()
    return row is not None


def settle(
    connection: Connection,
    import_id: int,
    state: ImportState,
    *,
    report: dict[str, Any] | None,
    reason: str | None = None,
) -> None:
    """Record how the work on an import ended, and delete the file, which is not needed any more.

    The caller holds the import.
    """
    connection.execute(
        update(tables.imports)
        .where(_imports.id == import_id)
        .values(
            state=state,
            reason=reason,
            report=bindparam("report", report, type_=JSONB(none_as_null=True)),
            attempts=0,
            held_by=None,
            lease_until=tables.NEVER,
            applied_at=clock.NOW if state is ImportState.APPLIED else None,
        )
    )
    connection.execute(
        tables.import_chunks.delete().where(tables.import_chunks.c.import_id == import_id)
    )


def release(connection: Connection, import_id: int) -> None:
    """Make an import due at once, because its own message could not be sent."""
    connection.execute(
        update(tables.imports)
        .where(_imports.id == import_id, _imports.held_by.is_(None))
        .values(lease_until=tables.NEVER)
    )


def forget_repositories(connection: Connection, ids: Iterable[int]) -> None:
    """Remove what imports that are not applied would add to repositories that are deleted.

    What is applied goes with the repositories. The caller has locked those; a task that writes rows
    locks its import first, and then repositories against deletion alone, so that the two cannot
    deadlock.
    """
    connection.execute(
        text(
            "SELECT 1 FROM imports WHERE state NOT IN ('applied', 'refused') ORDER BY id FOR UPDATE"
        )
    )
    connection.execute(
        text(
            """
            DELETE FROM import_rows
            WHERE import_id = ANY(ARRAY(SELECT id FROM imports))
              AND repo_id = ANY(CAST(:ids AS bigint[]))
            """
        ),
        {"ids": array_literal(ids)},
    )
