"""A query that a call does not understand is refused; images and pages ignore it."""

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from common.users import TrackedUser
from tests import factories


@pytest.fixture
def user(connection: Connection) -> TrackedUser:
    user = factories.add_user(connection)
    factories.add_repository(connection, user, 900)
    return user


def faults(client: TestClient, path: str, method: str = "GET") -> list[dict[str, object]]:
    answer = client.request(method, path)
    assert answer.status_code == 422, answer.text
    found: list[dict[str, object]] = answer.json()["detail"]
    return found


@pytest.mark.parametrize(
    ("path", "name", "nearest"),
    [
        ("/v1/users/{}/repos?forks=true", "forks", "fork"),
        ("/v1/users/{}/stats?date_frm=2026-01-01", "date_frm", "date_from"),
        ("/v1/users/{}/stats?Date_From=2026-01-01", "Date_From", "date_from"),
        ("/v1/users/{}/growth?date-to=2026-01-01", "date-to", "date_to"),
        ("/v1/users/{}/scans?formt=csv", "formt", "format"),
        ("/v1/repos/900/stats?date_fro=2026-01-01", "date_fro", "date_from"),
        ("/v1/users?limits=1", "limits", "limit"),
        ("/v1/users?logins=octocat", "logins", "login"),
        ("/v1/repos?full_name=a/b&formt=csv", "formt", "format"),
    ],
)
def test_a_misspelt_parameter_is_refused_with_the_nearest_one(
    client: TestClient, user: TrackedUser, path: str, name: str, nearest: str
) -> None:
    (fault,) = faults(client, path.format(user.id))

    assert fault == {
        "type": "unknown_parameter",
        "loc": ["query", name],
        "msg": f"unknown parameter: did you mean {nearest}?",
    }


def test_an_unknown_parameter_is_refused_with_the_list_of_parameters(
    client: TestClient, user: TrackedUser
) -> None:
    (fault,) = faults(client, f"/v1/users/{user.id}/stats?q=1")

    assert fault["msg"] == (
        "unknown parameter: the parameters of this call are after, bom, columns, date_from,"
        " date_to, format, limit"
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_call_without_parameters_takes_none(
    client: TestClient, user: TrackedUser, method: str
) -> None:
    assert client.request(method, f"/v1/users/{user.id}?really=yes").status_code == 422
    assert client.get(f"/v1/users/{user.id}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/users?dry_run=1"), ("POST", "/v1/users/{}/scan?full=1")]
)
def test_a_call_that_writes_refuses_a_parameter_before_it_writes(
    client: TestClient, user: TrackedUser, method: str, path: str
) -> None:
    answer = client.request(method, path.format(user.id), json={"login": "octocat"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "unknown parameter: it takes none"


def test_every_fault_of_a_query_is_named(client: TestClient, user: TrackedUser) -> None:
    found = faults(client, f"/v1/users/{user.id}/stats?x=1&format=csv&format=json&y=2")

    assert [(fault["type"], fault["loc"]) for fault in found] == [
        ("unknown_parameter", ["query", "x"]),
        ("repeated", ["query", "format"]),
        ("unknown_parameter", ["query", "y"]),
    ]


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/repos/900/badge.svg", "/v1/repos/900/chart.svg", "/v1/repos/900/flow.svg"),
        *("/v1/users/{}/badge.svg", "/v1/users/{}/chart.svg", "/v1/repos/900/chart.png"),
        *("/", "/users/{}", "/repos/900", "/readyz", "/metrics"),
    ],
)
def test_images_and_pages_ignore_unknown_parameters(
    client: TestClient, user: TrackedUser, path: str
) -> None:
    plain = client.get(path.format(user.id))

    assert client.get(path.format(user.id) + "?v=2&utm_source=x").status_code == plain.status_code
