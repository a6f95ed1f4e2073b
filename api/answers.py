"""What ``/docs`` shows of each call's answers: a description, a model and an example."""

from typing import Any

from api.schemas import Health, InputProblem, Lookup, Problem, Readiness, Scan, Stats, User

Answers = dict[int | str, dict[str, Any]]

USER = {"id": 1428904, "login": "allien", "name": "Allien Delon"}

_PENDING = {"id": 17, "login": "allien", "state": "pending", "reason": None, "user": None}


_NULL = "<null>"
"""Stands for None in an example: FastAPI leaves out whatever is None in its schema."""


def _masked(example: Any) -> Any:
    if isinstance(example, dict):
        return {key: _masked(value) for key, value in example.items()}
    if isinstance(example, list):
        return [_masked(value) for value in example]
    return _NULL if example is None else example


def unmasked(schema: Any) -> Any:
    """Return the schema with the nulls of its examples."""
    if isinstance(schema, dict):
        return {key: unmasked(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [unmasked(value) for value in schema]
    return None if schema == _NULL else schema


def answer(
    status: int,
    description: str,
    model: Any,
    example: object,
    headers: dict[str, str] | None = None,
) -> Answers:
    """Describe one answer; its model is a class or a list of one."""
    described: dict[str, Any] = {
        "description": description,
        "model": model,
        "content": {"application/json": {"example": _masked(example)}},
    }
    if headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
    return {status: described}


USER_ADDED = answer(
    201,
    "The user is followed from now on, and is being recorded.",
    User,
    USER,
    {"Location": "The user's address."},
)
USER_KNOWN = answer(200, "The user was followed already, and is as stored.", User, USER)
USER_SHOWN = answer(200, "The user.", User, USER)
USER_DELETED = answer(
    200, "The user and all of its statistics are gone; this is who it was.", User, USER
)
USERS_SHOWN = answer(
    200,
    "The users by ascending id.",
    list[User],
    [USER, {"id": 28631927, "login": "anvdev", "name": "Ivan Titov"}],
    {"Link": 'Where there is more: `</v1/users?limit=…&after=…>; rel="next"`.'},
)
LOOKUP_PENDING = answer(
    202,
    "The login could not be resolved yet. The request is stored and will be carried out.",
    Lookup,
    _PENDING,
    {"Location": "Where to see what becomes of it."},
)
LOOKUP_SHOWN = answer(
    200,
    "What became of it: `pending`, `done` with the user, or `failed` with the reason.",
    Lookup,
    _PENDING | {"state": "done", "user": USER},
)
STATS_SHOWN = answer(
    200,
    "The rows by repository and day; none where nothing was recorded.",
    Stats,
    {
        "user": USER,
        "stats": [
            {
                "repo_id": 7329078,
                "date": "2022-06-10",
                "stargazers": 42,
                "forks": 9,
                "watchers": 14,
            }
        ],
    },
)
SCANS_SHOWN = answer(
    200,
    "The days by descending date; a day on which nothing was tried is absent.",
    list[Scan],
    [
        {
            "day": "2022-06-10",
            "state": "incomplete",
            "reason": "2 repositories did not answer",
            "expected": 257,
            "recorded": 255,
            "attempts": 2,
            "started_at": "2022-06-10T00:05:02Z",
            "finished_at": "2022-06-10T00:05:09Z",
            "next_attempt_at": None,
        }
    ],
)
ALIVE = answer(200, "The process is alive.", Health, {"status": "ok"})
READY = answer(
    200,
    "Requests can be served.",
    Readiness,
    {
        "status": "ready",
        "checks": {"postgres": "ok", "redis": "ok", "migrations": "ok", "credentials": "ok"},
    },
)
NOT_READY = answer(
    503,
    "Something is missing; `checks` says what.",
    Readiness,
    {
        "status": "unavailable",
        "checks": {
            "postgres": "ok",
            "redis": "does not answer",
            "migrations": "ok",
            "credentials": "not known: Redis does not answer",
        },
    },
)
NO_KEY = answer(
    401,
    "The key is missing or wrong, where `API_KEY` is set.",
    Problem,
    {"detail": "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>"},
    {"WWW-Authenticate": "`Bearer`"},
)
NO_USER = answer(404, "No such user is followed.", Problem, {"detail": "user not found"})
NO_LOGIN = answer(404, "GitHub has no such login.", Problem, {"detail": "GitHub has no user alien"})
NO_LOOKUP = answer(404, "There is no such lookup.", Problem, {"detail": "lookup not found"})
TOO_LARGE = answer(
    413, "The body is larger than 16 KiB.", Problem, {"detail": "the body is larger than 16 KiB"}
)
BAD_BODY = answer(
    422,
    "The input is wrong; `detail` lists what and where.",
    InputProblem,
    {
        "detail": [
            {
                "type": "login",
                "loc": ["body", "login"],
                "msg": "a login is 1 to 39 letters, digits, hyphens or underscores,"
                " and begins with a letter or a digit",
                "input": "../orgs/x",
            }
        ]
    },
)
BAD_ID = answer(
    422,
    "The id is no number from 1 to 9223372036854775807.",
    InputProblem,
    {
        "detail": [
            {
                "type": "greater_than_equal",
                "loc": ["path", "user_id"],
                "msg": "Input should be greater than or equal to 1",
                "input": "0",
            }
        ]
    },
)
BAD_DATES = answer(
    422,
    "A date is not one, or `date_from` is after `date_to`.",
    InputProblem,
    {
        "detail": [
            {
                "type": "value_error",
                "loc": ["query", "date_from"],
                "msg": "date_from 2022-06-11 is after date_to 2022-06-10",
                "input": "2022-06-11",
            }
        ]
    },
)
BAD_PAGE = answer(
    422,
    "`limit` or `after` is no such number.",
    InputProblem,
    {
        "detail": [
            {
                "type": "greater_than_equal",
                "loc": ["query", "limit"],
                "msg": "Input should be greater than or equal to 1",
                "input": "0",
            }
        ]
    },
)
UNAVAILABLE = answer(
    503,
    "The database does not answer or is busy.",
    Problem,
    {"detail": "the database does not answer or is busy: try again in a moment"},
    {"Retry-After": "Seconds to wait."},
)
