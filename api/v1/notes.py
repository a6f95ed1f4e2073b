"""``/v1/repos/{id}/notes`` and ``…/releases``: what is marked on the days of a repository."""

import logging
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, Engine

from api.dependencies import Database, MayWrite
from api.http import describe
from api.http.describe import TableRow
from api.http.errors import NotFoundError, bad_query
from api.http.formats import Table
from api.http.negotiation import AcceptedFormat
from api.http.transactions import read, transact
from api.queries import notes, releases
from api.queries.notes import Note
from api.queries.releases import Release
from api.v1 import responses
from api.v1.fields import Day, RepositoryId
from api.v1.repositories import get_named_repository
from common import clock
from common.mark_tables import MAX_NOTE_LENGTH

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/repos/{repo_id}", tags=["marks"], responses=describe.UNAVAILABLE)

_FIRST_DAY = date(1970, 1, 1)


def _check_text(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("note", "a note must not contain control characters")
    return text


NoteText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE_LENGTH),
    AfterValidator(_check_text),
    Field(
        description="One line of plain text.",
        examples=["On the front page of Hacker News"],
        json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"},
    ),
]
NoteDay = Annotated[Day, Path(description="The day, UTC.", examples=["2026-11-12"])]
_From = Annotated[
    Day | None,
    Query(description="The first day, UTC; by default the first of all.", examples=["2026-11-01"]),
]
_To = Annotated[
    Day | None,
    Query(description="The last day, UTC; by default the last of all.", examples=["2026-11-28"]),
]

_NO_NOTE = describe.problem(
    404,
    "There is no note on this day, or no followed user has or had this repository.",
    "no note on this day",
)
_INVALID_DAY = describe.invalid(
    "path", "day", "2026-02-30", "this date does not exist", error="day"
)


class NoteToWrite(BaseModel):
    """The text of a note."""

    model_config = ConfigDict(extra="forbid")

    text: NoteText


class WrittenNote(TableRow):
    """A note on a day."""

    model_config = ConfigDict(from_attributes=True)

    date: Annotated[date, Field(examples=["2026-11-12"])]
    text: Annotated[str, Field(examples=["On the front page of Hacker News"])]


class PublishedRelease(TableRow):
    """A release that GitHub showed."""

    id: Annotated[int, Field(description="GitHub's numeric release id.", examples=[190_000_001])]
    date: Annotated[
        date, Field(description="The UTC day of `published_at`.", examples=["2026-11-12"])
    ]
    tag: Annotated[str, Field(examples=["v1.4.0"])]
    title: Annotated[str | None, Field(examples=["Queues that wait"])]
    published_at: Annotated[datetime, Field(examples=["2026-11-12T09:30:00Z"])]
    prerelease: Annotated[bool, Field(examples=[False])]

    @classmethod
    def of(cls, release: Release) -> "PublishedRelease":
        """Return the body of a release."""
        return cls(
            id=release.id,
            date=release.day,
            tag=release.tag,
            title=release.title,
            published_at=release.published_at.astimezone(UTC),
            prerelease=release.is_prerelease,
        )


