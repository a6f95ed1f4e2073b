"""What ``/docs`` shows of each call's answers: a description, a model and an example."""

from typing import Any

import orjson

from api.v1.schemas import (
    MAX_ID,
    Health,
    InputProblem,
    Lookup,
    Mover,
    Problem,
    Readiness,
    Repository,
    RepositoryStats,
    Scan,
    ScanAsked,
    Stats,
    User,
)

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
    """Return the schema with the nulls of its examples, and its bounds as the integers they are."""
    if isinstance(schema, dict):
        return {key: unmasked(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [unmasked(value) for value in schema]
    if isinstance(schema, float) and schema.is_integer():
        # FastAPI keeps bounds as floats, and the largest id is rounded up to one that is refused.
        return min(int(schema), MAX_ID)
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
        described["headers"] = _described(headers)
    return {status: described}


def table(
    description: str,
    model: Any,
    example: object,
    *,
    csv: str,
    line: object,
    headers: dict[str, str] | None = None,
) -> Answers:
    """Describe an answer of rows, which can also be had as CSV and NDJSON.

    :param csv: what the example is as CSV
    :param line: what NDJSON has a line of
    """
    headers = {
        "Vary": "`Accept`: the header says how the rows are written, where `format` does not.",
        "Content-Disposition": "The name of the file; only of CSV and NDJSON.",
    } | (headers or {})
    described = answer(200, description, model, example, headers)
    described[200]["content"] |= {
        "text/csv": {"schema": {"type": "string"}, "example": csv.replace("\n", "\r\n")},
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode(),
        },
    }
    described[200]["headers"]["Content-Disposition"]["required"] = False
    return described


_ROWS_HEADERS = {
    "ETag": "Another one when any of this is.",
    "Cache-Control": "`no-cache`: what is kept has to be asked for again, with its `ETag`.",
    "Vary": "`Accept` says how the rows are written, `Accept-Encoding` whether they are gzipped.",
}
_PICTURE_HEADERS = {
    "ETag": "Changes when the picture does.",
    "Cache-Control": "Five minutes, also for whoever passes it on.",
}


def picture(description: str, example: str) -> Answers:
    """Describe an answer that is an SVG document."""
    return {
        200: {
            "description": description,
            "content": {"image/svg+xml": {"schema": {"type": "string"}, "example": example}},
            "headers": _described(_PICTURE_HEADERS),
        }
    }


def _described(headers: dict[str, str]) -> dict[str, Any]:
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
    }


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
    {"Link": 'Only where there are more: `</v1/users?limit=…&after=…>; rel="next"`.'},
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
_ROW = {"repo_id": 7329078, "date": "2022-06-10", "stargazers": 42, "forks": 9, "watchers": 14}

_ROW_CSV = "repo_id,date,stargazers,forks,watchers\n7329078,2022-06-10,42,9,14\n"

