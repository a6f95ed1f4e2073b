"""The API conforms to its OpenAPI schema (schemathesis), and calls that write need the key."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from starlette.testclient import TestClient

from tests.api.conftest import make_client
from tests.end_to_end.conftest import make_system
from tests.end_to_end.system import System, running

__all__ = ["make_client", "make_system"]

pytestmark = pytest.mark.end_to_end

KEY = "let-me-write"

EXAMPLES = os.environ.get("EXAMPLES")
"""Per operation and phase; ``make schemathesis`` sets many, and runs every phase."""

BOUNDED = ("--max-examples", "10", "--phases", "examples,fuzzing")

ACCESS = ["without API_KEY", "with the key"]
if EXAMPLES:
    # With few examples, the tests below cover this case.
    ACCESS.append("without the key")

CONFIGURATION = """
# A JSON schema cannot express that date_from must not be after date_to or today.
[[operations]]
include-path = "/v1/users/{user_id}/stats"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/scans"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/growth"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/growth"
checks.positive_data_acceptance.expected-statuses = [200, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/stats"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/history"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/history"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/flow"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/chart.png"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/chart.svg"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/chart.png"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/chart.svg"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/flow.svg"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
# A name may be unknown, and a comparison needs at least one.
[[operations]]
include-path-regex = "^/v1/compare[.]"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422, 503]
[[operations]]
include-path = "/v1/stats"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422, 429]
# bom and columns belong to some formats alone.
[[operations]]
include-path = "/v1/portfolio"
checks.positive_data_acceptance.expected-statuses = [200, 422]
[[operations]]
include-path = "/v1/repos"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/repos"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
# Without strict=1, images answer with a picture of the error.
[[operations]]
include-path-regex = "[.](svg|png)$"
checks.negative_data_rejection.expected-statuses = [200, 304, 404, 422]
# Parquet is an option that is not installed here, and only some exports run at once.
[[operations]]
include-path = "/v1/export"
checks.positive_data_acceptance.expected-statuses = [200, 422, 429]
# Some formats need repo, the body must not be empty, and few imports may be unfinished.
[[operations]]
include-path = "/v1/imports"
checks.positive_data_acceptance.expected-statuses = [200, 202, 401, 409, 422, 429]
[[operations]]
include-path = "/v1/imports/{import_id}/apply"
checks.positive_data_acceptance.expected-statuses = [202, 401, 404, 409]
# Notes are not for days to come, and not blank.
[[operations]]
include-path = "/v1/repos/{repo_id}/notes/{day}"
checks.positive_data_acceptance.expected-statuses = [200, 201, 401, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/notes"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/releases"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
# For a JSON schema 5.0 is an integer; for the API it is not.
[[operations]]
include-path = "/v1/users"
include-method = "PUT"
checks.positive_data_acceptance.expected-statuses = [200, 201, 202, 401, 404, 422]
"""

WITH_KEY = f"""
[auth.openapi.HTTPBearer]
bearer = "{KEY}"
"""

WRITES = {"PUT", "POST", "PATCH", "DELETE"}


def explore(system: System, directory: Path, *options: str) -> str:
    """Run schemathesis against a system; return its output."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{system.address}/openapi.json"),
            *(("--max-examples", EXAMPLES) if EXAMPLES else BOUNDED),
            *("--continue-on-failure", "--no-color"),
            # A failure is reproduced by its seed, so no database file is needed.
            *("--seed", os.environ.get("SEED") or "1", "--generation-database", "none"),
            *("--workers", "2", *options),
        ],
        cwd=directory,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{done.stdout}\n{done.stderr}\nexit status {done.returncode}"


@pytest.mark.parametrize("access", ACCESS)
def test_every_response_conforms_to_the_schema(
    make_system: Any, tmp_path: Path, access: str
) -> None:
    settings = {"LOOKUP_WAIT": "0", "GITHUB_API_URL": "http://127.0.0.1:1"}
    options: list[str] = []
    configuration = CONFIGURATION
    if access == "without API_KEY":
        # The schema says which calls need the key; without API_KEY none does.
        options = ["--exclude-checks", "ignored_auth"]
    else:
        settings["API_KEY"] = KEY
    if access == "with the key":
        configuration += WITH_KEY

    (tmp_path / "schemathesis.toml").write_text(configuration)

    with running(make_system(**settings), "api") as system:
        output = explore(system, tmp_path, *options)
        log = system.log("api")

    print(output)
    assert output.endswith("exit status 0")
    generated = re.search(r"([\d,]+) generated", output)
    assert generated is not None
    assert int(generated[1].replace(",", "")) >= int(EXAMPLES or 50)
    assert "Traceback" not in log


def test_every_call_that_writes_needs_the_key(make_client: Callable[..., TestClient]) -> None:
    client = make_client(api_key=SecretStr(KEY))
    calls = [
        (method.upper(), path)
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for method in operations
        if method.upper() in WRITES
    ]

    assert ("PUT", "/v1/users") in calls
    assert ("DELETE", "/v1/users/{user_id}") in calls
    for method, path in calls:
        address = re.sub(r"{\w+}", "1", path)
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {KEY}"}):
            # The key is checked before the body and the id.
            for content in (b"", b"{", b'{"login": "octocat"}'):
                answer = client.request(method, address, headers=headers, content=content)
                assert (answer.status_code, method, path) == (401, method, path)
                assert answer.headers["www-authenticate"] == "Bearer"


_FORMS = [
    "/follow",
    "/imports/files?format=csv&name=a",
    "/imports/{import_id}/apply",
    "/imports/{import_id}/undo",
    "/repos/{repo_id}/notes",
    "/repos/{repo_id}/notes/delete",
    "/users/{user_id}/scan",
    "/users/{user_id}/unfollow",
]
"""Forms of the pages; ``tests/api/pages/test_login.py`` tests who may send them."""


def test_only_the_forms_of_the_pages_write_outside_the_schema(
    make_client: Callable[..., TestClient],
) -> None:
    """The test above sees only calls in the schema."""
    client = make_client()
    assert isinstance(client.app, FastAPI)
    described = client.get("/openapi.json").json()["paths"]

    hidden = [
        context.path or ""
        for context in iter_route_contexts(client.app.routes)
        if WRITES & set(context.methods or ()) and context.path not in described
    ]

    forms = [form.partition("?")[0] for form in _FORMS]
    assert sorted(hidden) == sorted([*forms, "/login", "/logout"])


@pytest.mark.parametrize("path", _FORMS)
def test_a_form_of_the_pages_needs_a_session(
    make_client: Callable[..., TestClient], path: str
) -> None:
    client = make_client(api_key=SecretStr(KEY))

    for headers in ({}, {"X-API-Key": KEY}, {"Cookie": f"repopulse_session={KEY}"}):
        answer = client.post(
            path.format(user_id=1, repo_id=1, import_id=1), headers=headers, follow_redirects=False
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
