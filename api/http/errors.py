"""Error responses of the API.

===  ===================================================================================
401  the request needs the API key
403  a browser sent it for a page of another site
404  no such user, repository or lookup, or GitHub has no such login
405  the method is not allowed; ``Allow`` lists those that are
406  the rows are not available in any format that ``Accept`` lists
408  the file took too long to upload
409  an import has the name, cannot be applied now, or too many are unfinished
413  the body is too large
422  the input is invalid; ``detail`` lists what is wrong, where, and what was sent
429  the same was requested a moment ago, or others are at it; ``Retry-After`` says when to
     repeat it
500  a bug; the log has it under the request's id
503  Postgres is not available, it is unknown whether it committed, or too many requests
     are running; repeat the request after ``Retry-After``
===  ===================================================================================

``detail`` is a text, or in a 422 a list of errors in FastAPI's shape.
"""

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Send

from api.http.transactions import UnknownCommitError
from common.db import Outage, first_line, outage_reason

log = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "5"}

_BUSY = "The database does not answer or is busy. Try again in a moment."

_OUTAGE_DETAILS = {
    Outage.UNREACHABLE: _BUSY,
    Outage.BUSY: _BUSY,
    Outage.FULL: "The database or its role allows no more connections; the documentation says how"
    " many are needed. Try again in a moment.",
    Outage.DISK_FULL: "The disk of the database is full. Nothing can be stored until there is"
    " space.",
    Outage.READ_ONLY: "The database is read-only. Recorded data can be read, but nothing can be"
    " stored until it accepts writes again.",
    Outage.NOT_MIGRATED: "The database is not migrated to this release. See /readyz.",
}

_UNKNOWN_COMMIT = (
    "The database connection was lost during the commit, so the change may or may not be saved."
    " Repeat the request."
)

_MAX_INPUT_ERRORS = 20
_MAX_INPUT_LENGTH = 100
_MAX_INPUT_NUMBER = 2**64


class NotFoundError(Exception):
    """The resource does not exist; the text is the response's ``detail``."""


def bad_query(parameter: str, message: str, sent: object) -> RequestValidationError:
    """Return a 422 for a query parameter that only the endpoint can check."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("query", parameter), "msg": message, "input": sent}]
    )


def install(app: FastAPI) -> None:
    """Add the handlers of all errors to an application."""
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_input)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(UnknownCommitError, _unknown_commit)


async def send_internal_error(send: Send) -> None:
    """Send a 500 that says nothing about the bug."""
    await _send(send, JSONResponse({"detail": "internal error"}, status_code=500))


async def send_unavailable(send: Send, reason: str) -> None:
    """Send a 503 with a reason that will pass."""
    await _send(send, _unavailable(f"{reason} Try again in a moment."))


async def _send(send: Send, response: JSONResponse) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": response.body})


def _unavailable(detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=503, headers=_RETRY_AFTER)


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=404)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    if error.status_code == 400:
        # FastAPI's status for JSON that is nested too deeply or contains too long a number.
        return await _invalid_input(
            request,
            RequestValidationError(
                [{"type": "json_invalid", "loc": ("body",), "msg": "this JSON cannot be read"}]
            ),
        )
    if error.status_code == 405:
        # Starlette lists only the methods of the first route with this path.
        methods = _methods(request) or set((error.headers or {})["Allow"].split(", "))
        error.headers = {"Allow": ", ".join(sorted(methods))}
    return await http_exception_handler(request, error)


def _methods(request: Request) -> set[str]:
    """Return the documented methods of the request's path."""
    methods = {
        method.upper()
        for template, operations in request.app.openapi()["paths"].items()
        if compile_path(template)[0].match(request.scope["path"])
        for method in operations
    }
    return methods | {"HEAD"} if "GET" in methods else methods


async def _invalid_input(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    details = [_input_error(each) for each in error.errors()[:_MAX_INPUT_ERRORS]]
    if isinstance(error.body, bytes):
        # FastAPI did not parse the body, and would only say that it is not an object.
        details = [
            {
                "type": "content_type",
                "loc": ["header", "content-type"],
                "msg": "send JSON, with the header Content-Type: application/json",
            }
        ]
    return JSONResponse({"detail": details}, status_code=422)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SQLAlchemyError)  # noqa: S101 - for the type checker
    reason = outage_reason(error)
    if reason is None:
        raise error
    log.warning(
        "request failed: %s %r: %s: %s",
        request.method,
        request.scope["path"],
        reason,
        first_line(error),
    )
    return _unavailable(_OUTAGE_DETAILS[reason])


async def _unknown_commit(request: Request, error: Exception) -> JSONResponse:
    log.warning("commit not confirmed: %s %r: %s", request.method, request.scope["path"], error)
    return _unavailable(_UNKNOWN_COMMIT)


def _input_error(error: dict[str, Any]) -> dict[str, object]:
    """Return an error of pydantic's in a form that is short and valid JSON whatever was sent."""
    shown: dict[str, object] = {
        "type": error["type"],
        "loc": [part if isinstance(part, int) else _shorten(part) for part in error["loc"]],
        "msg": _message(error),
    }
    sent = error.get("input")
    if isinstance(sent, str):
        shown["input"] = _shorten(sent)
    elif (isinstance(sent, float) and math.isfinite(sent)) or (
        isinstance(sent, int) and abs(sent) < _MAX_INPUT_NUMBER
    ):
        shown["input"] = sent
    return shown


def _message(error: dict[str, Any]) -> str:
    if error["type"] == "model_attributes_type":
        return "send a JSON object"
    if "error" in error.get("ctx", {}):
        return _clean(f"{error['msg']}: {error['ctx']['error']}")
    return _clean(error["msg"])


def _shorten(text: str) -> str:
    short = text if len(text) <= _MAX_INPUT_LENGTH else text[:_MAX_INPUT_LENGTH] + "…"
    return _clean(short)


def _clean(text: str) -> str:
    """Replace half surrogate pairs, which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode()
