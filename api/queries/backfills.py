"""How far the reading of star histories has come: of one repository, and of a user's."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from common.plural import count_of_repositories
from common.states import BackfillState


class Stage(StrEnum):
    """How far a reading has come, for those who ask."""

    OFF = "off"
    """Something is to be read, and nothing is: by the settings."""
    WAITING = "waiting"
    """For scans and loads, for earlier ones, or for GitHub."""
    READING = "reading"
    """Some pages are read."""
    DONE = "done"
    NONE = "none"
    """There is no history to read."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RepositoryBackfill:
    """The reading of one repository's star history.

    :param pages_read: pages of the reading in progress
    :param begins_on: the first day of the history, as far as it is read; None before the first page
    :param read_through: the last day of Los Angeles up to which it is read whole; None before that
    :param read_at: when the last reading ended
    :param next_attempt_at: not before then; None if at any time
    :param text: all of that in words, without a full stop
    """

    stage: Stage
    pages_read: int
    begins_on: date | None
    read_through: date | None
    read_at: datetime | None
    next_attempt_at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class UserBackfill:
    """The reading of the star histories of a user's repositories.

    :param repositories: those whose history is read or is to be read
    :param done: of these, those that were read to their end
    :param waiting: those of which a reading waits or is at work
    :param none: those of which GitHub has no history
    :param failed: those of which GitHub refuses it
    :param begins_on: the first day of the oldest history, as far as it is read
    :param text: all of that in words, without a full stop
    """

    stage: Stage
    repositories: int
    done: int
    waiting: int
    none: int
    failed: int
    begins_on: date | None
    text: str


def of_repository(connection: Connection, repo_id: int, *, off: str | None) -> RepositoryBackfill:
    """Return how far the reading of a known repository has come.

    :param off: why none are read, see ``common.backfills.why_off``
    """
    row = connection.execute(
        text(
            """
            SELECT b.state, b.reason, b.next_page - 1 AS pages_read, b.read_through, b.read_at,
                   coalesce(b.reading_from, b.read_from) AS begins_on, r.state AS repository,
                   CASE WHEN b.not_before > repopulse_now() AND b.state <> 'done'
                        THEN b.not_before END AS next_attempt_at
            FROM repositories r LEFT JOIN backfills b ON b.repo_id = r.id WHERE r.id = :id
            """
        ),
        {"id": repo_id},
    ).one()
    if row.state is None:
        words = off or "it is read once the repository has stars and the day's scans are done"
        stage = Stage.OFF if off else Stage.WAITING
        return RepositoryBackfill(stage, 0, None, None, None, None, words)
    stage = _stage(BackfillState(row.state), off, is_begun=row.pages_read > 0)
    words = _words(stage, off, row.reason)
    if stage is Stage.DONE and row.read_through:
        words = f"read until {row.read_through}"
    elif stage is Stage.READING:
        words = f"read back to {row.begins_on}, older weeks follow"
    if stage in (Stage.WAITING, Stage.READING) and row.reason:
        words += f": {row.reason}"
    if row.repository != "listed" and row.state == BackfillState.PENDING and not off:
        words = "waiting until GitHub lists the repository again"
    return RepositoryBackfill(
        stage,
        row.pages_read,
        row.begins_on,
        row.read_through,
        row.read_at,
        row.next_attempt_at,
        words,
    )


def of_user(connection: Connection, user_id: int, *, off: str | None) -> UserBackfill:
    """Return how far the readings of a user's present repositories have come.

    :param off: why none are read, see ``common.backfills.why_off``
    """
    row = connection.execute(
        text(
            """
            SELECT count(*) AS repositories,
                   count(*) FILTER (WHERE b.state = 'done') AS done,
                   count(*) FILTER (WHERE b.state = 'pending') AS waiting,
                   count(*) FILTER (WHERE b.state = 'none') AS none,
                   count(*) FILTER (WHERE b.state = 'failed') AS failed,
                   count(*) FILTER (WHERE b.read_through IS NOT NULL) AS known,
                   coalesce(sum(b.next_page - 1), 0) AS pages,
                   min(coalesce(b.reading_from, b.read_from)) AS begins_on
            FROM repositories r JOIN backfills b ON b.repo_id = r.id
            WHERE r.user_id = :id AND r.state <> 'gone'
            """
        ),
        {"id": user_id},
    ).one()
    counts = (row.repositories, row.done, row.waiting, row.none, row.failed, row.begins_on)
    if not row.repositories:
        stage = Stage.OFF if off else Stage.NONE
        return UserBackfill(stage, *counts, text=off or "no repository with stars is known yet")
    if row.waiting:
        stage = _stage(BackfillState.PENDING, off, is_begun=row.known + row.pages > 0)
    elif row.done:
        stage = Stage.DONE
    else:
        stage = Stage.FAILED if row.failed else Stage.NONE
    parts = [f"{row.known:,} of {count_of_repositories(row.repositories)} read"]
    for number, what in (
        (row.waiting, "to be read"),
        (row.none, "without a history at GitHub"),
        (row.failed, "refused by GitHub"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    words = ", ".join(parts)
    if off and row.waiting:
        words = f"{off} ({words})"
    return UserBackfill(stage, *counts, text=words)


def are_all_read(connection: Connection, user_id: int) -> bool:
    """Return whether the history of each present repository of a user that has stars is read."""
    is_one_missing: bool = connection.execute(
        text(
            """
            SELECT EXISTS (
                SELECT FROM repositories r
                JOIN daily_stats d ON d.repo_id = r.id AND d.date = r.listed_on
                LEFT JOIN backfills b ON b.repo_id = r.id
                WHERE r.user_id = :id AND r.state = 'listed' AND d.stargazers > 0
                  AND b.read_through IS NULL
            )
            """
        ),
        {"id": user_id},
    ).scalar_one()
    return not is_one_missing


def _stage(state: BackfillState, off: str | None, *, is_begun: bool) -> Stage:
    if state is not BackfillState.PENDING:
        return Stage(state)
    if off:
        return Stage.OFF
    return Stage.READING if is_begun else Stage.WAITING


def _words(stage: Stage, off: str | None, reason: str | None) -> str:
    match stage:
        case Stage.OFF:
            return off or ""
        case Stage.WAITING:
            return "waiting: scans and earlier readings go first"
        case _:
            return reason or stage