@router.get(
    "/notes",
    summary="List a repository's notes",
    responses=describe.table("The notes, the oldest day first.", WrittenNote)
    | responses.NO_REPOSITORY
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def list_notes(
    *,
    database: Database,
    wanted: AcceptedFormat,
    repo_id: RepositoryId,
    date_from: _From = None,
    date_to: _To = None,
) -> Response:
    """List the notes on days of a repository: by default all of them."""
    _check_order(date_from, date_to)

    def look(connection: Connection) -> tuple[str, list[Note]]:
        name = get_named_repository(connection, repo_id).full_name
        return name, notes.of_repository(connection, repo_id, date_from, date_to)

    name, found = read(database, look)
    rows = [WrittenNote.model_validate(note).model_dump(mode="json") for note in found]
    return Table(_file_name(name, "notes"), rows, WrittenNote.columns()).to_response(wanted)


@router.get(
    "/notes/{day}",
    summary="Show the note of a day",
    responses=describe.json(200, "The note.", WrittenNote) | _NO_NOTE | _INVALID_DAY,
)
def show_note(database: Database, repo_id: RepositoryId, day: NoteDay) -> WrittenNote:
    """Show the note of a day."""

    def look(connection: Connection) -> Note | None:
        get_named_repository(connection, repo_id)
        return notes.get(connection, repo_id, day)

    note = read(database, look)
    if note is None:
        raise NotFoundError("no note on this day")
    return WrittenNote.model_validate(note)


@router.put(
    "/notes/{day}",
    summary="Write the note of a day",
    dependencies=[MayWrite],
    responses=describe.json(200, "The note is written, in place of another one.", WrittenNote)
    | describe.json(201, "The note is written; the day had none.", WrittenNote)
    | responses.NO_KEY
    | responses.NO_REPOSITORY
    | _INVALID_DAY,
)
def put_note(
    database: Database, repo_id: RepositoryId, day: NoteDay, note: NoteToWrite
) -> JSONResponse:
    """Write the note of a day: what happened to the repository, for those who read its charts.

    Each day can have one note; a new note replaces it. It is plain text of at most 500 characters.
    Days after today cannot have one.
    """
    written = Note(day, note.text)
    is_new = write_note(database, repo_id, written)
    body = WrittenNote.model_validate(written).model_dump(mode="json")
    return JSONResponse(body, status_code=201 if is_new else 200)


@router.delete(
    "/notes/{day}",
    summary="Delete the note of a day",
    dependencies=[MayWrite],
    responses=describe.json(200, "The note is deleted.", WrittenNote)
    | responses.NO_KEY
    | _NO_NOTE
    | _INVALID_DAY,
)
def delete_note(database: Database, repo_id: RepositoryId, day: NoteDay) -> WrittenNote:
    """Delete the note of a day. Repeating the call answers 404."""
    return WrittenNote.model_validate(remove_note(database, repo_id, day))


@router.get(
    "/releases",
    summary="List a repository's releases",
    responses=describe.table("The releases, the oldest first.", PublishedRelease)
    | responses.NO_REPOSITORY
    | describe.NO_FORMAT
    | responses.INVALID_DATES,
)
def list_releases(
    *,
    database: Database,
    wanted: AcceptedFormat,
    repo_id: RepositoryId,
    date_from: _From = None,
    date_to: _To = None,
) -> Response:
    """List the releases of a repository that were read from GitHub: by default all of them.

    They are read after the day's scans where the setting `RELEASES` is on: first the newest 30,
    then those that are new. Without it the list is empty.
    """
    _check_order(date_from, date_to)

    def look(connection: Connection) -> tuple[str, list[Release]]:
        name = get_named_repository(connection, repo_id).full_name
        return name, releases.of_repository(connection, repo_id, date_from, date_to)

    name, found = read(database, look)
    rows = [PublishedRelease.of(release).model_dump(mode="json") for release in found]
    table = Table(_file_name(name, "releases"), rows, PublishedRelease.columns())
    return table.to_response(wanted)


def write_note(database: Engine, repo_id: int, note: Note) -> bool:
    """Write the note of a day; return whether the day had none.

    :raise NotFoundError: no followed user has or had such a repository
    :raise RequestValidationError: the day is after today, or before 1970
    """

    def write(connection: Connection) -> bool:
        _check_day(note.date, clock.today(connection))
        get_named_repository(connection, repo_id)
        is_new = notes.write(connection, repo_id, note)
        if is_new is None:
            raise NotFoundError("repository not found")
        return is_new

    is_new = transact(database, write)
    log.info("note written: repository %d, %s", repo_id, note.date)
    return is_new


def remove_note(database: Engine, repo_id: int, day: date) -> Note:
    """Delete the note of a day, and return it.

    :raise NotFoundError: there is none
    """

    def delete(connection: Connection) -> Note:
        get_named_repository(connection, repo_id)
        note = notes.delete(connection, repo_id, day)
        if note is None:
            raise NotFoundError("no note on this day")
        return note

    note = transact(database, delete)
    log.info("note deleted: repository %d, %s", repo_id, day)
    return note


def _check_day(day: date, today: date) -> None:
    message = None
    if day > today:
        message = f"{day} is after today, {today}"
    elif day < _FIRST_DAY:
        message = f"{day} is before {_FIRST_DAY}"
    if message is not None:
        raise RequestValidationError(
            [{"type": "value_error", "loc": ("path", "day"), "msg": message, "input": str(day)}]
        )


def _check_order(date_from: date | None, date_to: date | None) -> None:
    if date_from is not None and date_to is not None and date_from > date_to:
        raise bad_query(
            "date_from", f"date_from {date_from} is after date_to {date_to}", str(date_from)
        )


def _file_name(full_name: str, what: str) -> str:
    return f"{full_name.replace('/', '-')}-{what}"
