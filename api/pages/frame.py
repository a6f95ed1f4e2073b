"""What all pages share: templates, static files and the headers that bound what a page may do."""

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from os import PathLike, stat_result
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import Scope

from api.pages import figures
from api.pages.doors import doors_of

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Nothing from another host, nothing inline, and in nobody's frame."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no referrer at all a browser would send its forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

_FOR_EVER = "public, max-age=31536000, immutable"
_AN_HOUR = "public, max-age=3600"


class Files(StaticFiles):
    """The static files; under the address that names their content they never change."""

    def __init__(self) -> None:
        super().__init__(directory=_STATIC)

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Answer with one file, or that the client has it."""
        answer = super().file_response(full_path, stat_result, scope, status_code)
        version = _version(Path(full_path).name)
        is_named = scope["query_string"] == f"v={version}".encode()
        answer.headers["Cache-Control"] = _FOR_EVER if is_named else _AN_HOUR
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]


def _asset(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    return f"/static/{name}?v={_version(name)}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = _asset
    made.filters.update(figures.FILTERS)
    return made


_TEMPLATES = _environment()


def render(template: str, values: Mapping[str, object]) -> str:
    """Return what a template makes of some values, each of them escaped."""
    return _TEMPLATES.get_template(template).render(values)


def page(request: Request, template: str, *, status_code: int = 200, **values: object) -> Response:
    """Answer with a page, and give a visitor without one the cookie that its forms need."""
    doors = doors_of(request)
    visit = doors.visit(request)
    shown = {
        "here": request.url.path,
        "needs_key": doors.needs_key,
        "is_open": doors.are_open(request),
        "form_token": visit.form_token,
    }
    answer = HTMLResponse(
        render(template, shown | values), status_code=status_code, headers=HEADERS
    )
    visit.keep(request, answer)
    return answer


def error_page(status_code: int, reasons: list[str], request_id: str | None) -> bytes:
    """Return a page that says why there is no other."""
    values = {
        "here": None,
        "needs_key": False,
        "status": status_code,
        "title": HTTPStatus(status_code).phrase,
        "reasons": reasons,
        "request_id": request_id,
    }
    return render("error.html", values).encode()


def go(address: str) -> Response:
    """Send a browser on after a form, so that a reload sends nothing twice."""
    return RedirectResponse(address, status_code=303, headers=HEADERS)
