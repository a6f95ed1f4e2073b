"""``/repos/{id}/notes``: the forms that write and delete the note of a day."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from api.dependencies import Database
from api.pages.auth import LoggedInForm
from api.pages.layout import redirect
from api.queries.notes import Note
from api.v1.fields import MAX_ID, Day
from api.v1.notes import NoteText, remove_note, write_note

router = APIRouter(prefix="/repos/{repo_id}/notes")

RepositoryId = Annotated[int, Path(ge=1, le=MAX_ID)]

_Field = TypeVar("_Field")

_DAY: TypeAdapter[Day] = TypeAdapter(Day)
_TEXT: TypeAdapter[str] = TypeAdapter(NoteText)


@router.post("")
def write(
    request: Request, database: Database, repo_id: RepositoryId, form: LoggedInForm
) -> Response:
    """Write the note of a day, and return to the page of the repository as it was."""
    write_note(database, repo_id, Note(_read(_DAY, form, "date"), _read(_TEXT, form, "text")))
    return _back(request, repo_id)


@router.post("/delete")
def delete(
    request: Request, database: Database, repo_id: RepositoryId, form: LoggedInForm
) -> Response:
    """Delete the note of a day, and return to the page of the repository as it was."""
    remove_note(database, repo_id, _read(_DAY, form, "date"))
    return _back(request, repo_id)


def _read(kind: TypeAdapter[_Field], form: dict[str, str], name: str) -> _Field:
    """Return a field of a form.

    :raise RequestValidationError: it is missing or invalid
    """
    try:
        return kind.validate_python(form.get(name, ""))
    except ValidationError as error:
        raise RequestValidationError(
            [{**each, "loc": ("body", name)} for each in error.errors(include_url=False)]
        ) from error


def _back(request: Request, repo_id: int) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return redirect(f"/repos/{repo_id}{query}#marks")
