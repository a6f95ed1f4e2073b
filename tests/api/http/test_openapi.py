"""``/docs``: each call is described, with examples that are true."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter

import api.http.describe
import api.status.endpoints
import api.v1.all_stats
import api.v1.backfill_schemas
import api.v1.compare_body
import api.v1.history_schemas
import api.v1.import_schemas
import api.v1.notes
import api.v1.portfolio
import api.v1.schemas
import api.v1.search
from api.app import create_app
from api.http.middleware import MAX_BODY_BYTES
from common.settings import Settings
from common.version import VERSION
from tests.servers import ROOT

SCHEMA: dict[str, Any] = create_app(Settings()).openapi()

OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
}

NAMES = sorted(OPERATIONS)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the JSON among a call's answers; pictures have no model."""
    for status, answer in operation["responses"].items():
        if "application/json" in answer.get("content", {}):
            yield status, answer["content"]["application/json"]


def model_of(schema: dict[str, Any]) -> Any:
    """Return the class that a schema of the documentation was made from."""
    if schema.get("type") == "array":
        return list[model_of(schema["items"])]  # type: ignore[misc]
    name = schema["$ref"].rpartition("/")[2]
    (model,) = {
        getattr(module, name)
        for module in (
            api.v1.schemas,
            api.v1.all_stats,
            api.v1.search,
            api.v1.backfill_schemas,
            api.v1.compare_body,
            api.v1.history_schemas,
            api.v1.import_schemas,
            api.v1.notes,
            api.v1.portfolio,
            api.http.describe,
            api.status.endpoints,
        )
        if hasattr(module, name)
    }
    assert issubclass(model, BaseModel)
    return model


