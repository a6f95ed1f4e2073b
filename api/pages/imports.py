"""``/imports``: import a history from a file, look at the report, apply it or undo it.

The upload needs the page's script, because a form would send more than the file. Everything else
works without it.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from api.dependencies import Database, Owned
from api.http.public_url import public_url_of
from api.http.transactions import read
from api.pages.auth import LoggedIn, LoggedInForm
from api.pages.layout import page, redirect
from api.v1.fields import FullName
from api.v1.import_schemas import explain
from api.v1.imports import (
    NEEDS_REPOSITORY,
    ImportId,
    ImportName,
    get_import,
    request_apply,
    request_undo,
)
from api.v1.upload import UPLOAD_SECONDS, UploadedFile, store_upload
from common import imports
from common.import_chunks import MAX_FILE_BYTES
from common.imports import NAME_PATTERN, Import, ImportFormat
from common.states import ImportState

router = APIRouter(prefix="/imports")

_FORMATS = {
    ImportFormat.CSV: "CSV: repo,date,stargazers,forks,watchers",
    ImportFormat.REPOPULSE: "Export of another Repopulse",
    ImportFormat.GITHUB_REPO_STATS: "github-repo-stats: one of its CSV files",
    ImportFormat.GHSTATS: "ghstats: its SQLite database",
    ImportFormat.STAR_HISTORY: "star-history.com: its CSV",
    ImportFormat.DAILY_STARS_EXPLORER: "daily-stars-explorer: its CSV",
}

_MOVING = (ImportState.READING, ImportState.APPLYING, ImportState.UNDOING)


@router.get("")
def show_imports(request: Request, database: Database) -> Response:
    """Show the imports, and the form for a file."""
    return page(
        request,
        "imports.html",
        imports=[(each, explain(each)) for each in read(database, imports.list_all)],
        formats=_FORMATS,
        name_pattern=NAME_PATTERN,
        mebibytes=MAX_FILE_BYTES // 1024**2,
        seconds=UPLOAD_SECONDS,
    )


@router.post("/files")
async def upload_file(
    *,
    request: Request,
    resources: Owned,
    _logged_in: LoggedIn,
    format: Annotated[ImportFormat, Query()],  # noqa: A002 - the parameter's name
    name: Annotated[ImportName, Query()],
    repo: Annotated[FullName | None, Query()] = None,
) -> JSONResponse:
    """Store the body as a file to import; return the URL of the import, for the page's script."""
    if format.needs_repository and repo is None:
        raise HTTPException(422, NEEDS_REPOSITORY)
    import_id = await store_upload(request, resources, UploadedFile(name, format, repo))
    root = public_url_of(request).path
    return JSONResponse(
        {"url": f"{root}/imports/{import_id}"}, headers={"Cache-Control": "no-store"}
    )


@router.get("/{import_id}")
def show_import(request: Request, database: Database, import_id: ImportId) -> Response:
    """Show an import and its report; the page reloads itself while a worker works on it."""
    found = read(database, lambda connection: get_import(connection, import_id))
    return page(
        request,
        "import.html",
        found=found,
        explanation=explain(found),
        is_moving=found.state in _MOVING,
        label=_FORMATS[found.format].partition(":")[0],
        report=found.report,
        may_apply=found.state is ImportState.REPORTED,
        may_undo=found.state is not ImportState.UNDOING,
        undo=_undo_label(found),
    )


@router.post("/{import_id}/apply")
def apply_import(resources: Owned, import_id: ImportId, _form: LoggedInForm) -> Response:
    """Apply an import; redirect to it."""
    request_apply(resources, import_id)
    return redirect(f"/imports/{import_id}")


@router.post("/{import_id}/undo")
def undo_import(resources: Owned, import_id: ImportId, _form: LoggedInForm) -> Response:
    """Undo an import; redirect to the list, from which a worker removes it."""
    request_undo(resources, import_id)
    return redirect("/imports")


def _undo_label(found: Import) -> str:
    return "Undo this import" if found.state is ImportState.APPLIED else "Delete this import"
