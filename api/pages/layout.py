"""What all pages share: templates, security headers, and responses made of them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.http.negotiation import preferred_compression
from api.http.public_url import public_url_of
from api.pages import filters
from api.pages.assets import asset_url
from api.pages.auth import auth_of

_NOTHING_FOREIGN = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)

POLICY = f"{_NOTHING_FOREIGN}; frame-src 'self'; frame-ancestors 'none'"
"""Nothing from other hosts, nothing inline, and no other site may embed a page in a frame."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer", browsers would send our own forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

FRAMES = "/embed/"
"""The path below which pages may be in frames of other sites."""


def frame_headers(origins: Sequence[str]) -> dict[str, str]:
    """Return the headers of a page in a frame: it has no form, and is the same for everybody.

    :param origins: the sites that may show it, or ``*``
    """
    policy = _NOTHING_FOREIGN
    if "*" not in origins:
        policy = f"{policy}; frame-ancestors 'self' {' '.join(origins)}"
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "public, max-age=300",
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset_url"] = asset_url
    environment.globals.update(filters.FUNCTIONS)
    environment.filters.update(filters.FILTERS)
    return environment


_TEMPLATES = _environment()


def render(template: str, values: Mapping[str, object]) -> str:
    """Render a template; all values are escaped."""
    return _TEMPLATES.get_template(template).render(values)


def page(request: Request, template: str, *, status_code: int = 200, **values: object) -> Response:
    """Return a page."""
    auth = auth_of(request)
    shared = {
        "root": public_url_of(request).path,
        "current_path": request.url.path,
        "needs_key": auth.needs_key,
        "can_write": auth.is_logged_in(request),
        # None if no pages of accounts are known, as in the demo.
        "github_pages": request.app.state.github_pages,
    }
    compression = preferred_compression(",".join(request.headers.getlist("accept-encoding")))
    # A tenth of the bytes. Nothing secret is in a page that a stranger could guess by its length.
    content = b"".join(compression.compress([render(template, shared | values).encode()]))
    headers = HEADERS | compression.headers | {"Vary": "Accept-Encoding"}
    return HTMLResponse(content, status_code=status_code, headers=headers)


def error_page(status_code: int, reasons: list[str], request_id: str | None, *, root: str) -> bytes:
    """Return a page that describes an error.

    :param root: the path below which visitors see the pages
    """
    values = {
        "root": root,
        "current_path": None,
        "needs_key": False,
        "status": status_code,
        "title": HTTPStatus(status_code).phrase,
        "reasons": reasons,
        "request_id": request_id,
    }
    return render("error.html", values).encode()


def frame_error_page(reasons: list[str], *, root: str) -> bytes:
    """Return a page that describes an error in a frame."""
    return render("frame_error.html", {"root": root, "reasons": reasons}).encode()


def redirect(path: str) -> Response:
    """Redirect after a form, so that reloading the page does not send the form again."""
    return RedirectResponse(path, status_code=303, headers=HEADERS)
