"""``/v1/imports``: bring a history in a file, look at the report, apply it, or undo it."""

import logging
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.dependencies import Database, MayWrite, Owned, Resources
from api.http import describe
from api.http.errors import NotFoundError, bad_query
from api.http.transactions import read, transact
from api.v1 import responses, upload
from api.v1.enqueue import enqueue_import
from api.v1.fields import MAX_ID, FullName
from api.v1.import_schemas import ApplyingImport, Import, StoredImport, UndoneImport, explain
from api.v1.upload import UploadedFile, store_upload
from common import imports
from common.import_chunks import MAX_FILE_BYTES
from common.imports import MAX_NAME_LENGTH, NAME_PATTERN, ImportFormat
from common.states import ImportState

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/imports", tags=["imports"], responses=describe.UNAVAILABLE)

_MEBIBYTES = MAX_FILE_BYTES // 1024**2

_TOO_LARGE = f"the body is larger than {_MEBIBYTES} MiB"

NEEDS_REPOSITORY = "a file of this format does not say of which repository it is: add repo"

ImportId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="The id in the `Location` of the 202.", examples=[3])
]
ImportName = Annotated[
    str,
    StringConstraints(pattern=f"^{NAME_PATTERN}$", max_length=MAX_NAME_LENGTH),
    Field(
        description="A name of your choice: letters, digits and `. _ -`. The numbers will have the"
        " source `import:<name>`.",
        examples=["old-csv"],
    ),
]

_NO_IMPORT = describe.problem(404, "There is no such import.", "import not found")
_INVALID_ID = describe.invalid_minimum("path", "import_id", "0", 1)

