"""What a client is told when a request is not carried out.

===  ==================================================================
401  writing needs the API key
403  a page of another site sent it
404  there is no such user, repository or lookup, or GitHub has no such login
406  rows cannot be had in any of the formats that ``Accept`` names
413  the body is larger than any that makes sense
422  the input is wrong; ``detail`` lists what, where, and what was sent
429  this was asked for a moment ago
503  Postgres does not do its work, the outcome of a commit is unknown, or there are too many
     requests: try again after a moment
500  a fault of ours; the log has it under the request's id
===  ==================================================================
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

_SOON = "the database does not answer or is busy: try again in a moment"

_UNAVAILABLE = {
    Outage.UNREACHABLE: _SOON,
    Outage.BUSY: _SOON,
    Outage.DISK_FULL: f"{Outage.DISK_FULL}: nothing is stored until there is space",
    Outage.READ_ONLY: f"{Outage.READ_ONLY}: what is recorded can be read,"
    " and nothing is stored until it takes writes again",
    Outage.NOT_MIGRATED: f"{Outage.NOT_MIGRATED}: see /readyz",
}

_MOST_FAULTS = 20
_LONGEST_EXCERPT = 100
_LARGEST_NUMBER = 2**64


class NotFoundError(Exception):
    """What the request is about is not there; the text is the answer's detail."""


def bad_query(parameter: str, message: str, given: object) -> RequestValidationError:
    """Say that a query parameter is wrong in a way that only the endpoint can see."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("query", parameter), "msg": message, "input": given}]
    )


def install(app: FastAPI) -> None:
    """Answer errors in one way throughout the application."""
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _bad_input)
    app.add_exception_handler(SQLAlchemyError, _no_database)
    app.add_exception_handler(UnknownCommitError, _unknown_commit)


async def send_internal_error(send: Send) -> None:
    """Answer a request that met a fault of ours: nothing of the fault itself."""
    await _answer(send, JSONResponse({"detail": "internal error"}, status_code=500))


async def send_unavailable(send: Send, reason: str) -> None:
    """Answer a request that cannot be served now, and can in a moment."""
    await _answer(
        send,
        JSONResponse(
            {"detail": f"{reason} Try again in a moment."}, status_code=503, headers=_RETRY_AFTER
        ),
    )


async def _answer(send: Send, answer: JSONResponse) -> None:
    await send(
        {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
    )
    await send({"type": "http.response.body", "body": answer.body})


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=404)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    if error.status_code == 400:
        # FastAPI's word for JSON that is too deep or has too long a number: bad input like other.
        return await _bad_input(
            request,
            RequestValidationError(
                [{"type": "json_invalid", "loc": ("body",), "msg": "this JSON cannot be read"}]
            ),
        )
    if error.status_code == 405:
        # Starlette names the methods of the first route at the address only.
        methods = _methods(request) or set((error.headers or {})["Allow"].split(", "))
        error.headers = {"Allow": ", ".join(sorted(methods))}
    return await http_exception_handler(request, error)


def _methods(request: Request) -> set[str]:
    methods = {
        method.upper()
        for template, operations in request.app.openapi()["paths"].items()
        if compile_path(template)[0].match(request.scope["path"])
        for method in operations
    }
    return methods | {"HEAD"} if "GET" in methods else methods


async def _bad_input(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    faults = [_fault(fault) for fault in error.errors()[:_MOST_FAULTS]]
    if isinstance(error.body, bytes):
        # The body was not taken for JSON at all, and the fault would only say that it is no object.
        faults = [
            {
                "type": "content_type",
                "loc": ["header", "content-type"],
                "msg": "send JSON, with the header Content-Type: application/json",
            }
        ]
    return JSONResponse({"detail": faults}, status_code=422)


async def _no_database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SQLAlchemyError)  # noqa: S101 - for the type checker
    reason = outage_reason(error)
    if reason is None:
        raise error
    log.warning("%s %r: %s: %s", request.method, request.scope["path"], reason, first_line(error))
    return JSONResponse({"detail": _UNAVAILABLE[reason]}, status_code=503, headers=_RETRY_AFTER)


async def _unknown_commit(request: Request, error: Exception) -> JSONResponse:
    log.warning("%s %r: commit not confirmed: %s", request.method, request.scope["path"], error)
    return JSONResponse(
        {
            "detail": "The database connection was lost during the commit, so the change may or may"
            " not be saved. Repeat the request."
        },
        status_code=503,
        headers=_RETRY_AFTER,
    )


def _fault(fault: dict[str, Any]) -> dict[str, object]:
    """Show one fault in FastAPI's shape: whatever was sent, the answer is short and valid JSON."""
    shown: dict[str, object] = {
        "type": fault["type"],
        "loc": [part if isinstance(part, int) else _excerpt(part) for part in fault["loc"]],
        "msg": _message(fault),
    }
    given = fault.get("input")
    if isinstance(given, str):
        shown["input"] = _excerpt(given)
    elif (isinstance(given, float) and math.isfinite(given)) or (
        isinstance(given, int) and abs(given) < _LARGEST_NUMBER
    ):
        shown["input"] = given
    return shown


def _message(fault: dict[str, Any]) -> str:
    if fault["type"] == "model_attributes_type":
        return "send a JSON object"
    if "error" in fault.get("ctx", {}):
        return _clean(f"{fault['msg']}: {fault['ctx']['error']}")
    return _clean(fault["msg"])


def _excerpt(text: str) -> str:
    short = text if len(text) <= _LONGEST_EXCERPT else text[:_LONGEST_EXCERPT] + "…"
    return _clean(short)


def _clean(text: str) -> str:
    """Replace what has no place in UTF-8: half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
