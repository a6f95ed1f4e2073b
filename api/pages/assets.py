"""The static files of the pages: style sheet, script and icon."""

import hashlib
from functools import cache
from os import PathLike, stat_result
from pathlib import Path

from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

_DIRECTORY = Path(__file__).parent / "static"

_ONE_YEAR = "public, max-age=31536000, immutable"
_ONE_HOUR = "public, max-age=3600"


class Assets(StaticFiles):
    """Serves the static files; browsers may keep a file for a year if its URL has its version."""

    def __init__(self) -> None:
        super().__init__(directory=_DIRECTORY)

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or 304 if the client has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        version = _version(Path(full_path).name)
        is_versioned = scope["query_string"] == f"v={version}".encode()
        response.headers["Cache-Control"] = _ONE_YEAR if is_versioned else _ONE_HOUR
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def asset_url(name: str) -> str:
    """Return the path of a static file; its query changes with the content of the file."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_DIRECTORY / name).read_bytes()).hexdigest()[:12]