_BODY = {
    "requestBody": {
        "required": True,
        "description": f"The file itself, up to {_MEBIBYTES} MiB, not compressed.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "",
    summary="Import a history from a file",
    status_code=202,
    dependencies=[MayWrite],
    openapi_extra=_BODY,
    responses=describe.json(
        202,
        "The file is stored, and a worker reads it; `Location` shows the report.",
        StoredImport,
        headers={"Location": "The URL of the import."},
    )
    | responses.NO_KEY
    | describe.problem(
        408,
        f"The upload took longer than {upload.UPLOAD_SECONDS} seconds. Nothing is stored.",
        upload.TOO_SLOW,
    )
    | describe.problem(
        409,
        "The name is taken, or too many imports are neither applied nor deleted.",
        upload.NAME_TAKEN,
    )
    | describe.problem(413, f"The file is larger than {_MEBIBYTES} MiB.", _TOO_LARGE)
    | describe.invalid(
        "query",
        "format",
        "xls",
        "Input should be 'csv', 'repopulse', 'github-repo-stats', 'ghstats', 'star-history' or"
        " 'daily-stars-explorer'",
        error="enum",
    )
    | describe.problem(
        429,
        "Other files are being uploaded.",
        upload.TOO_MANY_UPLOADS,
        headers={"Retry-After": "Seconds to wait."},
    ),
)
async def import_file(
    *,
    request: Request,
    resources: Owned,
    format: Annotated[  # noqa: A002 - the parameter's name
        ImportFormat, Query(description="What wrote the file.", examples=["csv"])
    ],
    name: Annotated[ImportName, Query()],
    repo: Annotated[
        FullName | None,
        Query(
            description="The full name of the repository, if the file is of one and does not say"
            " which.",
            examples=["onelonelyrepo/safe-queue"],
        ),
    ] = None,
) -> JSONResponse:
    """Import a history from a file, which is the body of the request.

    Nothing is imported before `POST /v1/imports/{id}/apply`: a worker reads the file and reports
    what would be. Repositories are found by id, or by a present or former name; rows of
    repositories that are not followed are refused, and so is a name that several of them had.

    Imported numbers never replace observed ones, and are not part of `/v1/users/{id}/stats`.
    """
    if format.needs_repository and repo is None:
        raise bad_query("repo", NEEDS_REPOSITORY, None)
    import_id = await store_upload(request, resources, UploadedFile(name, format, repo))
    found = await run_in_threadpool(
        read, resources.database, lambda connection: get_import(connection, import_id)
    )
    return _accepted(found)


@router.get(
    "",
    summary="List the imports",
    responses=describe.json(200, "The imports, newest first.", list[Import]),
)
def list_imports(database: Database) -> list[Import]:
    """List the imports, newest first; those that were undone are gone."""
    return [Import.of(each) for each in read(database, imports.list_all)]


@router.get(
    "/{import_id}",
    summary="Show an import and its report",
    responses=describe.json(200, "The import.", Import) | _NO_IMPORT | _INVALID_ID,
)
def show_import(database: Database, import_id: ImportId) -> Import:
    """Show an import: its state, and what was found in the file.

    `reading` until a worker has read the file, then `reported`, or `refused` if nothing of it can
    be imported. `applying` and `undoing` until a worker is done.
    """
    return Import.of(read(database, lambda connection: get_import(connection, import_id)))


@router.post(
    "/{import_id}/apply",
    summary="Apply an import",
    status_code=202,
    dependencies=[MayWrite],
    responses=describe.json(
        202,
        "A worker imports what the report says; the state becomes `applied`.",
        ApplyingImport,
        headers={"Location": "The URL of the import."},
    )
    | describe.problem(
        409,
        "The file is not read yet, nothing of it can be imported, or the import is being undone.",
        "The file is stored. A worker reads it as soon as one is free.",
    )
    | responses.NO_KEY
    | _NO_IMPORT
    | _INVALID_ID,
)
def apply_import(resources: Owned, import_id: ImportId) -> JSONResponse:
    """Apply an import: its numbers become part of the history, with the source `import:<name>`.

    Repeating the call changes nothing.
    """
    return _accepted(request_apply(resources, import_id))


@router.delete(
    "/{import_id}",
    summary="Undo an import",
    status_code=202,
    dependencies=[MayWrite],
    responses=describe.json(
        202,
        "A worker removes the import; then its URL answers 404.",
        UndoneImport,
        headers={"Location": "The URL of the import."},
    )
    | responses.NO_KEY
    | _NO_IMPORT
    | _INVALID_ID,
)
def undo_import(resources: Owned, import_id: ImportId) -> JSONResponse:
    """Undo an import in any state: the file, the report and every imported number are removed.

    The numbers are gone from every history at once, and from the database when a worker is done.
    """
    return _accepted(request_undo(resources, import_id))


def get_import(connection: Connection, import_id: int) -> imports.Import:
    """Return an import.

    :raise NotFoundError: there is none with this id
    """
    found = imports.get(connection, import_id)
    if found is None:
        raise NotFoundError("import not found")
    return found


def request_apply(resources: Resources, import_id: int) -> imports.Import:
    """Have a worker apply an import; return it.

    :raise NotFoundError: there is none with this id
    :raise HTTPException: 409, it cannot be applied now
    """
    found = _request(resources, import_id, imports.request_apply)
    if found.state not in (ImportState.APPLYING, ImportState.APPLIED):
        raise HTTPException(409, explain(found))
    return found


def request_undo(resources: Resources, import_id: int) -> imports.Import:
    """Have a worker undo an import; return it.

    :raise NotFoundError: there is none with this id
    """
    return _request(resources, import_id, imports.request_undo)


def _request(
    resources: Resources, import_id: int, request: Callable[..., imports.Import | None]
) -> imports.Import:
    lease = resources.settings.load_lease

    def change(connection: Connection) -> tuple[imports.Import, imports.Import | None]:
        before = get_import(connection, import_id)
        return before, request(connection, import_id, lease=lease)

    before, after = transact(resources.database, change)
    if after is None:
        raise NotFoundError("import not found")
    if after.state is not before.state:
        log.info("import %d (%s) is %s now", after.id, after.name, after.state)
        enqueue_import(resources, import_id)
    return after


def _accepted(found: imports.Import) -> JSONResponse:
    return JSONResponse(
        Import.of(found).model_dump(mode="json"),
        status_code=202,
        headers={"Location": f"{router.prefix}/{found.id}"},
    )