STATS_SHOWN = table(
    "The rows by repository and day; none where nothing was recorded.",
    Stats,
    {"user": USER, "stats": [_ROW]},
    csv=_ROW_CSV,
    line=_ROW,
    headers=_ROWS_HEADERS,
)
STATS_KNOWN: Answers = {
    304: {
        "description": "The rows are those that `If-None-Match` names.",
        "headers": _described(_ROWS_HEADERS),
    }
}
REPOSITORY_STATS_SHOWN = table(
    "The rows by day; none where nothing was recorded.",
    RepositoryStats,
    {
        "repository": {
            "id": 7329078,
            "user_id": 1428904,
            "name": "hello",
            "full_name": "allien/hello",
        },
        "stats": [_ROW],
    },
    csv=_ROW_CSV,
    line=_ROW,
)
_MOVER = {
    "repo_id": 7329078,
    "name": "hello",
    "first_day": "2022-06-01",
    "last_day": "2022-06-10",
    "first": 40,
    "last": 42,
    "difference": 2,
    "percent": 5.0,
}
GROWTH_SHOWN = table(
    "Those that moved most first, up or down; of equal ones the lower id.",
    list[Mover],
    [_MOVER],
    csv="repo_id,name,first_day,last_day,first,last,difference,percent\n"
    "7329078,hello,2022-06-01,2022-06-10,40,42,2,5.0\n",
    line=_MOVER,
)
REPOSITORY = {
    "id": 7329078,
    "user_id": 1428904,
    "name": "hello",
    "full_name": "allien/hello",
    "description": "Says hello",
    "language": "Python",
    "fork": False,
    "archived": False,
    "present": True,
    "absent_since": None,
    "moved_to": None,
    "first_day": "2022-05-20",
    "last_day": "2022-06-10",
    "latest": {"stargazers": 42, "forks": 9, "watchers": 14},
    "changes": {
        "1": {"stargazers": 1, "forks": 0, "watchers": 0},
        "7": {"stargazers": -2, "forks": 0, "watchers": 1},
        "30": None,
        "365": None,
    },
}
REPOSITORIES_SHOWN = table(
    "The repositories in the order that was asked for.",
    list[Repository],
    [REPOSITORY],
    csv="id,user_id,name,full_name,description,language,fork,archived,present,absent_since,moved_to,"
    "first_day,last_day,stargazers,forks,watchers,stargazers_1d,forks_1d,watchers_1d,stargazers_7d,"
    "forks_7d,watchers_7d,stargazers_30d,forks_30d,watchers_30d,stargazers_365d,forks_365d,"
    "watchers_365d\n7329078,1428904,hello,allien/hello,Says hello,Python,false,false,true,,,"
    "2022-05-20,2022-06-10,42,9,14,1,0,0,-2,0,1,,,,,,\n",
    line=REPOSITORY,
    headers={
        "X-Total-Count": "How many there are on all pages.",
        "Link": 'Only where there are more: `</v1/users/…/repos?…&offset=…>; rel="next"`.',
    },
)
REPOSITORY_SHOWN = answer(200, "The repository.", Repository, REPOSITORY)
_SCAN = {
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
SCANS_SHOWN = table(
    "The days by descending date; `none` is a day on which nothing was tried.",
    list[Scan],
    [
        _SCAN,
        {
            "day": "2022-06-09",
            "state": "none",
            "reason": "nothing was tried: the workers or beat did not run,"
            " or did not come to this user",
            "expected": None,
            "recorded": 0,
            "attempts": 0,
            "started_at": None,
            "finished_at": None,
            "next_attempt_at": None,
        },
    ],
    csv="day,state,reason,expected,recorded,attempts,started_at,finished_at,next_attempt_at\n"
    "2022-06-10,incomplete,2 repositories did not answer,257,255,2,2022-06-10T00:05:02Z,"
    "2022-06-10T00:05:09Z,\n",
    line=_SCAN,
)
SCAN_ASKED = answer(
    202,
    "A worker scans the user as soon as it is free; `Location` tells what became of it.",
    ScanAsked,
    {"state": "sent"},
    {"Location": "The user's scans."},
)
TOO_SOON = answer(
    429,
    "The user was scanned, or a scan was asked for, less than five minutes ago.",
    Problem,
    {"detail": "scanned or asked for a moment ago: ask again in 260 seconds"},
    {"Retry-After": "Seconds until it can be asked for."},
)
CHART_SHOWN = picture(
    "The chart.",
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="400" height="240" …>…</svg>',
)
BADGE_SHOWN = picture(
    "The badge.",
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="84" height="20" …>…</svg>',
)
PICTURE_KNOWN: Answers = {
    304: {
        "description": "The picture is the one that `If-None-Match` names.",
        "headers": _described(_PICTURE_HEADERS),
    }
}
ALIVE = answer(200, "The process is alive.", Health, {"status": "ok"})
READY = answer(
    200,
    "Requests can be served.",
    Readiness,
    {
        "status": "ready",
        "checks": {
            "postgres": "ok",
            "redis": "ok",
            "migrations": "ok",
            "credentials": "ok",
            "users": "ok",
            "queue": "ok",
        },
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
            "users": "ok",
            "queue": "not known: Redis does not answer",
        },
    },
)
NO_KEY = answer(
    401,
    "The key is missing or wrong, where `API_KEY` is set.",
    Problem,
    {"detail": "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>"},
    {"WWW-Authenticate": "`Bearer`"},
) | answer(
    403,
    "Where `API_KEY` is not set: a browser sent it for a page of another site.",
    Problem,
    {"detail": "a page of another site sent this: nothing was done"},
)
NO_USER = answer(404, "No such user is followed.", Problem, {"detail": "user not found"})
NO_REPOSITORY = answer(
    404,
    "No followed user has or had such a repository.",
    Problem,
    {"detail": "repository not found"},
)
NO_LOGIN = answer(404, "GitHub has no such login.", Problem, {"detail": "GitHub has no user alien"})
NO_LOOKUP = answer(404, "There is no such lookup.", Problem, {"detail": "lookup not found"})
NO_FORMAT = answer(
    406,
    "The header `Accept` takes none of the formats there are.",
    Problem,
    {"detail": "this list can be had as application/json, text/csv and application/x-ndjson"},
)
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
BAD_REPOSITORY_ID = answer(
    422,
    "The id is no number from 1 to 9223372036854775807.",
    InputProblem,
    {
        "detail": [
            {
                "type": "greater_than_equal",
                "loc": ["path", "repo_id"],
                "msg": "Input should be greater than or equal to 1",
                "input": "0",
            }
        ]
    },
)
BAD_DATES = answer(
    422,
    "A date or `format` is not one, dates are not in order, or it is too much for one answer.",
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
BAD_GROWTH = answer(
    422,
    "A date, `by` or `format` is not one, dates are not in order, or `limit` is too much.",
    InputProblem,
    {
        "detail": [
            {
                "type": "enum",
                "loc": ["query", "by"],
                "msg": "Input should be 'stargazers', 'forks' or 'watchers'",
                "input": "stars",
            }
        ]
    },
)
BAD_LIST = answer(
    422,
    "The id, what to order by, a filter, a bound or `format` is not what it may be.",
    InputProblem,
    {
        "detail": [
            {
                "type": "flag",
                "loc": ["query", "fork"],
                "msg": "say true or false",
                "input": "yes",
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
BAD_CHART = answer(
    422,
    "The id, a date, the size or what to draw is wrong, or it is more than ten years.",
    InputProblem,
    {
        "detail": [
            {
                "type": "greater_than_equal",
                "loc": ["query", "width"],
                "msg": "Input should be greater than or equal to 300",
                "input": "100",
            }
        ]
    },
)
BAD_BADGE = answer(
    422,
    "The id, the label or what to draw is wrong.",
    InputProblem,
    {
        "detail": [
            {
                "type": "enum",
                "loc": ["query", "metric"],
                "msg": "Input should be 'stargazers', 'forks' or 'watchers'",
                "input": "stars",
            }
        ]
    },
)
UNAVAILABLE = answer(
    503,
    "The database does not do its work now, or there are too many requests; `detail` says which.",
    Problem,
    {"detail": "the database does not answer or is busy: try again in a moment"},
    {"Retry-After": "Seconds to wait."},
)
