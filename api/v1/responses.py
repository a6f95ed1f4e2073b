"""The responses of the calls as ``/docs`` describes them: model, example and headers."""

from typing import Any, get_args, get_origin

import orjson

from api.v1 import schemas
from api.v1.fields import MAX_ID
from api.v1.schemas import InvalidInput, Problem, TableRow

Responses = dict[int | str, dict[str, Any]]
"""By status, as FastAPI takes them; ``|`` adds those of a call together."""

ROWS_HEADERS = {
    "ETag": "Changes whenever any row in the response changes.",
    "Cache-Control": "`no-cache`: a stored response must be revalidated with its `ETag`.",
    "Vary": "The response depends on `Accept` and `Accept-Encoding`.",
}
IMAGE_HEADERS = {
    "ETag": "Changes whenever the image changes.",
    "Cache-Control": "Five minutes, also for proxies.",
}


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
    :param example: by default the examples of the model's fields; without nulls, which FastAPI
        would leave out
    """
    response: dict[str, Any] = {"description": description, "model": model}
    if example is not None:
        response["content"] = {"application/json": {"example": example}}
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
    response[200]["content"] = {
        "text/csv": {"schema": {"type": "string"}, "example": _csv(row, example)},
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": orjson.dumps(example, option=orjson.OPT_APPEND_NEWLINE).decode(),
        },
    }
    return response


def svg(description: str, *, width: int, height: int) -> Responses:
    """Describe a response that is an SVG document, and the one without it."""
    example = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}">'
        "…</svg>"
    )
    content = {"image/svg+xml": {"schema": {"type": "string"}, "example": example}}
    response = {"description": description, "content": content} | _headers(IMAGE_HEADERS)
    return {200: response} | not_modified(IMAGE_HEADERS)


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


def invalid_metric(name: str) -> Responses:
    """Describe the response to an unknown metric, among other invalid input."""
    message = "Input should be 'stargazers', 'forks' or 'watchers'"
    return invalid("query", name, "stars", message, error="enum")


# Examples


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


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's schema with the examples of the models and with integer bounds.

    Examples are added here because FastAPI leaves out their nulls. It also turns bounds into
    floats, and the largest id would be rounded up to one that is not allowed.
    """
    for operations in schema["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                content = response.get("content", {}).get("application/json")
                if content is not None and "example" not in content:
                    content["example"] = example_of(_model_of(content["schema"]))
    completed: dict[str, Any] = _with_integers(schema)
    return completed


def _model_of(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        return list[_model_of(schema["items"])]  # type: ignore[misc]
    return getattr(schemas, schema["$ref"].rpartition("/")[2])


def _with_integers(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _with_integers(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_with_integers(value) for value in schema]
    if isinstance(schema, float) and schema.is_integer():
        return min(int(schema), MAX_ID)
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


# Errors that several calls share

NO_KEY = problem(
    401,
    "`API_KEY` is set, and the key is missing or wrong.",
    "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>",
    headers={"WWW-Authenticate": "`Bearer`"},
) | problem(
    403,
    "`API_KEY` is not set, and a browser sent this for a page of another site.",
    "a page of another site sent this: nothing was done",
)
NO_USER = problem(404, "No user with this id is followed.", "user not found")
NO_REPOSITORY = problem(
    404, "No followed user has or had a repository with this id.", "repository not found"
)
NO_FORMAT = problem(
    406,
    "`Accept` allows none of the available formats.",
    "this list can be had as application/json, text/csv and application/x-ndjson",
)
INVALID_USER_ID = invalid_minimum("path", "user_id", "0", 1)
INVALID_REPOSITORY_ID = invalid_minimum("path", "repo_id", "0", 1)
INVALID_DATES = invalid(
    "query",
    "date_from",
    "2026-11-02",
    "date_from 2026-11-02 is after date_to 2026-11-01",
    error="value_error",
)
UNAVAILABLE = problem(
    503,
    "The database is not available, or there are too many requests; `detail` says which.",
    "the database does not answer or is busy: try again in a moment",
    headers={"Retry-After": "Seconds to wait."},
)