def test_the_documented_calls() -> None:
    assert NAMES == [
        "DELETE /v1/imports/{import_id}",
        "DELETE /v1/repos/{repo_id}/notes/{day}",
        "DELETE /v1/users/{user_id}",
        "GET /healthz",
        "GET /readyz",
        "GET /v1/compare.csv",
        "GET /v1/compare.json",
        "GET /v1/compare.svg",
        "GET /v1/export",
        "GET /v1/growth",
        "GET /v1/imports",
        "GET /v1/imports/{import_id}",
        "GET /v1/lookups/{lookup_id}",
        "GET /v1/portfolio",
        "GET /v1/repos",
        "GET /v1/repos/{repo_id}",
        "GET /v1/repos/{repo_id}/backfill",
        "GET /v1/repos/{repo_id}/badge.svg",
        "GET /v1/repos/{repo_id}/card.png",
        "GET /v1/repos/{repo_id}/chart.png",
        "GET /v1/repos/{repo_id}/chart.svg",
        "GET /v1/repos/{repo_id}/flow",
        "GET /v1/repos/{repo_id}/flow.svg",
        "GET /v1/repos/{repo_id}/history",
        "GET /v1/repos/{repo_id}/notes",
        "GET /v1/repos/{repo_id}/notes/{day}",
        "GET /v1/repos/{repo_id}/releases",
        "GET /v1/repos/{repo_id}/stats",
        "GET /v1/search",
        "GET /v1/stats",
        "GET /v1/users",
        "GET /v1/users/{user_id}",
        "GET /v1/users/{user_id}/backfill",
        "GET /v1/users/{user_id}/badge.svg",
        "GET /v1/users/{user_id}/card.png",
        "GET /v1/users/{user_id}/chart.png",
        "GET /v1/users/{user_id}/chart.svg",
        "GET /v1/users/{user_id}/growth",
        "GET /v1/users/{user_id}/history",
        "GET /v1/users/{user_id}/repos",
        "GET /v1/users/{user_id}/scans",
        "GET /v1/users/{user_id}/stats",
        "GET /v1/users/{user_id}/totals",
        "POST /v1/imports",
        "POST /v1/imports/{import_id}/apply",
        "POST /v1/repos/{repo_id}/backfill",
        "POST /v1/users/{user_id}/backfill",
        "POST /v1/users/{user_id}/scan",
        "PUT /v1/repos/{repo_id}/notes/{day}",
        "PUT /v1/users",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_call_has_a_summary_and_a_description(name: str) -> None:
    operation = OPERATIONS[name]

    assert len(operation["summary"]) > 10
    assert len(operation["description"]) > 20
    assert operation["tags"]


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_is_described_with_an_example_of_its_model(name: str) -> None:
    operation = OPERATIONS[name]
    for status, answer in operation["responses"].items():
        assert len(answer["description"]) > 5, status
        for header in answer.get("headers", {}).values():
            assert header["description"], status
    for status, content in contents(operation):
        adapter = TypeAdapter(model_of(content["schema"]))
        example = content["example"]
        # The model takes the example, and shows nothing that the example leaves out.
        shown = adapter.dump_python(adapter.validate_python(example), mode="json")
        assert shown == example, status


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_is_described_with_an_example(name: str) -> None:
    for parameter in OPERATIONS[name].get("parameters", []):
        assert len(parameter["description"]) > 10, parameter["name"]
        examples = parameter["schema"].get("examples") or parameter.get("examples")
        assert examples, parameter["name"]


def test_each_example_of_a_body_is_accepted() -> None:
    content = OPERATIONS["PUT /v1/users"]["requestBody"]["content"]["application/json"]

    assert len(content["examples"]) == 2
    for example in content["examples"].values():
        assert example["summary"]
        api.v1.schemas.UserToFollow.model_validate(example["value"])


def test_a_body_is_described_as_strictly_as_it_is_read() -> None:
    schemas = SCHEMA["components"]["schemas"]
    bodies = [schemas["LoginToFollow"], schemas["AccountToFollow"]]
    by_login, by_id = (body["properties"] for body in bodies)
    name, null = by_id["name"]["anyOf"]

    assert [body["required"] for body in bodies] == [["login"], ["id", "login"]]
    assert [body["additionalProperties"] for body in bodies] == [False, False]
    assert by_login["login"] == by_id["login"]
    assert by_login["login"]["type"] == "string"
    # A name goes with an id only.
    assert by_login["id"]["type"] == by_login["name"]["type"] == null["type"] == "null"
    assert (by_id["id"]["minimum"], by_id["id"]["maximum"]) == (1, 2**63 - 1)
    assert re.search(name["pattern"], "Ä b")
    assert not re.search(name["pattern"], "a\x00b")


def test_the_two_bodies_are_named_and_have_no_schema_around_them() -> None:
    """Generators of clients drop properties beside an ``anyOf``."""
    body = SCHEMA["components"]["schemas"]["UserToFollow"]

    assert set(body) == {"anyOf", "title", "description"}
    assert [each["$ref"].rpartition("/")[2] for each in body["anyOf"]] == [
        "LoginToFollow",
        "AccountToFollow",
    ]


def _schemas_beside(schema: Any, path: str = "") -> Iterator[str]:
    """Return where an ``anyOf`` has properties of its own."""
    if isinstance(schema, dict):
        if {"anyOf", "properties"} <= set(schema):
            yield path
        for key, value in schema.items():
            yield from _schemas_beside(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for key, value in enumerate(schema):
            yield from _schemas_beside(value, f"{path}/{key}")


def test_no_schema_has_properties_beside_alternatives() -> None:
    assert list(_schemas_beside(SCHEMA)) == []


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("PUT /v1/users", "200 201 202 401 403 404 413 422 503"),
        ("GET /v1/users", "200 422 503"),
        ("GET /v1/users/{user_id}", "200 404 422 503"),
        ("DELETE /v1/users/{user_id}", "200 401 403 404 422 503"),
        ("POST /v1/users/{user_id}/scan", "202 401 403 404 422 429 503"),
        ("POST /v1/users/{user_id}/backfill", "202 401 403 404 422 503"),
        ("GET /v1/users/{user_id}/backfill", "200 404 422 503"),
        ("POST /v1/repos/{repo_id}/backfill", "202 401 403 404 422 503"),
        ("GET /v1/repos/{repo_id}/backfill", "200 404 422 503"),
        ("GET /v1/users/{user_id}/stats", "200 304 404 406 422 503"),
        ("GET /v1/users/{user_id}/scans", "200 404 406 422 503"),
        ("GET /v1/users/{user_id}/repos", "200 404 406 422 503"),
        ("GET /v1/users/{user_id}/growth", "200 404 406 422 503"),
        ("GET /v1/repos", "200 406 422 503"),
        ("GET /v1/search", "200 422 503"),
        ("GET /v1/growth", "200 406 422 503"),
        ("GET /v1/portfolio", "200 406 422 503"),
        ("GET /v1/repos/{repo_id}", "200 404 422 503"),
        ("GET /v1/repos/{repo_id}/stats", "200 404 406 422 503"),
        ("GET /v1/users/{user_id}/chart.svg", "200 304 404 422 503"),
        ("GET /v1/repos/{repo_id}/chart.svg", "200 304 404 422 503"),
        ("GET /v1/repos/{repo_id}/flow.svg", "200 304 404 422 503"),
        ("GET /v1/users/{user_id}/badge.svg", "200 304 404 422 503"),
        ("GET /v1/repos/{repo_id}/badge.svg", "200 304 404 422 503"),
        ("GET /v1/lookups/{lookup_id}", "200 404 422 503"),
        ("GET /v1/export", "200 406 422 429 503"),
        ("POST /v1/imports", "202 401 403 408 409 413 422 429 503"),
        ("GET /v1/imports", "200 503"),
        ("GET /v1/imports/{import_id}", "200 404 422 503"),
        ("POST /v1/imports/{import_id}/apply", "202 401 403 404 409 422 503"),
        ("DELETE /v1/imports/{import_id}", "202 401 403 404 422 503"),
        ("GET /readyz", "200 503"),
        ("GET /healthz", "200"),
    ],
)
def test_the_answers_of_a_call_are_these(name: str, statuses: str) -> None:
    assert " ".join(sorted(OPERATIONS[name]["responses"])) == statuses


