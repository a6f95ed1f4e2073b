"""Descriptions of responses for ``/docs``: model, example and headers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

import orjson
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

Responses = dict[int | str, dict[str, Any]]
"""By status, as FastAPI takes them; ``|`` joins the responses of a call."""

_MAX_INTEGER = 2**63 - 1
"""The largest bound of any parameter: the largest id."""


# Models that every endpoint shares


class Problem(BaseModel):
    """Why the request failed."""

    detail: str


class InputError(BaseModel):
    """What is wrong with one part of a request."""

    type: str
    loc: Annotated[list[str | int], Field(description="Where it is in the request.")]
    msg: str
    input: Annotated[object, Field(description="What was sent, if it is short.")] = None


class InvalidInput(BaseModel):
    """What is wrong with a request."""

    detail: list[InputError]


class TableRow(BaseModel):
    """A row of a table, which is also available as CSV."""

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, in order."""
        return list(cls.model_fields)

    @classmethod
    def flat(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of JSON with one value for each column, as CSV and NDJSON have it."""
        return dict(row)


# Builders


def json(
    status: int,
    description: str,
    model: Any,
    *,
    example: object = None,
    headers: dict[str, str] | None = None,
) -> Responses:
    """Describe a response with a body.

    :param model: a model, or a list of one
    :param example: by default the examples of the model's fields
    """
    content = {"application/json": {"example": example or example_of(model)}}
    response = {"description": description, "model": model, "content": content}
    return {status: response | _headers(headers)}


def table(
    description: str,
    row: type[TableRow],
    *,
    model: Any = None,
    headers: dict[str, str] | None = None,
) -> Responses:
    """Describe a response of rows, which is also available as CSV and NDJSON.

    :param model: what JSON has; by default a list of the rows
    """
    example = example_of(row)
    response = json(
        200,
        description,
        model or list[row],  # type: ignore[valid-type]
        headers={
            "Vary": "The response depends on `Accept` if `format` is not given.",
            "Content-Disposition": "The file name; only with CSV and NDJSON.",
        }
        | (headers or {}),
    )
    response[200]["headers"]["Content-Disposition"]["required"] = False
    response[200]["content"] |= {
        "text/csv": {"schema": {"type": "string"}, "example": _csv(row, example)},
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": orjson.dumps(row.flat(example), option=orjson.OPT_APPEND_NEWLINE).decode(),
        },
    }
    return response


def svg(description: str, *, width: int, height: int, headers: dict[str, str]) -> Responses:
    """Describe a response that is an SVG document, and the one without it."""
    example = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}">'
        "…</svg>"
    )
    content = {"image/svg+xml": {"schema": {"type": "string"}, "example": example}}
    response = {"description": description, "content": content} | _headers(headers)
    return {200: response} | not_modified(headers)


def png(description: str, headers: dict[str, str]) -> Responses:
    """Describe a response that is a PNG, and the one without it."""
    content = {"image/png": {"schema": {"type": "string", "format": "binary"}, "example": "…"}}
    response = {"description": description, "content": content} | _headers(headers)
    return {200: response} | not_modified(headers)


def not_modified(headers: dict[str, str]) -> Responses:
    """Describe the response to a client that has the current version."""
    return {304: {"description": "`If-None-Match` has the current ETag."} | _headers(headers)}


def problem(
    status: int, description: str, detail: str, *, headers: dict[str, str] | None = None
) -> Responses:
    """Describe an error that is one sentence."""
    return json(status, description, Problem, example={"detail": detail}, headers=headers)


def invalid(where: str, name: str, value: str, message: str, *, error: str) -> Responses:
    """Describe the response to invalid input, with one invalid value as the example.

    :param error: the type of the error as Pydantic names it
    """
    fault = {"type": error, "loc": [where, name], "msg": message, "input": value}
    return json(
        422,
        "The input is invalid; `detail` lists what is wrong, and where.",
        InvalidInput,
        example={"detail": [fault]},
    )


def invalid_minimum(where: str, name: str, value: str, minimum: int) -> Responses:
    """Describe the response to a number that is too small, among other invalid input."""
    message = f"Input should be greater than or equal to {minimum}"
    return invalid(where, name, value, message, error="greater_than_equal")


# The parts of a description


def example_of(model: Any) -> Any:
    """Return an example of a model, made of the examples of its fields.

    :param model: a model, a list of one, or one that may be null
    """
    if get_origin(model) is list:
        return [example_of(get_args(model)[0])]
    if alternatives := get_args(model):
        return example_of(alternatives[0])
    return {
        field.alias or name: field.examples[0] if field.examples else example_of(field.annotation)
        for name, field in model.model_fields.items()
    }


def complete(schema: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return FastAPI's schema with the given examples, integer bounds, and responses by status.

    FastAPI leaves out the nulls of examples. It also turns bounds into floats, and the largest id
    would be rounded up to one that is not allowed.
    """
    for route in iter_route_contexts(routes):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _restore_examples(operation["responses"], route.responses)
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["responses"] = dict(sorted(operation["responses"].items()))
    completed: dict[str, Any] = _with_integers(schema)
    return completed


def _restore_examples(described: dict[str, Any], responses: Responses) -> None:
    for status, response in responses.items():
        for media_type, content in response.get("content", {}).items():
            described[str(status)]["content"][media_type]["example"] = content["example"]


def _with_integers(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _with_integers(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_with_integers(value) for value in schema]
    if isinstance(schema, float) and schema.is_integer():
        return min(int(schema), _MAX_INTEGER)
    return schema


def _headers(headers: dict[str, str] | None) -> dict[str, Any]:
    return {
        "headers": {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in (headers or {}).items()
        }
    }


def _csv(row: type[TableRow], example: dict[str, Any]) -> str:
    flat = row.flat(example)
    cells = [orjson.dumps(flat[name]).decode().strip('"') for name in row.columns()]
    cells = ["" if cell == "null" else cell for cell in cells]
    return f"{','.join(row.columns())}\r\n{','.join(cells)}\r\n"


NO_FORMAT = problem(
    406,
    "`Accept` allows none of the available formats.",
    "this list is available as application/json, text/csv and application/x-ndjson",
)
UNAVAILABLE = problem(
    503,
    "The database is not available, it did not confirm the change, or there are too many requests;"
    " `detail` says which. Repeat the request after the given time.",
    "The database does not answer or is busy. Try again in a moment.",
    headers={"Retry-After": "Seconds to wait."},
)
