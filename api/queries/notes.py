"""Notes that people write about a day of a repository: at most one a day."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select, text

from common import tables

_notes = tables.notes.c


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote about a day, unchanged; code that shows it must escape it."""

    date: date
    text: str


def of_repository(
    connection: Connection, repo_id: int, first: date | None = None, last: date | None = None
) -> list[Note]:
    """Return the notes of a repository between two days, both included, the oldest first.

    :param first: None for all from the beginning
    :param last: None for all until the end
    """
    query = select(_notes.date, _notes.text).where(_notes.repo_id == repo_id)
    if first is not None:
        query = query.where(_notes.date >= first)
    if last is not None:
        query = query.where(_notes.date <= last)
    return [Note(*row) for row in connection.execute(query.order_by(_notes.date))]


def get(connection: Connection, repo_id: int, day: date) -> Note | None:
    """Return the note of a day; None if there is none."""
    found = of_repository(connection, repo_id, day, day)
    return found[0] if found else None


def write(connection: Connection, repo_id: int, note: Note) -> bool | None:
    """Write the note of a day, in place of another one.

    :return: whether the day had none; None if there is no such repository (any more)
    """
    is_new: bool | None = connection.execute(
        text(
            """
            INSERT INTO notes (repo_id, date, text)
            -- One that is being deleted would break the foreign key.
            SELECT id, :date, :text FROM repositories WHERE id = :id FOR KEY SHARE
            ON CONFLICT (repo_id, date) DO UPDATE SET text = excluded.text
            RETURNING xmax = 0
            """
        ),
        {"id": repo_id, "date": note.date, "text": note.text},
    ).scalar_one_or_none()
    return is_new


def delete(connection: Connection, repo_id: int, day: date) -> Note | None:
    """Delete the note of a day, and return it; None if there is none."""
    row = connection.execute(
        tables.notes.delete()
        .where(_notes.repo_id == repo_id, _notes.date == day)
        .returning(_notes.date, _notes.text)
    ).one_or_none()
    return None if row is None else Note(*row)