def test_only_calls_that_write_need_the_key() -> None:
    secured = {name for name, operation in OPERATIONS.items() if "security" in operation}

    assert secured == {
        "PUT /v1/users",
        "DELETE /v1/users/{user_id}",
        "POST /v1/users/{user_id}/scan",
        "POST /v1/imports",
        "POST /v1/imports/{import_id}/apply",
        "DELETE /v1/imports/{import_id}",
        "POST /v1/users/{user_id}/backfill",
        "POST /v1/repos/{repo_id}/backfill",
        "PUT /v1/repos/{repo_id}/notes/{day}",
        "DELETE /v1/repos/{repo_id}/notes/{day}",
    }
    schemes = SCHEMA["components"]["securitySchemes"].values()
    assert all(scheme["description"] for scheme in schemes)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".svg")])
def test_a_picture_is_described_as_one(name: str) -> None:
    answers = OPERATIONS[name]["responses"]

    assert list(answers["200"]["content"]) == ["image/svg+xml"]
    assert answers["200"]["content"]["image/svg+xml"]["example"].startswith("<svg")
    assert "content" not in answers["304"]
    assert {"ETag", "Cache-Control"} <= set(answers["200"]["headers"])


def test_rows_that_are_known_are_described_so() -> None:
    answers = OPERATIONS["GET /v1/users/{user_id}/stats"]["responses"]

    assert "content" not in answers["304"]
    for status in ("200", "304"):
        assert {"ETag", "Cache-Control"} <= set(answers[status]["headers"])


def test_the_examples_say_what_is_answered(client: TestClient) -> None:
    refused = OPERATIONS["PUT /v1/users"]["responses"]

    def example(status: str) -> Any:
        return refused[status]["content"]["application/json"]["example"]

    bad_login = {"login": example("422")["detail"][0]["input"]}
    assert client.put("/v1/users", json=bad_login).json() == example("422")
    too_large = {"login": "a" * MAX_BODY_BYTES}
    assert client.put("/v1/users", json=too_large).json() == example("413")


def test_docs_and_schema_are_served(client: TestClient) -> None:
    answer = client.get("/docs")

    assert answer.status_code == 200
    assert "Repopulse" in answer.text
    assert client.get("/openapi.json").json()["info"]["description"]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == VERSION
    assert SCHEMA["info"]["version"] == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+(-dev)?", VERSION)


def test_docs_load_nothing_from_other_hosts(client: TestClient) -> None:
    page = client.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert {"/docs/files/swagger-ui-bundle.js", "/docs/page/docs.js", "/openapi.json"} <= set(named)
    for address in named:
        assert client.get(address).status_code == 200, address


def test_docs_lead_back_to_the_pages_and_have_no_script_inline(client: TestClient) -> None:
    page = client.get("/docs").text

    assert '<a href="/">Back to Repopulse</a>' in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
