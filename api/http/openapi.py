"""``/openapi.json`` and ``/docs``, whose files come from a package and not from another host."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Lifespan

from api.http import describe
from common.version import VERSION

_FILES = Path(fastapi_offline.__file__).parent / "static"
_FILES_PATH = "/docs/files"

_PAGE = Path(__file__).parent / "docs"
_PAGE_PATH = "/docs/page"
"""Our own files of the page: without scripts in the page itself."""

_DESCRIPTION = """
Records the stars, forks and watchers of every public repository of the followed GitHub users once
a day, and serves the history.

`PUT /v1/users` follows a user. The first counts are there moments later, then one row per
repository and UTC day. Missing counts are never made up: a gap stays a gap, and
`GET /v1/users/{id}/scans` gives its reason.

Every call can be repeated safely. Every response has an `X-Request-ID`, which is also in the log.
"""

_TAGS = [
    {"name": "users", "description": "The followed users."},
    {"name": "history", "description": "The recorded counts and scans."},
    {"name": "marks", "description": "Notes and releases on the days of a repository."},
    {"name": "imports", "description": "Histories that people bring in files."},
    {"name": "images", "description": "Charts and badges to embed in other pages."},
    {"name": "operation", "description": "The state of the service."},
]


class DocumentedApi(FastAPI):
    """FastAPI with the description of this API, and its own ``/docs``.

    :param public_path: the path below which visitors see the API, without a slash at its end
    """

    def __init__(self, lifespan: Lifespan[Any], *, public_path: str) -> None:
        self._public_path = public_path
        super().__init__(
            title="Repopulse",
            summary="Stars, forks and watchers of GitHub repositories, day by day.",
            description=_DESCRIPTION,
            version=VERSION,
            license_info={"name": "MIT"},
            openapi_tags=_TAGS,
            # Without the host: /docs is also used at the address on which the API listens.
            servers=[{"url": public_path}] if public_path else None,
            # Served below.
            docs_url=None,
            redoc_url=None,
            # Each resource has one URL: many clients drop the body of a PUT on a redirect.
            redirect_slashes=False,
            generate_unique_id_function=lambda route: route.name,
            lifespan=lifespan,
        )
        self.mount(_FILES_PATH, StaticFiles(directory=_FILES), name="documentation files")
        self.mount(_PAGE_PATH, StaticFiles(directory=_PAGE), name="documentation page")
        self.add_api_route("/docs", self._documentation, include_in_schema=False)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI schema, which is made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe.complete(super().openapi(), self.routes)
        return self.openapi_schema

    def _documentation(self) -> HTMLResponse:
        template = Template((_PAGE / "docs.html").read_text(encoding="utf-8"))
        return HTMLResponse(template.substitute(root=escape(self._public_path)))
