"""The API before whatever its own description allows and forbids, by schemathesis."""

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
"""For each operation and phase; ``make schemathesis`` asks for many, and for every phase."""

BOUNDED = ("--max-examples", "10", "--phases", "examples,fuzzing")

DOORS = ["open", "locked, with the key"]
if EXAMPLES:
    # The rest of a locked door is a test of its own, below.
    DOORS.append("locked, without the key")

CONFIGURATION = """
# That a day is not after today, nor after another, no JSON schema can say.
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
include-path = "/v1/repos/{repo_id}/stats"
checks.positive_data_acceptance.expected-statuses = [200, 404, 422]
[[operations]]
include-path = "/v1/users/{user_id}/chart.svg"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
[[operations]]
include-path = "/v1/repos/{repo_id}/chart.svg"
checks.positive_data_acceptance.expected-statuses = [200, 304, 404, 422]
# Which of id, login and name go together is said in words, and in the fault.
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
    """Let schemathesis loose on a system; return what it says, without its colours."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{system.address}/openapi.json"),
            *(("--max-examples", EXAMPLES) if EXAMPLES else BOUNDED),
            *("--continue-on-failure", "--no-color"),
            # What failed here is found again by its seed, not by a file in this directory.
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


@pytest.mark.parametrize("door", DOORS)
def test_every_answer_is_as_the_description_says(
    make_system: Any, tmp_path: Path, door: str
) -> None:
    settings = {"LOOKUP_WAIT": "0", "GITHUB_API_URL": "http://127.0.0.1:1"}
    options: list[str] = []
    configuration = CONFIGURATION
    if door == "open":
        # The description says which calls need the key where there is one; here is none.
        options = ["--exclude-checks", "ignored_auth"]
    else:
        settings["API_KEY"] = KEY
    if door == "locked, with the key":
        configuration += WITH_KEY

    (tmp_path / "schemathesis.toml").write_text(configuration)

    with running(make_system(**settings), "api") as system:
        told = explore(system, tmp_path, *options)
        log = system.log("api")

    print(told)
    assert told.endswith("exit status 0")
    generated = re.search(r"([\d,]+) generated", told)
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
            # A body that is no JSON, and an id that is none, are not looked at first.
            for content in (b"", b"{", b'{"login": "octocat"}'):
                answer = client.request(method, address, headers=headers, content=content)
                assert (answer.status_code, method, path) == (401, method, path)
                assert answer.headers["www-authenticate"] == "Bearer"


_ACTING_FORMS = ["/follow", "/users/{user_id}/scan"]
"""Forms of the pages; ``tests/api/pages/test_login.py`` tests who may send them."""


def test_no_call_that_writes_is_left_out_of_the_description(
    make_client: Callable[..., TestClient],
) -> None:
    """What the description leaves out, the test above cannot see."""
    client = make_client()
    assert isinstance(client.app, FastAPI)
    described = client.get("/openapi.json").json()["paths"]

    hidden = [
        context.path or ""
        for context in iter_route_contexts(client.app.routes)
        if WRITES & set(context.methods or ()) and context.path not in described
    ]

    assert sorted(hidden) == sorted([*_ACTING_FORMS, "/login", "/logout"])


@pytest.mark.parametrize("path", _ACTING_FORMS)
def test_a_form_of_the_pages_does_nothing_without_the_key(
    make_client: Callable[..., TestClient], path: str
) -> None:
    client = make_client(api_key=SecretStr(KEY))

    for headers in ({}, {"X-API-Key": KEY}, {"Cookie": f"repopulse_session={KEY}"}):
        answer = client.post(path.format(user_id=1), headers=headers, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
