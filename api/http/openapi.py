"""``/docs``: the interactive documentation, from files of our own instead of another host's."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_FILES = Path(fastapi_offline.__file__).parent / "static"
_AT = "/docs/files"


def install(app: FastAPI) -> None:
    """Serve the documentation of an application that has none."""
    app.mount(_AT, StaticFiles(directory=_FILES), name="documentation files")

    @app.get("/docs", include_in_schema=False)
    def documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "",
            title=app.title,
            swagger_js_url=f"{_AT}/swagger-ui-bundle.js",
            swagger_css_url=f"{_AT}/swagger-ui.css",
            swagger_favicon_url=f"{_AT}/favicon.png",
        )
